"""onnx's version converter and inliner in a subprocess, because malformed graphs crash them (SIGSEGV).

The process starts when it is first needed, as it takes a fifth of a second, and serves until this one ends.
"""

import atexit
import functools
import os
import struct
import subprocess
import sys
import threading
from collections.abc import Iterable

import onnx

CPU_SECONDS = 20  # for one model; ordinary ones take a thousandth
SECONDS = 600  # of wall time, for what waits without working: on a busy machine good models take long as well
HEAD = struct.Struct("<qq")  # before a question: its bytes, how many operators are named; before an answer: bytes, code
DONE, REFUSED = 0, 1
PROGRAM = """
import math, signal, struct, sys, time
import onnx, onnx.inliner, onnx.version_converter
signal.signal(signal.SIGINT, signal.SIG_IGN)  # it ends with whoever asks
try:
    import resource
except ImportError:  # Windows has no such limit
    resource = None
def give_time(seconds):  # the process ends when it has worked so long from now
    if resource:
        _, most = resource.getrlimit(resource.RLIMIT_CPU)
        end = math.ceil(time.process_time() + seconds)
        resource.setrlimit(resource.RLIMIT_CPU, (end if most == resource.RLIM_INFINITY else min(end, most), most))
limit, head, questions, answers = float(sys.argv[1]), struct.Struct("<qq"), sys.stdin.buffer, sys.stdout.buffer
while asked := questions.read(head.size):
    give_time(limit)
    size, opset = head.unpack(asked)
    operators = questions.readline().decode().split()
    try:
        model = onnx.load_model_from_string(questions.read(size))
        if opset:
            model = onnx.version_converter.convert_version(model, opset)
        else:
            model = onnx.inliner.inline_selected_functions(
                model, [("", name) for name in operators], exclude=False, inline_schema_functions=True
            )
        answer, code = model.SerializeToString(), 0
    except Exception as error:
        answer, code = (str(error) or type(error).__name__).encode(errors="replace"), 1
    answers.write(head.pack(len(answer), code) + answer)
    answers.flush()
"""


class ConverterError(Exception):
    """What onnx's tool says of the model, or that it died of it."""


def convert(model: onnx.ModelProto, opset: int) -> onnx.ModelProto:
    """The same model in another opset. Raises ConverterError."""
    return _server(os.getpid()).ask(model, opset, [])


def write_out(model: onnx.ModelProto, operators: Iterable[str]) -> onnx.ModelProto:
    """The same model, operators of the standard of these names written as it defines them. Raises ConverterError."""
    return _server(os.getpid()).ask(model, 0, operators)


@functools.cache
def _server(pid: int) -> "_Server":
    """The one server of this process; a fork of it starts its own."""
    return _Server()


class _Server:
    """A process that changes models, one after the other."""

    def __init__(self) -> None:
        # -P: else files in the current folder could stand in for modules
        command = [sys.executable, "-P", "-c", PROGRAM, str(CPU_SECONDS)]
        pipe, nowhere = subprocess.PIPE, subprocess.DEVNULL
        self._process = subprocess.Popen(command, stdin=pipe, stdout=pipe, stderr=nowhere)
        self._lock = threading.Lock()
        atexit.register(self.end)

    def ask(self, model: onnx.ModelProto, opset: int, operators: Iterable[str]) -> onnx.ModelProto:
        """What the process makes of a model: in that opset, or for 0 with these operators written out."""
        data = model.SerializeToString()
        with self._lock:
            timer = threading.Timer(SECONDS, self._process.kill)
            timer.start()
            try:
                code, answer = self._answer(HEAD.pack(len(data), opset) + f"{' '.join(operators)}\n".encode() + data)
            except BaseException as error:  # an interruption too leaves a question without its answer
                _server.cache_clear()
                self.end()
                if isinstance(error, (OSError, EOFError)):
                    raise ConverterError(f"onnx's converter dies of it (exit {self._process.returncode})") from None
                raise
            finally:
                timer.cancel()
        if code == REFUSED:
            raise ConverterError(answer.decode(errors="replace"))
        return onnx.load_model_from_string(answer)

    def end(self) -> None:
        """End the process, in whatever state it is."""
        atexit.unregister(self.end)
        self._process.kill()
        self._process.communicate()

    def _answer(self, question: bytes) -> tuple[int, bytes]:
        questions, answers = self._process.stdin, self._process.stdout
        assert questions is not None and answers is not None
        questions.write(question)
        questions.flush()
        head = answers.read(HEAD.size)
        if len(head) < HEAD.size:
            raise EOFError
        size, code = HEAD.unpack(head)
        answer = answers.read(size)
        if len(answer) < size:
            raise EOFError
        return code, answer
