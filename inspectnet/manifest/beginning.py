"""A manifest is made, or gone on with: images are listed by one worker while the others wait."""

import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from inspectnet.errors import OptionError
from inspectnet.files.refusals import refusal
from inspectnet.files.staging import made
from inspectnet.images import Collection
from inspectnet.manifest.listing import write_listing
from inspectnet.manifest.manifest import MANIFEST, Manifest, R, Request, read_manifest, signature_of_request
from inspectnet.results import encode
from inspectnet.shards import held, living

PAUSE = 0.2  # seconds between looks at whether another worker has listed the images


def list_images(folder: Path, request: R, find: Callable[[], Collection], sources: Sequence[str]) -> Manifest[R]:
    """The manifest in a folder, which one worker makes while others wait; images are listed anew by each new run.

    find: what looks for the images. Raises OptionError for a folder that holds another one, ImageError.
    """
    if (folder / MANIFEST).exists():
        refuse_other(folder, read_manifest(folder, type(request)), request, sources)
        if living(folder / "leases"):  # others are at it, by this manifest
            return read_manifest(folder, type(request))
    waited = False
    while True:
        try:
            with made(folder / "leases"), held(folder / "leases" / "listing.lease") as lease:
                if lease and not waited:
                    if (folder / MANIFEST).exists():  # another may have come and gone since the first look
                        refuse_other(folder, read_manifest(folder, type(request)), request, sources)
                    return write_listing(folder, request, find(), sources)
                if lease:
                    break
        except OSError as error:
            raise refusal(folder, error) from error
        waited = True
        time.sleep(PAUSE)
    manifest = read_manifest(folder, type(request))
    refuse_other(folder, manifest, request, sources)
    return manifest


def refuse_other(folder: Path, manifest: Manifest[R], request: R, sources: Sequence[str]) -> None:
    """Raise OptionError for a manifest of other models, layers, options or images."""
    if signature_of_request(manifest.request) != signature_of_request(request):
        for name, there, here in (
            ("models", _names(manifest.request), _names(request)),
            ("layers", _layers(manifest.request), _layers(request)),
        ):
            if there != here:
                raise OptionError(
                    f"{folder} is an {request.what} of the {name} {there}, not {here}. Give another folder."
                )
        other = _other_options(encode(manifest.request, {}), encode(request, {}))
        raise OptionError(f"{folder} is an {request.what} that was made with {other}. Give those, or another folder.")
    if list(manifest.sources) != list(sources):
        there = ", ".join(manifest.sources)
        raise OptionError(f"{folder} is an {request.what} of the images in {there}. Give those, or another folder.")


def _names(request: Request) -> str:
    return ", ".join(f"{Path(model.path).name} ({model.sha256[:8]})" for model in request.models)


def _other_options(there: Any, here: Any) -> str:
    """The options in which two requests differ, as top 100 (here 9)."""
    differ = [name for name in there if name != "models" and there[name] != here[name]]
    told = [
        f"other {name}"
        if isinstance(there[name], list)
        else f"{name.replace('_', '-')} {there[name]} (here {here[name]})"
        for name in differ
    ]
    return ", ".join(told) or "another preprocessing"


def _layers(request: Request) -> str:
    return ", ".join(layer.name for model in request.models for layer in model.layers)[:200]
