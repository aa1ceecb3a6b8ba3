"""Figures: what an analysis gives, drawn by matplotlib; arrays and words in, a Figure out."""
