import subprocess
import sys
import tomllib
from importlib import metadata
from pathlib import Path

import numpy
import pytest

import inspectnet
from inspectnet.runtime.versions import versions

ROOT = Path(__file__).parents[2]


def test_versions_are_those_that_are_installed_and_inspectnets_that_of_the_code():
    found = versions()
    assert found["inspectnet"] == inspectnet.__version__ and found["numpy"] == metadata.version("numpy")
    assert set(found) == {"inspectnet", "numpy", "onnx", "onnx-ir", "pillow", "simplejpeg", "onnxruntime"}


def test_the_code_and_its_package_have_one_version():
    assert tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["version"] == inspectnet.__version__


def test_packages_that_were_copied_say_their_version_themselves(monkeypatch):
    def unknown(package):
        raise metadata.PackageNotFoundError(package)

    monkeypatch.setattr("inspectnet.runtime.versions.version", unknown)
    found = versions()
    assert found["numpy"] == numpy.__version__ and found["inspectnet"] == inspectnet.__version__
    assert found["simplejpeg"] != ""


def test_a_source_tree_that_is_not_installed_gives_a_result(tmp_path):
    """Its metadata is looked for in vain."""
    program = "import sys, importlib.metadata as m\nreal = m.version\n"
    program += (
        "def version(name):\n    if name == 'inspectnet': raise m.PackageNotFoundError(name)\n    return real(name)\n"
    )
    program += "m.version = version\nfrom inspectnet.cli import main\nsys.exit(main(sys.argv[1:]))"
    model, photos = ROOT / "models" / "zfnet-tiny.onnx", ROOT / "inspectnet" / "samples"
    photo = min(photos.glob("*.jpg"))
    arguments = ["explain", model, photo, "-m", "gradient", "--device", "cpu", "-o", tmp_path / "out"]
    done = subprocess.run(
        [sys.executable, "-c", program, *map(str, arguments)], cwd=ROOT, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert (tmp_path / "out" / "result.json").exists()


@pytest.mark.parametrize("absent, said", [("simplejpeg", "simplejpeg"), ("google", "google.protobuf")])
def test_a_source_tree_without_its_packages_says_so_before_any_work(absent, said):
    program = "import importlib.machinery as m, runpy\nreal = m.PathFinder.find_spec\n"
    program += f"m.PathFinder.find_spec = lambda name, *more: None if name == '{absent}' else real(name, *more)\n"
    program += "runpy.run_module('inspectnet', run_name='__main__')"
    arguments = [sys.executable, "-c", program, "layers", "absent.onnx"]
    done = subprocess.run(arguments, cwd=ROOT, capture_output=True, text=True)
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith(f"inspectnet: not installed here: {said}. ") and done.stderr.count("\n") == 1
