"""The page with a server behind it asks for values as it needs them, and leaves the network to the server."""

import base64
import json
import threading
from contextlib import contextmanager
from functools import partial
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import unquote

import numpy as np
import pytest
from reports import values_of
from synthetic import PAGE, SMALL
from tabs import Tab

from inspectnet.explorer.contract import MARK

pytestmark = pytest.mark.browser


class Server(BaseHTTPRequestHandler):
    """A report over HTTP, and a network of which each map is its number everywhere."""

    def __init__(self, site, asked, *args):
        self.site, self.asked = site, asked
        super().__init__(*args)

    def do_GET(self):
        path = unquote(self.path).removeprefix("/")
        values = values_of(self.site) | {"new": '"value"'}
        if path == "":
            token = '<meta name="inspectnet-server" content="secret">'
            self.reply(PAGE.read_text("utf-8").replace(MARK, token).encode(), "text/html")
        elif path == "progress":
            told = {"what": "scanning conv1", "done": 1, "total": 2, "changed": ["model"]}
            self.asked.append({"ask": "progress"})
            self.reply(f"data: {json.dumps(told)}\n\n".encode(), "text/event-stream")
        elif path.startswith("data/") and path.removeprefix("data/") in values:
            assert self.headers["X-Inspectnet-Token"] == "secret"
            value = values[path.removeprefix("data/")]
            if self.asked:  # images have been looked at by then
                value = value.replace('"source":"photos/"', '"source":"more photos/"')
            self.reply(value.encode(), "application/json")
        elif path.startswith("sheets/"):
            self.reply((self.site / path).read_bytes(), "image/webp")
        else:
            self.send_error(404)

    def do_POST(self):
        assert self.path == "/live" and self.headers["X-Inspectnet-Token"] == "secret"
        asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        self.asked.append(asked)
        maps = [maps for _, maps in SMALL]
        if asked["ask"] == "forward":
            layers = [
                {"layer": layer, "values": list(range(n)), "ys": [0] * n, "xs": [0] * n} for layer, n in enumerate(maps)
            ]
            answer = {"probabilities": [0.1, 0.6, 0.1, 0.1, 0.1], "layers": layers}
        elif asked["ask"] == "maps":
            answer = {"values": floats(np.repeat(np.arange(maps[asked["layer"]]), 13 * 13))}
        else:
            answer = {"pixels": floats(np.arange(3 * 88 * 88) - 1000)}
        self.reply(json.dumps(answer).encode(), "application/json")

    def reply(self, body, kind):
        self.send_response(200)
        self.send_header("Content-Type", kind)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *args):
        pass


def floats(values):
    return base64.b64encode(np.asarray(values, "<f4").tobytes()).decode()


@contextmanager
def serving(site):
    """The address of a report behind a server, and what the page asks of its network."""
    asked = []
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Server, site, asked))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}/", asked
    server.shutdown()
    thread.join()
    server.server_close()


def test_the_page_asks_the_server(chromium, report):
    tab = Tab(chromium)
    with serving(report.parent) as (address, asked):
        tab.page.goto(f"{address}#/conv2:5")
        tab.page.locator("main h1").filter(has_text="conv2:5").wait_for()
        tab.page.get_by_role("progressbar", name="scanning conv1").wait_for()
        tab.page.wait_for_function(
            "document.querySelector('.nine canvas').getContext('2d').getImageData(9, 9, 1, 1).data[3]"
        )
        tab.page.wait_for_function("inspectnet.report.model.images.source === 'more photos/'")
        tab.go("#/live/3/conv2:7")
        tab.page.locator("[data-projected='conv2:7@0,0 deconvnet']").wait_for()
        tab.page.locator(".projection canvas").wait_for()
        why = tab.page.evaluate("inspectnet.report.source.get('no/such').catch(error => error.message)")
        tab.context.close()
    assert why == "This report has no no/such."
    assert {row["ask"] for row in asked} == {"progress", "forward", "maps", "project"}
    (project,) = [row for row in asked if row["ask"] == "project"]
    assert {**project, "image": ""} == {
        **{"ask": "project", "image": "", "layer": 1, "unit": 7, "y": 0, "x": 0, "value": 7, "method": "deconvnet"}
    }
    assert len(base64.b64decode(project["image"])) == 4 * 3 * 88 * 88
