"""Session: one graph made ready on one device, run as often as one likes."""

import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import onnxruntime

from inspectnet.errors import DeviceError, ModelError, OptionError
from inspectnet.runtime.device import Device

Weights = Mapping[str, np.ndarray]
Kept = Any  # a tensor that stays on the device: onnxruntime.OrtValue


class Session:
    """A graph that runs: arrays by name in, arrays by name out.

    proto is the model as bytes, with the weights beside it that no bytes would hold. threads limits the cores one run
    uses (0: all of them). Safe to call from several threads; a run does not hold the interpreter's lock. Raises
    ModelError if onnxruntime refuses the graph.
    """

    def __init__(self, proto: bytes | tuple[bytes, Weights], device: Device, threads: int = 0) -> None:
        options = onnxruntime.SessionOptions()
        options.intra_op_num_threads = threads or _threads_said()
        # a session's threads wait for its next run in loops, and would take the cores from another session's run
        options.add_session_config_entry("session.force_spinning_stop", "1")
        # graphs that end behind an int8 DequantizeLinear do not load where onnxruntime moves its quantisers about; and
        # where it computes in integers instead, two cuts of one network differ by a step of the grid
        options.add_session_config_entry("session.disable_quant_qdq", "1")
        options.log_severity_level = 4  # what it would log as an error comes as an exception too
        graph, weights = proto if isinstance(proto, tuple) else (proto, {})
        self._weights = [onnxruntime.OrtValue.ortvalue_from_numpy(array) for array in weights.values()]  # not copied
        try:
            options.add_external_initializers(list(weights), self._weights)
            self._session = onnxruntime.InferenceSession(graph, options, providers=device.providers)
        except Exception as error:  # onnxruntime's exceptions share no base but this
            raise _refusal(error) from error
        if device.cuda and self._session.get_providers()[0] != "CUDAExecutionProvider":
            raise DeviceError(f"onnxruntime could not start {device.name}. Say --device cpu.")
        self._device = device
        self.inputs = [x.name for x in self._session.get_inputs()]
        self.outputs = [x.name for x in self._session.get_outputs()]

    def run(
        self, feeds: Mapping[str, np.ndarray | Kept], outputs: Sequence[str] | None = None
    ) -> dict[str, np.ndarray]:
        """The outputs (all, or those named) as arrays."""
        names = list(outputs or self.outputs)
        if not self._device.cuda and all(isinstance(x, np.ndarray) for x in feeds.values()):
            try:
                return dict(zip(names, self._session.run(names, dict(feeds)), strict=True))
            except Exception as error:
                raise _refusal(error) from error
        return {name: value.numpy() for name, value in self._bound(feeds, names, "cpu").items()}

    def run_kept(self, feeds: Mapping[str, np.ndarray | Kept]) -> dict[str, Kept]:
        """All outputs as tensors that stay on the device, to be fed to another session there."""
        return self._bound(feeds, self.outputs, "cuda" if self._device.cuda else "cpu")

    def _bound(self, feeds: Mapping[str, np.ndarray | Kept], names: Sequence[str], place: str) -> dict[str, Kept]:
        binding = self._session.io_binding()
        for name, value in feeds.items():
            if isinstance(value, np.ndarray):
                binding.bind_cpu_input(name, np.ascontiguousarray(value))
            else:
                binding.bind_ortvalue_input(name, value)
        for name in names:
            binding.bind_output(name, place, self._device.index if place == "cuda" else 0)
        try:
            self._session.run_with_iobinding(binding)
        except Exception as error:
            raise _refusal(error) from error
        return dict(zip(names, binding.get_outputs(), strict=True))


def _threads_said() -> int:
    """How many threads the environment asks for, 0 for all cores."""
    said = os.environ.get("INSPECTNET_THREADS", "0")
    if not said.isdigit():
        raise OptionError(f"INSPECTNET_THREADS is '{said}', which is no number of threads. Say 1, 2 ..., or unset it.")
    return int(said)


def _refusal(error: Exception) -> ModelError:
    """What onnxruntime says, in one line."""
    first = str(error).strip().splitlines()[0][:300].rstrip(". ")
    return ModelError(f"onnxruntime cannot run this graph: {first}. Check the model with onnx.checker.")
