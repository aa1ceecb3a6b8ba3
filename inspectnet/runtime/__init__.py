"""The only place that runs a graph: devices and sessions of onnxruntime."""
