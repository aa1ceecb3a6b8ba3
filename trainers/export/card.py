"""The card of trained networks: what their files say about themselves, as Markdown."""

import hashlib
import json
import math
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import fields
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from trainers.architectures.ablations import NETWORKS
from trainers.errors import TrainerError
from trainers.files.regular import regular
from trainers.recipe.recipe import Recipe

SIZES = "{train:,} pictures to train on, {val:,} to measure on, {classes} classes"


def write_card(graph: Path, snapshots: Sequence[Path] = ()) -> str:
    """The card of `graph` and of its snapshots over epochs. Raises TrainerError for a file that was not made here."""
    with made_here(graph):
        lines = network_lines(graph)
    lines += ["| file | epoch | top-1 | top-5 | sha256 |", "|---|---:|---:|---:|---|"]
    return "\n".join([*lines, *(file_row(path, graph.parent) for path in [*snapshots, graph])]) + "\n"


def network_lines(graph: Path) -> list[str]:
    """The card's head: what all its files share."""
    about, preprocess = read_notes(graph)
    recipe, data, architecture = about["recipe"], about["data"], about["architecture"]
    base = NETWORKS.get(architecture)
    settings = [f"{f.name} {recipe[f.name]}" for f in fields(Recipe) if recipe.get(f.name) is not None]
    rows = [
        ("network", f"{architecture}, {parameters(graph):,} parameters" + (f", side {base.side}" if base else "")),
        ("input", "RGB, (x / 255 - mean) / std; " + ", ".join(f"{k} {v}" for k, v in preprocess.items())),
        ("data", f"{data['name']}: " + SIZES.format(**data)),
        ("recipe", ", ".join(settings)),
        ("seed, commit, torch", f"{about['seed']}, {about['commit']}, {about['torch']}"),
    ]
    return [f"# {graph.stem}", "", "| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows), ""]


def file_row(path: Path, folder: Path) -> str:
    """Epoch, accuracy in percent and hash of one file."""
    about, _ = read_notes(path)
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = path.relative_to(folder) if path.is_relative_to(folder) else path.name
    with made_here(path):
        accuracy = about["accuracy"]
        return f"| {name} | {about['epoch']} | {accuracy['top1']} | {accuracy['top5']} | `{digest}` |"


@contextmanager
def made_here(path: Path) -> Iterator[None]:
    """Turn what the metadata of another program make the block trip over into TrainerError."""
    try:
        yield
    except (OSError, KeyError, ValueError, TypeError, AttributeError, DecodeError) as error:
        raise TrainerError(f"{path} tells nothing of its training ({error}); give a file that trainers made") from None


def read_notes(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What training and preprocessing the metadata of `path` tells."""
    with made_here(path):
        notes = {p.key: p.value for p in read_graph(path).metadata_props}
        return dict(json.loads(notes["inspectnet.training"])), dict(json.loads(notes["inspectnet.preprocess"]))


def parameters(path: Path) -> int:
    """How many numbers were learnt."""
    return sum(math.prod(t.dims) for t in read_graph(path).graph.initializer)


def read_graph(path: Path) -> onnx.ModelProto:
    """The file as it is, without data in other files."""
    return onnx.load(regular(path), load_external_data=False)
