"""Drawings and numbers become files. Nothing here computes."""
