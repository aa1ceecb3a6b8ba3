"""Weights apart: several graphs whose weights lie in one file of external data, each once."""

import hashlib

import onnx_ir as ir

from inspectnet.graph.writing import BESIDE

GRID = 64  # bytes: where weights begin, so that they can be read in place


class SharedWeights:
    """The weights of graphs that were made of one network."""

    def __init__(self, name: str) -> None:
        """name: of the file, by which graphs ask for it."""
        self.name, self._places, self._parts, self._size = name, dict[bytes, int](), list[bytes](), 0

    def take(self, model: ir.Model) -> bytes:
        """The graph as a file would hold it, whose larger weights lie in the common one. The model stays as it is."""
        weights = model.graph.initializers
        heavy = {name: t for name, v in weights.items() if (t := v.const_value) is not None and t.nbytes > BESIDE}
        try:
            for name, tensor in heavy.items():
                offset, shape = self._place(tensor.tobytes()), ir.Shape(tensor.shape.numpy())
                weights[name].const_value = ir.ExternalTensor(
                    self.name, offset, tensor.nbytes, tensor.dtype, shape=shape, name=name
                )
            data: bytes = ir.to_proto(model).SerializeToString()
            return data
        finally:
            for name, tensor in heavy.items():
                weights[name].const_value = tensor

    def file(self) -> bytes:
        """The weights of all graphs so far."""
        return b"".join(self._parts)

    def _place(self, data: bytes) -> int:
        """Where in the file these bytes begin."""
        key = hashlib.sha256(data).digest()
        if key not in self._places:
            self._places[key] = self._size
            self._parts.append(data + bytes(-len(data) % GRID))
            self._size += len(self._parts[-1])
        return self._places[key]


def weigh(model: ir.Model) -> int:
    """Bytes of all weights of a model."""
    return sum(t.nbytes for value in model.graph.initializers.values() if (t := value.const_value) is not None)
