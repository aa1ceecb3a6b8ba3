"""python -m inspectnet; from a source tree too, so what an installation would have brought is looked for first."""

import sys
from importlib.util import find_spec

NEEDED = ("numpy", "onnx", "onnx_ir", "onnxruntime", "PIL", "rich", "simplejpeg", "typer")

if missing := [name for name in NEEDED if find_spec(name) is None]:
    what = f"not installed here: {', '.join(missing)}. Run pip install . in the folder of pyproject.toml"
    print(f"inspectnet: {what}.", file=sys.stderr)
    sys.exit(2)

from inspectnet.cli import main  # noqa: E402  (only now can it be imported)

sys.exit(main())
