"""What a run can go on from: saved, loaded, held against its checksums and against what is asked for."""

import hashlib
import io
import subprocess
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import torch

from trainers.errors import ResumeError
from trainers.files.atomic import write_whole

LAST = "last.pt"
SEAL = b"sha256:"
ANEW = "train in another directory, or from the start"
KINDS: dict[str, type | tuple[type, ...]] = {  # of what `State.as_dict` keeps
    **dict.fromkeys(("identity", "net", "optimiser", "scaler", "plateau"), dict),
    **dict.fromkeys(("classes", "mean", "std", "history", "bad"), list),
    **dict.fromkeys(("epoch", "step"), int),
    "seconds": (int, float),
    "tally": torch.Tensor,
    "commit": (str, type(None)),
    "torch": str,
}


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint: torch's zip file, whose comment is the SHA-256 of all before it."""
    stream = io.BytesIO()
    torch.save(state, stream)
    content = stream.getvalue()
    assert content[-22:-18] == b"PK\5\6" and content[-2:] == b"\0\0", "a zip file ends without a comment"
    content = content[:-2] + (len(SEAL) + 64).to_bytes(2, "little")
    write_whole(path, content + SEAL + hashlib.sha256(content).hexdigest().encode())


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint; tensors come to the CPU. Raises ResumeError unless every byte is as it was written."""
    if path.is_dir():
        path = path / LAST
    if not path.is_file():
        raise ResumeError(f"no checkpoint at {path}")
    content = path.read_bytes()
    try:
        check_sums(content)
        state: dict[str, Any] = torch.load(io.BytesIO(content), map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling raises whatever it trips over
        reason = str(error) if isinstance(error, ResumeError) else type(error).__name__
        raise ResumeError(f"{path} is damaged or no checkpoint: {reason}; {ANEW}") from None
    if not isinstance(state, dict) or "identity" not in state:
        raise ResumeError(f"{path} is no checkpoint of trainers")
    for key, kind in KINDS.items():
        if key not in state or not isinstance(state[key], kind):
            is_what = type(state[key]).__name__ if key in state else "missing"
            raise ResumeError(f"{path} is no whole checkpoint: {key} is {is_what}; {ANEW}")
    return state


def check_sums(content: bytes) -> None:
    """Hold a checkpoint against its SHA-256; one from before there was any against the CRC-32 of its parts.

    torch looks at neither when it loads.
    """
    body, sealed, digest = content.rpartition(SEAL)
    if sealed and hashlib.sha256(body).hexdigest().encode() != digest:
        raise ResumeError("it has changed since it was written")
    if not sealed:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            if changed := archive.testzip():
                raise ResumeError(f"{changed} has changed since it was written")


@contextmanager
def restoring(path: Path) -> Iterator[None]:
    """Turn what a checkpoint of the right sums, but not of this program, makes the block trip over into ResumeError."""
    try:
        yield
    except (KeyError, TypeError, ValueError, RuntimeError, AttributeError, AssertionError) as error:
        first = (str(error).strip() or type(error).__name__).splitlines()[0]
        raise ResumeError(f"{path} does not fit this version of trainers: {first}; {ANEW}") from None


def check_same_run(state: dict[str, Any], identity: dict[str, Any], where: Path) -> None:
    """Refuse to go on with other settings than the run began with."""
    if changed := differences(state["identity"], identity):
        raise ResumeError(f"{where} is another run: {'; '.join(changed)}. Give another --run directory")


def differences(before: dict[str, Any], now: dict[str, Any], prefix: str = "") -> list[str]:
    """What was otherwise in `before`, field by field: `recipe rate was 0.03, is 0.5`."""
    found = []
    for key, value in now.items():
        old = before.get(key)
        if isinstance(value, dict) and isinstance(old, dict):
            found += differences(old, value, f"{prefix}{key} ")
        elif old != value:
            found.append(f"{prefix}{key} was {old}, is {value}")
    return found


def commit() -> str | None:
    """The project's commit, with a + when files have changed since; None outside a checkout."""
    here = Path(__file__).parent
    try:
        head = subprocess.run(
            ["git", "rev-parse", "--short=12", "HEAD"], cwd=here, capture_output=True, text=True, check=True
        ).stdout.strip()
        changed = subprocess.run(["git", "diff", "--quiet", "HEAD"], cwd=here, capture_output=True).returncode
    except (OSError, subprocess.CalledProcessError):
        return None
    return head + ("+" if changed else "")
