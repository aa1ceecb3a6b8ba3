"""Reports for tests: a folder as one file, and one whose live part is that of a network."""

import functools
import gzip
import json

from synthetic import PAGE, write_report

from inspectnet.explorer.contract import MARK
from inspectnet.explorer.live import LivePart
from inspectnet.explorer.page import read_page
from inspectnet.explorer.sevens import to_text
from inspectnet.geometry import Unit
from inspectnet.results import encode

runtime = functools.cache(read_page)  # which packs 14 MB


def values_of(site):
    """name -> JSON text of a report in a folder."""
    texts = [path.read_text("utf-8") for path in sorted((site / "data").glob("*.js"))]
    split = [text.removeprefix("report(").removesuffix(");").partition('",') for text in texts]
    return {name.strip('"'): value for name, _, value in split}


def single_file(site, out):
    """The report of a folder in one file."""
    values = values_of(site)
    parts = []
    for name in ["model", *(name for name in values if name != "model")]:
        if name.startswith("photos/"):
            kind, text = "application/json", values[name].replace("<", "\\u003c")
        else:
            kind, text = "application/gzip", to_text(gzip.compress(values[name].encode(), 1))
        parts.append(f'<script type="{kind}" data-name="{name}">{text}</script>')
    for sheet in sorted((site / "sheets").iterdir()):
        text = to_text(sheet.read_bytes())
        parts.append(f'<script type="image/webp" data-name="sheets/{sheet.stem}">{text}</script>')
    out.write_text(PAGE.read_text("utf-8").replace(MARK, "\n".join(parts)), "utf-8")
    return out


def live_report(site, network, x):
    """A report whose live part is that of a network; x (1, C, H, W) and the units that prove it."""
    layers = [(number, layer) for number, layer in enumerate(network.layers) if layer.field is not None]
    layers = [layers[0], layers[len(layers) // 2], layers[-1]]
    write_report(site, [(layer.name, layer.maps) for layer in network.layers], photos=2, units=False, sheets=1)
    page = runtime()
    part = LivePart(network, layers, page.version)
    maxima = network.maxima(x, [part.proven.output])[part.proven.output]
    unit = int(maxima.values[0].argmax())
    y, x_place = maxima.places[0, unit].tolist()
    proof = part.proof(x, Unit(0, unit, y, x_place, float(maxima.values[0, unit])))
    model = json.loads(values_of(site)["model"])
    channels, height, width = network.input_shape
    model["preprocess"]["input_size"] = [channels, height, width]
    model["input"] |= {"channels": channels, "height": height, "width": width}
    model["live"], model["live_reason"] = encode(part.describe(), {}), ""
    for entry, layer in zip(model["layers"], network.layers, strict=True):
        entry["height"], entry["width"] = (*layer.extent, 1, 1)[:2]
        entry["field"] = entry["field"] if layer.field is not None else None
    values = {name: part.value(name) for name in part.names()}
    values |= {"model": model, "live/runtime": page.runtime, "live/proof": encode(proof, {})}
    for name, value in values.items():
        text = f"report({json.dumps(name)},{json.dumps(value)});"
        (site / "data" / f"{name.replace('/', '-')}.js").write_text(text, "utf-8")
    return site / "index.html", part
