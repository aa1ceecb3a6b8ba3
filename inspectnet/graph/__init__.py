"""The structure of models: values, axes, receptive fields, layers, names. Nothing here opens or runs anything."""
