"""The versions of all that has a part in a result."""

from importlib import import_module
from importlib.metadata import PackageNotFoundError, version

import inspectnet

MODULES = {"numpy": "numpy", "onnx": "onnx", "onnx-ir": "onnx_ir", "pillow": "PIL", "simplejpeg": "simplejpeg"}


def versions() -> dict[str, str]:
    """By name, the version of each package; of onnxruntime whichever wheel is installed, of inspectnet this code's."""
    import onnxruntime

    # what an installation says of inspectnet may be of another tree than the one that runs
    others = {name: _version(name, module) for name, module in MODULES.items()}
    return {"inspectnet": inspectnet.__version__, **others, "onnxruntime": onnxruntime.__version__}


def _version(package: str, module: str) -> str:
    """As it was installed, else as it says itself, as where packages are copied without their metadata."""
    try:
        return version(package)
    except PackageNotFoundError:
        return str(getattr(import_module(module), "__version__", "unknown"))
