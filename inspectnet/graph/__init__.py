"""The structure of models: reading, upgrading, naming of layers, receptive fields. Nothing here runs anything."""
