"""Numbers become drawings. Nothing here knows a network or a file."""
