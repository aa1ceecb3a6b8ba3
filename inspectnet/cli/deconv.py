"""inspectnet deconv: what a layer sees, as Fig. 2 of the paper shows it."""

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from inspectnet import samples
from inspectnet.cli import options
from inspectnet.errors import OptionError, RuleError

if TYPE_CHECKING:
    from inspectnet.analyses.features import Ranking
    from inspectnet.graph.layers import Layer
    from inspectnet.images import Collection
    from inspectnet.network import Network
    from inspectnet.report.folder import OutputFolder
    from inspectnet.rules import Policy


def deconv(
    model: options.Model,
    layer: options.Layers,
    images: Annotated[
        Path | None,
        typer.Option(help="A folder, one photo, a .txt or .csv list, a .tar; by default the sample photos, in tiles."),
    ] = None,
    out: Annotated[
        Path | None,
        typer.Option("--out", "-o", help="Where results go; by default out/MODEL/deconv.", show_default=False),
    ] = None,
    top: Annotated[int, typer.Option(min=1, help="How many activations of each map.")] = 9,
    maps: Annotated[
        str,
        typer.Option(help="How many maps (drawn by --seed; of one photo the strongest), 'all', or a list: 0,5,7-9."),
    ] = "16",
    unit: Annotated[str, typer.Option(help="Just these maps, as 0,3,7-12.", show_default=False)] = "",
    tile: Annotated[bool, typer.Option(help="Cut photos into tiles of the network's size.")] = False,
    method: options.Method = "deconvnet",
    unpool: options.Unpool = "sum",
    lrn: options.Lrn = "",
    device: options.DeviceName = "auto",
    batch_size: Annotated[str, typer.Option(help="Images per run of the network; auto or a number.")] = "auto",
    threads: Annotated[
        int | None, typer.Option(min=1, help="Threads that decode; by default all cores.", show_default=False)
    ] = None,
    seed: Annotated[int, typer.Option(help="Which maps are drawn.")] = 0,
    mean: options.Mean = "",
    std: options.Std = "",
    input_size: options.InputSize = "",
    crop_pct: options.CropPct = None,
    interpolation: options.Interpolation = "",
    crop_mode: options.CropMode = "",
    channel_order: options.ChannelOrder = "",
    alias: options.Alias = [],  # noqa: B006  (typer's way)
    as_json: options.AsJson = False,
) -> None:
    """Show what the maps of a layer see: their strongest activations over images, projected to pixels.

    Given one photo, show which maps of the layer it activates most, and the layer's whole activity.
    """
    maps = f"{unit}," if unit else maps  # a comma makes even one number a list
    said = options.preprocessing(mean, std, input_size, crop_pct, interpolation, crop_mode, channel_order)
    policy = options.policy_of(method, unpool, lrn)
    network = options.open_network(model, device, alias, said)
    chosen, size = network.match(layer), _batch_size(batch_size, network)
    for each in chosen:
        _check_maps(each, maps)
        if obstacle := network.obstacle(each.output, policy):
            raise RuleError(obstacle)

    from inspectnet.images import find_images
    from inspectnet.report.folder import OutputFolder
    from inspectnet.report.names import file_names
    from inspectnet.report.run import describe_run

    collection = find_images(images or samples.folder())
    folder = OutputFolder(out or Path("out", model.stem, "deconv"))
    files = file_names(each.name for each in chosen)
    record = describe_run(network, policy, [each.name for each in chosen])
    if images is not None and images.is_file() and len(collection) == 1 and not tile:
        record |= _show_photo(network, collection, chosen, maps, policy, folder, files)
    else:
        settings = {"top": top, "tile": tile or images is None, "maps": maps, "seed": seed}
        record |= _show_collection(network, collection, chosen, settings, policy, folder, files, size, threads)
    folder.write_json("run.json", record)
    _report(record, folder, as_json)


