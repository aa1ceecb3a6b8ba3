"""inspectnet explore: the page of a report with the network behind it."""

import sys
from typing import Annotated

from inspectnet.cli import options
from inspectnet.cli.opening import Opening
from inspectnet.cli.options import RUNNING, option
from inspectnet.cli.report import LAYERS, Results, Tile
from inspectnet.report.lines import show

HOST = "The address to listen at; another than this machine's own lets others in who have the page's address."


def _show_at_once(address: str) -> None:
    """Print the address, behind which nothing follows that would push it through a pipe."""
    show(address)
    sys.stdout.flush()


def explore(
    model: options.Model,
    *,
    layer: Annotated[list[str], options.layers(LAYERS)] = [],  # noqa: B006  (typer's way)
    images: options.Images,
    index: options.Index = None,
    tile: Tile = False,
    result: Results = None,
    host: Annotated[str, option(HOST, metavar="ADDRESS", group=RUNNING)] = "127.0.0.1",
    port: Annotated[int, option("By default any.", min=0, max=65535, metavar="N", group=RUNNING)] = 0,
    browser: Annotated[bool, option("Whether to open a browser.", "--browser/--no-browser", group=RUNNING)] = True,
    classes: options.Classes = None,
    method: options.Method = "deconvnet",
    batch_size: options.BatchSize = "auto",
    threads: options.Threads = None,
    opening: Opening,
) -> None:
    """Walk through the network in a browser: the page of a report, computed by this machine as it is asked for.

    Images are looked at in the background. It ends when it is interrupted.
    """
    from inspectnet.explorer.explore import check_libraries
    from inspectnet.explorer.explore import explore as serve
    from inspectnet.report.keeping import load

    check_libraries()
    network = opening.open(model)
    serve(
        network, options.find_images(images.said, index, None), layers=layer or None, method=method,
        tile=True if tile else None if index else not images.said, classes=classes,
        results=[load(folder) for folder in result or []], host=host, port=port, browser=browser,
        batch_size=options.images_at_once(batch_size, network), threads=threads, told=_show_at_once,
    )  # fmt: skip
