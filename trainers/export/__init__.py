"""Trained weights as an ONNX file with its metadata, and its model card."""
