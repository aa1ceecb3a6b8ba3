"""The converter works in a process of its own, whose death is an error in words and no more."""

import os
import signal
import sys

import pytest
from nets import onnx_text

from inspectnet.errors import ModelError
from inspectnet.reading import converter
from inspectnet.reading.converter import ConverterError, convert, write_out
from inspectnet.reading.reader import read

FILE = onnx_text("a = Relu (image)\ny = Shrink (a)", opset=13, image=("N", 3, 8, 8))


@pytest.fixture
def program(monkeypatch):
    """program(text): from now on the process runs this."""

    def plant(text):
        monkeypatch.setattr(converter, "PROGRAM", text)
        converter._server.cache_clear()

    yield plant
    converter._server.cache_clear()


def test_one_process_converts_and_writes_out_one_model_after_the_other():
    assert [convert(FILE, opset).opset_import[0].version for opset in (14, 21)] == [14, 21]
    written = [node.op_type for node in write_out(convert(FILE, 21), ["Shrink"]).graph.node]
    assert "Shrink" not in written and len(written) > 2


def test_what_the_tool_says_is_raised_and_the_process_goes_on():
    for _ in range(2):
        with pytest.raises(ConverterError, match=r"\w"):
            convert(FILE, 999)
    assert convert(FILE, 14).opset_import[0].version == 14


@pytest.mark.parametrize("end", ["os.abort()", "os._exit(0)", "os.write(1, bytes(3)) and os._exit(1)"])
def test_the_death_of_the_process_is_an_error_and_the_next_one_is_another(end, program, monkeypatch, tmp_path):
    path = tmp_path / "model.onnx"
    path.write_bytes(FILE.SerializeToString())
    with monkeypatch.context() as changed:
        changed.setattr(converter, "PROGRAM", f"import os, sys\nsys.stdin.buffer.read(16)\n{end}")
        converter._server.cache_clear()
        with pytest.raises(ModelError, match=r"model\.onnx: onnx's converter dies of it"):
            read(path)
    assert read(path).model.graph.num_nodes() > 1


def test_a_process_that_never_answers_is_ended(program, monkeypatch):
    monkeypatch.setattr(converter, "SECONDS", 0.1)
    program("import time\ntime.sleep(1000)")
    with pytest.raises(ConverterError, match="dies of it"):
        convert(FILE, 14)


@pytest.mark.skipif(sys.platform == "win32", reason="this system does not limit the time of processes")
def test_a_process_is_ended_for_the_time_it_works_not_for_the_time_it_waits(program, monkeypatch):
    monkeypatch.setattr(converter, "CPU_SECONDS", 1)
    waits = (
        "    questions.read(size)\n    time.sleep(2)\n    answers.write(head.pack(2, 1) + b'ok')\n    answers.flush()\n"
    )
    given = converter.PROGRAM[: converter.PROGRAM.index("    try:\n        model =")]
    program(given + waits)
    with pytest.raises(ConverterError, match="ok"):
        convert(FILE, 14)
    program(given + "    while True: pass\n")
    with pytest.raises(ConverterError, match=f"dies of it .exit -{signal.Signals.SIGXCPU.value}"):
        convert(FILE, 14)


@pytest.mark.skipif(sys.platform == "win32", reason="this system does not limit the time of processes")
def test_each_model_is_given_the_time_anew(program, monkeypatch):
    monkeypatch.setattr(converter, "CPU_SECONDS", 1)
    work = "    end = time.process_time() + 0.6\n    while time.process_time() < end: pass\n    try:\n        model ="
    program(converter.PROGRAM.replace("    try:\n        model =", work))
    assert [convert(FILE, 14).opset_import[0].version for _ in range(4)] == [14] * 4


def test_files_in_the_current_folder_do_not_stand_in_for_modules(program, monkeypatch, tmp_path):
    (tmp_path / "onnx.py").write_text("raise SystemExit")
    (tmp_path / "struct.py").write_text("raise SystemExit")
    monkeypatch.chdir(tmp_path)
    converter._server.cache_clear()
    assert convert(FILE, 14).opset_import[0].version == 14


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system has no fork")
def test_a_fork_has_a_process_of_its_own():
    convert(FILE, 14)
    ours = converter._server(os.getpid())
    assert converter._server(os.getpid()) is ours is not converter._server(-1)
    converter._server(-1).end()
