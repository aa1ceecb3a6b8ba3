"""What a network gets right, in torch and in onnxruntime."""
