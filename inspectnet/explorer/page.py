"""The built page, which ships in the wheel, and the runtime that its build took from npm."""

import base64
import gzip
import re
from dataclasses import dataclass
from pathlib import Path

from inspectnet.errors import OptionError
from inspectnet.explorer.contract import MARK
from inspectnet.files.inputs import read_input

FOLDER = Path(__file__).with_name("page")
RUNTIME = {
    "script": "ort.wasm.min.js",
    "module": "ort-wasm-simd-threaded.mjs",
    "wasm": "ort-wasm-simd-threaded.wasm",
}
HOW = "Build it with 'make page' (npm ci && npm run build in explorer/) or install a wheel of inspectnet"


@dataclass(frozen=True)
class Page:
    """The page and its runtime."""

    html: str
    runtime: dict[str, str]
    """As live/runtime has it."""
    version: str
    """Of the runtime."""


def read_page() -> Page:
    """The built page. Raises OptionError where it is not built."""
    try:
        html = read_input(FOLDER / "index.html").decode()
        files = {name: read_input(FOLDER / file) for name, file in RUNTIME.items()}
    except (OSError, UnicodeDecodeError) as error:
        why = "" if isinstance(error, FileNotFoundError) else f" ({error})"
        raise OptionError(f"the page of the explorer is not here{why}. {HOW}.") from error
    if html.count(MARK) != 1:
        raise OptionError(f"{FOLDER / 'index.html'} has not one '{MARK}', so it is of another version. {HOW}.")
    told = re.search(rb"ONNX Runtime Web v([0-9A-Za-z.+-]+)", files["script"][:1000])
    return Page(html, {name: pack(data) for name, data in files.items()}, told[1].decode() if told else "")


def pack(data: bytes) -> str:
    """Bytes as the page unpacks them: base64 of gzip, which tells no time."""
    return base64.b64encode(gzip.compress(data, 6, mtime=0)).decode()
