"""A checkpoint becomes an ONNX file that says how it was made, checked against torch through onnxruntime."""

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import onnx
import onnx_ir as ir
import onnxruntime
import torch
from torch import Tensor

from trainers.architectures.architecture import Architecture
from trainers.architectures.modules import build
from trainers.errors import ExportError
from trainers.export.graph import build_graph
from trainers.files.atomic import write_whole
from trainers.recipe.recipe import Recipe

TOLERANCE = 1e-4  # of the largest logit; float32 sums in another order differ by about 1e-6


def export_state(state: dict[str, Any], path: Path) -> Path:
    """Write the graph of a checkpoint's content (`State.as_dict`) to `path`."""
    architecture = Architecture.from_dict(state["identity"]["architecture"])
    weights = {name: tensor.detach().float().cpu() for name, tensor in state["net"].items()}
    model = build_graph(architecture, {name: tensor.numpy() for name, tensor in weights.items()})
    model.metadata_props.update(metadata(state, architecture))
    proto = ir.to_proto(model)
    onnx.checker.check_model(proto, full_check=True)
    content = proto.SerializeToString()
    check_against_torch(architecture, weights, content)
    write_whole(path, content)
    return path


def metadata(state: dict[str, Any], architecture: Architecture) -> dict[str, str]:
    """The three keys through which trainers and inspectnet meet, each JSON; preprocessing in timm's words."""
    recipe = state["identity"]["recipe"]
    side = architecture.side
    last = state["history"][-1] if state["history"] else {}
    preprocess = {
        "input_size": [3, side, side],
        "interpolation": "bilinear",
        "crop_pct": side / Recipe(**recipe).measured_side(side),
        "crop_mode": "center",
        "mean": state["mean"],
        "std": state["std"],
    }
    training = {
        "architecture": architecture.name,
        "epoch": state["epoch"],
        "accuracy": {"top1": last.get("val_top1"), "top5": last.get("val_top5"), "crop": "center"},
        "data": state["identity"]["data"],
        "seed": state["identity"]["seed"],
        "recipe": recipe,
        "commit": state["commit"],
        "torch": state["torch"],
    }
    return {
        "inspectnet.preprocess": json.dumps(preprocess),
        "inspectnet.classes": json.dumps(state["classes"]),
        "inspectnet.training": json.dumps(training),
    }


def check_against_torch(architecture: Architecture, weights: dict[str, Tensor], content: bytes) -> None:
    """Run both on the same three pictures; refuse a graph that differs."""
    net = build(architecture).eval()
    net.load_state_dict(weights)
    x = torch.randn(3, 3, architecture.side, architecture.side, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        wanted = net(x).numpy()
    got = session(content).run(["fc8"], {"image": x.numpy()})[0]
    error = float(np.abs(got - wanted).max())
    if not error <= TOLERANCE * max(1e-3, float(np.abs(wanted).max())):
        raise ExportError(f"{architecture.name}: onnxruntime and torch differ by {error:.2e} in fc8")


def session(graph: bytes | str, threads: int | None = None) -> onnxruntime.InferenceSession:
    """An onnxruntime session on the CPU, for a file or its content; `threads` to compute with, all by default."""
    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = threads or 0
    return onnxruntime.InferenceSession(graph, options, providers=["CPUExecutionProvider"])


def graph_network(path: Path, threads: int | None = None) -> Callable[[Tensor], Tensor]:
    """An exported graph as a function from prepared pictures to logits."""
    run = session(str(path), threads).run
    return lambda x: torch.from_numpy(run(["fc8"], {"image": x.cpu().contiguous().numpy()})[0])
