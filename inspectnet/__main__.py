"""python -m inspectnet; from a source tree too, so what an installation would have brought is looked for first."""

import sys
from importlib.util import find_spec

NEEDED = (
    *("google.protobuf", "matplotlib", "numpy", "onnx", "onnx_ir", "onnxruntime", "PIL", "rich", "simplejpeg"),
    "typer",
)


def is_here(module: str) -> bool:
    """Whether a module can be imported, by the look of it."""
    try:
        return find_spec(module) is not None
    except ModuleNotFoundError:  # not even the package that would hold it is there
        return False


if missing := [name for name in NEEDED if not is_here(name)]:
    what = f"not installed here: {', '.join(missing)}. Run pip install . in the folder of pyproject.toml"
    print(f"inspectnet: {what}.", file=sys.stderr)
    sys.exit(2)

from inspectnet.cli import main  # noqa: E402  (only now can it be imported)

sys.exit(main())
