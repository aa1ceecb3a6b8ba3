"""From a file of any producer to one graph: opened, checked, brought to one opset, its shapes settled."""
