import subprocess
import sys
from pathlib import Path

HEAVY = ("PIL", "simplejpeg", "onnx", "onnxruntime", "torch", "rich", "typer")


def loaded_after(statement: str) -> str:
    program = f"import sys; {statement}; print(*(name for name in {HEAVY} if name in sys.modules))"
    root = Path(__file__).parents[2]
    run = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True, cwd=root)
    return run.stdout.strip()


def test_importing_the_room_loads_no_decoder_and_no_other_room():
    assert loaded_after("import inspectnet.images") == ""


def test_the_test_above_can_fail():
    assert loaded_after("import inspectnet.images, PIL") == "PIL"
