"""Files that survive a kill: written beside, then renamed."""

import io
import os
import subprocess
from pathlib import Path
from typing import Any

import torch

from trainers.errors import ResumeError

LAST = "last.pt"


def write_whole(path: Path, content: bytes) -> None:
    """Replace `path` in one step; a reader sees the old file or the new one."""
    path.parent.mkdir(parents=True, exist_ok=True)
    partial = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    with partial.open("wb") as stream:
        stream.write(content)
        stream.flush()
        os.fsync(stream.fileno())
    os.replace(partial, path)


def save(path: Path, state: dict[str, Any]) -> None:
    """Write a checkpoint."""
    stream = io.BytesIO()
    torch.save(state, stream)
    write_whole(path, stream.getvalue())


def load(path: Path) -> dict[str, Any]:
    """Read a checkpoint; tensors come to the CPU."""
    if path.is_dir():
        path = path / LAST
    if not path.exists():
        raise ResumeError(f"no checkpoint at {path}")
    try:
        state: dict[str, Any] = torch.load(path, map_location="cpu", weights_only=True)
    except Exception as error:  # unpickling raises whatever it trips over
        raise ResumeError(f"{path} is damaged or no checkpoint: {type(error).__name__}") from error
    if not isinstance(state, dict) or "identity" not in state:
        raise ResumeError(f"{path} is no checkpoint of trainers")
    return state


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
