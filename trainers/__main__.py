"""Trains ZFNet, AlexNet and the rows of the paper's tables, and exports them as ONNX for inspectnet."""

import sys
from dataclasses import replace
from pathlib import Path
from typing import Annotated, Any

import typer
from PIL import Image

from trainers.errors import TrainerError, one_line

app = typer.Typer(no_args_is_help=True, add_completion=False, pretty_exceptions_enable=False, help=__doc__)

Data = Annotated[
    str, typer.Option(help="Folder with train and val (class folders or tar shards), or torchvision:NAME.")
]
Device = Annotated[str, typer.Option(help="auto, cpu, cuda or cuda:N.")]
Cache = Annotated[Path | None, typer.Option(help="Where decoded pictures are kept; `cache` beside the run by default.")]
CacheLimit = Annotated[float, typer.Option(help="GB; larger data sets are decoded while training.")]
Workers = Annotated[int | None, typer.Option(help="Loader processes; 0 reads in the loop; as many as help by default.")]
Root = Annotated[Path, typer.Option(help="Where torchvision's data sets lie.")]
Precision = Annotated[str, typer.Option(help="auto (mixed on CUDA, float32 on a CPU), float32, bfloat16 (mixed).")]
Threads = Annotated[int | None, typer.Option(help="Threads torch computes with on a CPU.")]


@app.command()
def train(
    network: Annotated[str, typer.Argument(help="A name such as zfnet, alexnet-tiny; `networks` lists them all.")],
    data: Data,
    run: Annotated[Path, typer.Option(help="Directory of the run. The same command again goes on where it stopped.")],
    recipe: Annotated[str, typer.Option(help="paper, tiny or table.")] = "tiny",
    set_: Annotated[
        list[str] | None, typer.Option("--set", help="Change a field of the recipe: --set rate=0.01.")
    ] = None,
    seed: int = 0,
    hold_out: Annotated[
        int, typer.Option(help="Training pictures, evenly by class, that are measured in place of val.")
    ] = 0,
    device: Device = "auto",
    workers: Workers = None,
    threads: Threads = None,
    precision: Precision = "auto",
    cache: Cache = None,
    cache_limit: CacheLimit = 8.0,
    root: Root = Path("data"),
    download: Annotated[bool, typer.Option(help="Let torchvision fetch what is missing.")] = False,
    checkpoint_minutes: Annotated[float, typer.Option(help="At most this much work is lost by a kill.")] = 3.0,
) -> None:
    """Train a network, or go on training; ends with RUN/NETWORK.onnx."""
    from trainers.devices import is_first
    from trainers.options import find_network, find_recipe, job_for
    from trainers.training.loop import train as run_training

    job = job_for(find_network(network), find_recipe(recipe, set_ or []), data, run, root=root, download=download)
    options: dict[str, Any] = {
        "seed": seed,
        "hold_out": hold_out,
        "device": device,
        "threads": threads,
        "precision": precision,
        "workers": workers,
        "cache": cache,
    }
    options |= {"cache_limit": cache_limit, "checkpoint_minutes": checkpoint_minutes}
    graph = run_training(replace(job, **options))
    if graph is None:
        raise typer.Exit(130)
    if is_first():
        print(graph)


@app.command()
def export(
    checkpoint: Annotated[Path, typer.Argument(help="A run's directory, or its last.pt.")],
    out: Annotated[Path, typer.Option("--out", "-o", help="The ONNX file to write.")],
    data: Annotated[
        str | None, typer.Option(help="Compare with torch on these validation pictures, one by one.")
    ] = None,
    cache: Cache = None,
) -> None:
    """Write a checkpoint as ONNX with its metadata, checked against torch through onnxruntime."""
    from trainers.export.onnx_file import export_state
    from trainers.training.checkpoint import load, restoring

    state = load(checkpoint)
    with restoring(checkpoint):
        print(export_state(state, out))
    if data is not None:
        from trainers.evaluation.agreement import compare

        run = checkpoint if checkpoint.is_dir() else checkpoint.parent
        print(compare(state, out, data, cache or run.parent / "cache"))


