"""Files that are written whole, folders held by one process, and regular files only."""
