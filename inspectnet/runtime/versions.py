"""The versions of all that has a part in a result."""

from importlib.metadata import version

PACKAGES = ("inspectnet", "numpy", "onnx", "onnx-ir", "pillow", "simplejpeg")


def versions() -> dict[str, str]:
    """By name, the version of each package; of onnxruntime whichever wheel is installed."""
    import onnxruntime

    return {name: version(name) for name in PACKAGES} | {"onnxruntime": onnxruntime.__version__}
