"""The card of trained networks: what their files say about themselves, as Markdown."""

import hashlib
import json
from collections.abc import Sequence
from dataclasses import fields
from pathlib import Path
from typing import Any

import onnx
from google.protobuf.message import DecodeError

from trainers.ablations import NETWORKS
from trainers.errors import TrainerError
from trainers.recipe import Recipe

SIZES = "{train:,} pictures to train on, {val:,} to measure on, {classes} classes"


def write_card(graph: Path, snapshots: Sequence[Path] = ()) -> str:
    """The card of `graph` and of its snapshots over epochs. Raises TrainerError for a file that was not made here."""
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
    lines = [f"# {graph.stem}", "", "| | |", "|---|---|", *(f"| {name} | {text} |" for name, text in rows), ""]
    lines += ["| file | epoch | top-1 | top-5 | sha256 |", "|---|---:|---:|---:|---|"]
    return "\n".join([*lines, *(file_row(path, graph.parent) for path in [*snapshots, graph])]) + "\n"


def file_row(path: Path, folder: Path) -> str:
    """Epoch, accuracy in percent and hash of one file."""
    about, _ = read_notes(path)
    accuracy = about["accuracy"]
    digest = hashlib.sha256(path.read_bytes()).hexdigest()
    name = path.relative_to(folder) if path.is_relative_to(folder) else path.name
    return f"| {name} | {about['epoch']} | {accuracy['top1']} | {accuracy['top5']} | `{digest}` |"


def read_notes(path: Path) -> tuple[dict[str, Any], dict[str, Any]]:
    """What training and preprocessing the metadata of `path` tells."""
    try:
        notes = {p.key: p.value for p in onnx.load(path).metadata_props}
        return json.loads(notes["inspectnet.training"]), json.loads(notes["inspectnet.preprocess"])
    except (OSError, KeyError, ValueError, DecodeError) as error:
        raise TrainerError(f"{path} tells nothing of its training ({error}); give a file that trainers made") from None


def parameters(path: Path) -> int:
    """How many numbers were learnt."""
    return sum(onnx.numpy_helper.to_array(t).size for t in onnx.load(path).graph.initializer)