@app.command()
def table(
    data: Data,
    out: Annotated[Path, typer.Option("--out", "-o", help="Directory of the rows, table.md and table.csv.")],
    scale: Annotated[str, typer.Option(help="tiny or paper.")] = "tiny",
    recipe: Annotated[str, typer.Option(help="paper, tiny or table.")] = "table",
    set_: Annotated[list[str] | None, typer.Option("--set", help="Change a field of the recipe.")] = None,
    only: Annotated[list[str] | None, typer.Option(help="Train only this network; repeatable.")] = None,
    seed: int = 0,
    device: Device = "auto",
    workers: Workers = None,
    threads: Threads = None,
    precision: Precision = "auto",
    root: Root = Path("data"),
) -> None:
    """Train the rows of Table 3 under one budget and print them beside the paper's; goes on where it stopped."""
    from trainers.options import find_network, find_recipe, job_for
    from trainers.study.table import tabulate

    chosen = find_recipe(recipe, set_ or [])
    names = [find_network(name).name for name in only or []]

    def job(name: str) -> Any:
        made = job_for(find_network(name), chosen, data, out, root=root, download=False)
        return replace(made, seed=seed, device=device, workers=workers, threads=threads, precision=precision)

    finished = tabulate(job, scale, out, names)
    if (out / "table.md").exists():
        print((out / "table.md").read_text("utf-8"), end="")
    if not finished:
        raise typer.Exit(130)


@app.command()
def study(
    data: Data,
    runs: Annotated[Path, typer.Option(help="Directory of the runs, with their checkpoints and graphs.")] = Path(
        "runs"
    ),
    records: Annotated[Path, typer.Option(help="Directory of one small JSON file for every finished run.")] = Path(
        "docs/findings/runs"
    ),
    only: Annotated[
        list[str] | None, typer.Option(help="Train only runs that match, as 'table-3/*'; repeatable.")
    ] = None,
    device: Device = "auto",
    workers: Workers = None,
    threads: Threads = None,
    precision: Precision = "auto",
    root: Root = Path("data"),
) -> None:
    """Train all that the findings rest on; goes on where it stopped, and shares the work with others of its kind."""
    from trainers.options import find_network, job_for
    from trainers.study.conduct import TRAIN_SAMPLE, conduct
    from trainers.study.plan import Unit, plan

    def job(unit: Unit) -> Any:
        made = job_for(find_network(unit.network), unit.recipe, data, runs / unit.name, root=root, download=False)
        options: dict[str, Any] = {"device": device, "workers": workers, "threads": threads, "precision": precision}
        options |= {"seed": unit.seed, "hold_out": unit.hold_out, "snapshots": unit.snapshots}
        return replace(made, cache=runs / "cache", train_sample=TRAIN_SAMPLE, **options)

    if not conduct(plan, job, records, only or []):
        raise typer.Exit(130)


@app.command()
def card(
    graph: Annotated[Path, typer.Argument(help="A trained ONNX file.")],
    snapshots: Annotated[list[Path] | None, typer.Argument(help="Its snapshots over epochs.")] = None,
) -> None:
    """Print the model card: what the files say about their training, and their hashes."""
    from trainers.export.card import write_card

    print(write_card(graph, snapshots or []), end="")


@app.command()
def networks() -> None:
    """List every network: side of its picture, parameters, sides of its maps."""
    import torch

    from trainers.architectures.ablations import NETWORKS
    from trainers.architectures.modules import build, parameter_count

    for name, row in NETWORKS.items():
        sides = " ".join(f"{layer}:{side}" for layer, side in row.sides().items())
        with torch.device("meta"):  # shapes without memory
            parameters = parameter_count(build(row))
        print(f"{name:34}{row.side:4}{parameters:13,}  {sides}")


if __name__ == "__main__":
    Image.MAX_IMAGE_PIXELS = None  # `pixels.square` says what is too large, where Pillow would warn as well
    try:
        app()
    except (TrainerError, OSError) as error:  # a disk that is full, a file where a folder should be
        print(f"error: {one_line(error)}", file=sys.stderr)
        sys.exit(2)
