"""Labelled pictures: found, decoded, cached, batched, cropped."""
