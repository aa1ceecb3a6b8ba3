"""Explore: the page of a report with the network behind it, which is looked at in the background."""

import secrets
import socket
import threading
import webbrowser
from collections.abc import Callable, Sequence
from importlib.util import find_spec
from pathlib import Path

from inspectnet.analyses.sources import collection_of
from inspectnet.arguments import checks_arguments
from inspectnet.errors import OptionError
from inspectnet.explorer.bundle import Bundle
from inspectnet.explorer.exploring import Exploration
from inspectnet.explorer.page import Page, read_page
from inspectnet.explorer.report import make_index, shown_layers
from inspectnet.images import Sources
from inspectnet.index import Index
from inspectnet.methods import policy_of
from inspectnet.network import Network
from inspectnet.results import Result
from inspectnet.rules import Policy

NEEDED = ("platformdirs", "starlette", "uvicorn")  # of the extra `explore`, imported when a server starts
LOOPBACK = ("127.0.0.1", "localhost", "::1")
CONNECTIONS = 200  # that are answered at a time; each open page holds one
GRACE = 1  # seconds for answers that are under way when it ends


@checks_arguments
def explore(
    network: Network,
    images: Sources | None = None,
    *,
    layers: str | Sequence[str] | None = None,
    method: str | Policy = "deconvnet",
    tile: bool | None = None,
    classes: str | Path | None = None,
    results: Sequence[Result] = (),
    host: str = "127.0.0.1",
    port: int = 0,
    browser: bool = True,
    batch_size: int = 16,
    threads: int | None = None,
    told: Callable[[str], object] = print,
) -> None:
    """Serve the page in which people walk through a network, until the process is interrupted.

    images: by default the sample photos; an index is not scanned again, another scan is kept in the cache folder of
    the platform. layers, method, tile, classes, results: as of `write_report`. host: the address to listen at, by
    default this machine alone. port: 0 for any. browser: whether to open one. told: gets the page's address, which
    holds a token. Raises OptionError where the page is not built or the address cannot be had, ImageError, LayerError.
    """
    check_libraries()
    from inspectnet.explorer.cache import cached_index

    page, policy = read_page(), policy_of(method)
    collection = collection_of(images)
    cut = images is None if tile is None else tile
    shown = shown_layers(network, collection, layers, policy)
    names = [layer.name for layer in shown]
    exploration = Exploration(network, policy)

    def look(progress: Exploration) -> Bundle:
        index = collection
        if not isinstance(index, Index):
            folder = cached_index(network, collection, shown, cut)
            index = make_index(network, collection, folder, names, cut, batch_size, threads, progress)
        return Bundle(
            network, index, names, policy=policy, classes=classes, results=results, batch=batch_size, progress=progress
        )

    with _listening(host, port) as listening:
        threading.Thread(target=exploration.look, args=(look,), daemon=True).start()
        _serve(exploration, page, listening, host, browser, told)


def check_libraries() -> None:
    """Raise OptionError where the libraries of a server are not installed."""
    if missing := [name for name in NEEDED if find_spec(name) is None]:
        raise OptionError(f"not installed here: {', '.join(missing)}. Run pip install 'inspectnet[explore]'.")


def _serve(
    exploration: Exploration,
    page: Page,
    listening: socket.socket,
    host: str,
    browser: bool,
    told: Callable[[str], object],
) -> None:
    """Answer until the process is interrupted."""
    import uvicorn

    from inspectnet.explorer.server import make_app

    token, port = secrets.token_urlsafe(24), listening.getsockname()[1]
    names = [_bracketed(name) for name in (LOOPBACK if host in LOOPBACK else (host, *LOOPBACK))]
    app = make_app(exploration, page, [f"{name}:{port}" for name in names], token)
    address = f"http://{_bracketed(host)}:{port}/?token={token}"
    told(address)
    if browser:
        webbrowser.open(address)
    config = uvicorn.Config(
        app, log_config=None, limit_concurrency=CONNECTIONS, timeout_graceful_shutdown=GRACE, lifespan="off",
        ws="none", server_header=False, date_header=False,
    )  # fmt: skip
    uvicorn.Server(config).run(sockets=[listening])


def _listening(host: str, port: int) -> socket.socket:
    """A socket that listens. Raises OptionError if it cannot be had."""
    try:
        family = socket.AF_INET6 if ":" in host else socket.AF_INET
        return socket.create_server((host, port), family=family)
    except (OSError, OverflowError) as error:
        why = getattr(error, "strerror", None) or str(error)
        raise OptionError(f"cannot listen at {host}:{port}: {why.lower()}. Choose another --port or --host.") from error


def _bracketed(host: str) -> str:
    return f"[{host}]" if ":" in host else host