def _show_collection(
    network: "Network",
    collection: "Collection",
    layers: list["Layer"],
    settings: dict[str, Any],
    policy: "Policy",
    folder: "OutputFolder",
    files: dict[str, str],
    batch_size: int,
    threads: int | None,
) -> dict[str, Any]:
    """Scan once for all layers, then project and write layer by layer."""
    from inspectnet.analyses import features
    from inspectnet.report.features import write_features
    from inspectnet.report.progress import progress

    top, tile = settings["top"], settings["tile"]
    with progress("scanning", len(collection)) as advance:
        found = features.scan(
            network,
            collection,
            [layer.name for layer in layers],
            top=top,
            tile=tile,
            batch_size=batch_size,
            threads=threads,
            on_progress=lambda done, total: advance(1),
        )
    words = f"{len(found.images)} {'tiles' if tile else 'images'}"
    chosen = {ranking.layer.name: _choose(ranking, settings["maps"], settings["seed"]) for ranking in found.rankings}
    total = sum(int((r.rows[chosen[r.layer.name]] >= 0).sum()) for r in found.rankings)
    with progress("projecting", total, "activations") as advance:
        for ranking in found.rankings:
            maps = chosen[ranking.layer.name]
            made = features.project_winners(
                network, collection, found, ranking, maps, policy, tile=tile, on_progress=advance
            )
            write_features(folder, files[ranking.layer.name], made, network, words)
    skipped = [{"image": s.id, "reason": s.reason} for s in found.skipped]
    return {"images": {"count": len(found.images), "sha256": found.digest, "skipped": skipped}, **settings}


def _show_photo(
    network: "Network",
    collection: "Collection",
    layers: list["Layer"],
    maps: str,
    policy: "Policy",
    folder: "OutputFolder",
    files: dict[str, str],
) -> dict[str, Any]:
    """What one photo activates in each layer."""
    from inspectnet.analyses.features import inspect_photo
    from inspectnet.images import Stream
    from inspectnet.report.features import write_photo

    name = collection.entries[0].id
    x = Stream(collection, network.preparation, batch_size=1).load(0)
    for layer in layers:
        wanted = int(maps) if maps.isdigit() else layer.maps if maps == "all" else _numbers(maps, layer)
        made = inspect_photo(network, x, name, layer.name, wanted, policy)
        write_photo(folder, files[layer.name], made, network, name)
    return {"images": {"count": 1, "photo": name}, "maps": maps}


def _choose(ranking: "Ranking", maps: str, seed: int) -> list[int]:
    """The maps to show: drawn, all that were active, or those that were listed."""
    from inspectnet.analyses.features import choose_maps

    if maps == "all":
        return [int(m) for m in ranking.active()]
    return choose_maps(ranking, int(maps), seed) if maps.isdigit() else _numbers(maps, ranking.layer)


def _numbers(maps: str, layer: "Layer") -> list[int]:
    from inspectnet.graph.units import parse_numbers

    return parse_numbers(maps.strip(","), layer.maps, layer.name)


def _check_maps(layer: "Layer", maps: str) -> None:
    """Refuse a wrong list before hours of work."""
    if maps != "all" and not maps.isdigit():
        _numbers(maps, layer)
    if maps.isdigit() and int(maps) < 1:
        raise OptionError("--maps 0 shows nothing. Say how many maps, 'all', or a list as 0,5,7.")


def _batch_size(text: str, network: "Network") -> int:
    """Images per run: what keeps the device busy, if the user leaves it open."""
    if text == "auto":
        return network.fixed_batch or (64 if network.device.cuda else 16)
    if not text.isdigit() or int(text) < 1:
        raise OptionError(f"--batch-size '{text}' is neither auto nor a number from 1 up.")
    return int(text)


def _report(record: dict[str, Any], folder: "OutputFolder", as_json: bool) -> None:
    """Say what was made and what was left out."""
    skipped = record["images"].get("skipped", [])
    for each in skipped[:5]:
        typer.secho(f"skipped {each['image']}: {each['reason']}", err=True, fg="yellow")
    if len(skipped) > 5:
        typer.secho(f"skipped {len(skipped)} images in all; run.json names them", err=True, fg="yellow")
    if as_json:
        from inspectnet.report.plain import json_text

        print(json_text(record, folder.path / "run.json"), end="")
    else:
        print(f"{', '.join(record['layers'])}: {record['images']['count']} images -> {folder.path}")
