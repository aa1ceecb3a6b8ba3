"""The server of explore answers its own page, and nobody else; what it computes is what Python computes."""

import base64
import io
import json
import random
import threading
from urllib.parse import unquote

import anyio
import numpy as np
import pytest
from commands import contents, noisy_photos, write_network
from nets import POOLED, random_weights
from PIL import Image
from starlette.testclient import TestClient

import inspectnet
from inspectnet.explorer import Bundle, contract
from inspectnet.explorer.exploring import Exploration
from inspectnet.explorer.page import Page
from inspectnet.explorer.server import _events, make_app
from inspectnet.explorer.site import json_of
from inspectnet.rules import Policy

SIDE = 16
HOST = "127.0.0.1:8000"
OWN = {"Origin": f"http://{HOST}"}
TOKEN = "the-token"


@pytest.fixture(scope="module")
def looked(tmp_path_factory):
    """A network, and an index of photos of it."""
    weights = random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), m=(6, 4))
    model = write_network(tmp_path_factory.mktemp("net") / "net.onnx", POOLED, weights, SIDE)
    photos = noisy_photos(tmp_path_factory.mktemp("photos"), {f"{at}.png": (20 + at, 30 - at) for at in range(4)})
    network, index = inspectnet.open(model, device="cpu"), tmp_path_factory.mktemp("index")
    inspectnet.scan(network, photos, index)
    return network, inspectnet.open_index(index)


@pytest.fixture(scope="module")
def exploration(looked):
    network, index = looked
    exploration = Exploration(network, Policy())
    exploration.look(lambda progress: Bundle(network, index, progress=progress))
    return exploration


def stranger(exploration):
    app = make_app(exploration, Page(f"<p>{contract.MARK}</p>", {}, ""), [HOST, "localhost:8000"], TOKEN)
    return TestClient(app, base_url=f"http://{HOST}", follow_redirects=False)


@pytest.fixture
def client(exploration):
    client = stranger(exploration)
    assert client.get("/", params={"token": TOKEN}).status_code == 303
    return client


def floats(text, shape):
    return np.frombuffer(base64.b64decode(text), "<f4").reshape(shape)


def encoded(x):
    return base64.b64encode(np.asarray(x, "<f4").tobytes()).decode()


def ask(client, **question):
    answer = client.post("/live", json=question, headers=OWN)
    assert answer.status_code == 200, answer.text
    return answer.json()


# Answers ---------------------------------------------------------------------------------------------------


def test_the_address_with_the_token_gives_a_strict_cookie_and_leaves_the_token_behind(exploration):
    answer = stranger(exploration).get("/", params={"token": TOKEN})
    assert (answer.status_code, answer.headers["location"]) == (303, "/")
    cookie = answer.headers["set-cookie"].lower()
    assert "httponly" in cookie and "samesite=strict" in cookie and "domain" not in cookie


def test_the_page_knows_that_it_talks_to_a_server(client):
    answer = client.get("/")
    assert answer.status_code == 200 and '<meta name="inspectnet-server" content="">' in answer.text
    assert contract.MARK not in answer.text
    assert "frame-ancestors 'none'" in answer.headers["content-security-policy"]
    assert answer.headers["x-content-type-options"] == "nosniff"


def test_values_and_sheets_are_those_of_a_report(client, exploration, looked):
    bundle = Bundle(*looked)
    for name in bundle.names():
        if name == "model":
            continue
        value = bundle.value(name)
        if isinstance(value, bytes):
            picture = client.get(f"/{name}.webp")
            assert picture.headers["content-type"] == "image/webp"
            assert Image.open(io.BytesIO(picture.content)).size == Image.open(io.BytesIO(value)).size
        else:
            assert client.get(f"/data/{name}").text == json_of(value)
    model = client.get("/data/model").json()
    assert model["images"]["count"] == 4 and model["live"]["methods"] == ["deconvnet", "guided_backprop", "gradient"]


@pytest.mark.parametrize("method", ["deconvnet", "gradient"])
def test_projections_are_those_of_python(client, looked, rng, method):
    network, _ = looked
    x = rng.normal(size=(1, 3, SIDE, SIDE)).astype(np.float32)
    unit = network.maxima(x, ["conv2"])["conv2"].unit(0, 4)
    told = ask(
        client, ask="project", image=encoded(x), layer=1, unit=4, y=unit.y, x=unit.x, value=unit.value, method=method
    )
    (wanted,) = network.inverse(Policy(method)).project(x, "conv2", [unit], crop=False)
    pixels = floats(told["pixels"], (3, SIDE, SIDE))
    assert wanted.pixels.any() and np.abs(pixels - wanted.pixels).max() <= 1e-5 * np.abs(wanted.pixels).max()


def test_maps_scores_and_the_strongest_places_are_those_of_python(client, looked, rng):
    network, _ = looked
    x = rng.normal(size=(2, 3, SIDE, SIDE)).astype(np.float32)
    maps = network.activations(x[:1], "conv1")
    assert floats(ask(client, ask="maps", image=encoded(x[0]), layer=0)["values"], maps.shape) == pytest.approx(maps)
    scores = ask(client, ask="scores", images=[encoded(image) for image in x])["probabilities"]
    assert np.array(scores) == pytest.approx(network.probabilities(x), rel=1e-4)
    told = ask(client, ask="forward", image=encoded(x[0]))
    assert told["probabilities"] == scores[0] and [layer["layer"] for layer in told["layers"]] == list(
        range(len(network.layers))
    )
    assert told["layers"][0]["values"] == pytest.approx(maps.max(axis=(2, 3))[0], rel=1e-4)
    first = told["layers"][0]
    assert maps[0, 3, first["ys"][3], first["xs"][3]] == pytest.approx(first["values"][3], rel=1e-4)


def test_before_images_are_looked_at_the_network_is_there_and_answers(looked, rng):
    network, index = looked
    early = Exploration(network, Policy())
    client = stranger(early)
    client.get("/", params={"token": TOKEN})
    model = client.get("/data/model").json()
    assert not any(layer["scanned"] for layer in model["layers"]) and client.get("/data/photos").json() == []
    assert client.get("/data/layers/0").status_code == 404
    assert ask(client, ask="maps", image=encoded(rng.normal(size=(3, SIDE, SIDE))), layer=0)
    told = []
    watch = threading.Thread(target=lambda: told.extend(watched(early)))
    watch.start()
    early.look(lambda progress: Bundle(network, index, progress=progress))
    watch.join(10)
    assert told[-1].changed == ("model", "photos") and told[-1].what == ""
    assert client.get("/data/layers/0").status_code == 200


def watched(exploration):
    """What is told until all is there."""
    count, told = -1, []
    while not (told and told[-1].changed):
        count, progress = exploration.wait(count, 5)
        told.append(progress)
    return told


def test_what_ends_the_work_is_told(looked):
    exploration = Exploration(looked[0], Policy())

    def fail(_):
        raise inspectnet.InspectError("the photos are gone")

    exploration.look(fail)
    assert exploration.wait(-1, 1)[1].what == "stopped: the photos are gone"


def test_progress_comes_as_events(exploration):
    async def first():
        async for event in _events(exploration):
            return event

    event = anyio.run(first)
    assert event.startswith("data: ") and event.endswith("\n\n")
    assert json.loads(event[6:]) == {"what": "", "done": 0, "total": 0, "changed": ["model", "photos"]}


# Refusals --------------------------------------------------------------------------------------------------


PATHS = ["/", "/data/model", "/sheets/0-best-patch-0.webp", "/progress", "/?token=wrong", "/?token="]


@pytest.mark.parametrize("path", PATHS)
def test_nobody_is_answered_without_the_token(exploration, path):
    assert stranger(exploration).get(path).status_code == 401


@pytest.mark.parametrize("cookie", ["", "x=1", "inspectnet-0=the-token", "=", ";;;", "a=b\x7f", '"'])
def test_no_other_cookie_will_do(exploration, cookie):
    assert stranger(exploration).get("/data/model", headers={"Cookie": cookie}).status_code == 401


HOSTS = ["evil.example", "evil.example:8000", "127.0.0.1", "127.0.0.1:80", "", "127.0.0.1:8000.evil"]


@pytest.mark.parametrize("host", HOSTS)
def test_no_other_host_is_answered(client, host):
    assert client.get("/data/model", headers={"Host": host}).status_code == 421


@pytest.mark.parametrize("headers", [{"Origin": "http://evil.example"}, {"Origin": "null"}, {"Origin": "https://127.0.0.1:8000"},
                                     {"Origin": "http://localhost:8000"}, {"Sec-Fetch-Site": "cross-site"},
                                     {"Sec-Fetch-Site": "same-site"}])  # fmt: skip
def test_no_other_site_is_answered(client, headers):
    assert client.get("/data/model", headers=headers).status_code == 403
    assert client.post("/live", json={"ask": "forward"}, headers=headers).status_code == 403


def test_a_question_without_an_origin_is_refused(client):
    assert client.post("/live", json={"ask": "forward"}).status_code == 403


BODIES = [
    *(b"", b"{", b"[]", b"null", b"[" * 100_000, b"\xff\xfe", b'{"ask": "shell"}', b'{"ask": ["forward"]}'),
    *(b'{"ask": "forward"}', b'{"ask": "forward", "image": 1}', b'{"ask": "forward", "image": "!"}'),
    *(b'{"ask": "forward", "image": ""}', b'{"ask": "forward", "image": "", "path": "/etc/passwd"}'),
    b'{"ask": "scores", "images": []}',
]


@pytest.mark.parametrize(("body", "status"), [*((body, 400) for body in BODIES), (b" " * 10_000_000, 413)])
def test_what_is_no_question_is_refused(client, body, status):
    headers = OWN | {"Content-Type": "application/json"}
    assert client.post("/live", content=body, headers=headers).status_code == status


def test_a_body_that_hides_its_length_is_cut_off(client):
    headers = OWN | {"Content-Type": "application/json"}
    sent = []

    def parts():
        for _ in range(100_000):
            sent.append(1)
            yield b" " * 1000

    assert client.post("/live", content=parts(), headers=headers).status_code == 413


@pytest.mark.parametrize("wrong", [{"layer": 99}, {"layer": -1}, {"unit": 99}, {"y": -1}, {"x": 99}, {"method": "x"}])
def test_a_unit_that_is_not_there_is_told_in_one_line(client, wrong):
    question = {"ask": "project", "layer": 0, "unit": 0, "y": 0, "x": 0, "value": 1.0, "method": "deconvnet"}
    question["image"] = encoded(np.zeros((3, SIDE, SIDE)))
    answer = client.post("/live", json=question | wrong, headers=OWN)
    assert answer.status_code == 422 and "\n" not in answer.text and "Traceback" not in answer.text


def test_numbers_that_are_not_finite_are_refused(client):
    image = encoded(np.full((3, SIDE, SIDE), np.nan))
    assert client.post("/live", json={"ask": "forward", "image": image}, headers=OWN).status_code == 400
    question = {"ask": "project", "image": encoded(np.zeros((3, SIDE, SIDE))), "layer": 0, "unit": 0, "y": 0, "x": 0}
    body = json.dumps(question | {"value": float("inf"), "method": "deconvnet"})
    headers = OWN | {"Content-Type": "application/json"}
    assert client.post("/live", content=body, headers=headers).status_code == 400


@pytest.mark.parametrize("kind", ["text/plain", "", "multipart/form-data", "application/x-www-form-urlencoded"])
def test_questions_that_a_form_could_send_are_refused(client, kind):
    assert client.post("/live", content=b"{}", headers=OWN | {"Content-Type": kind}).status_code == 415


PARTS = [
    *("..", ".", "", "%2e%2e", "%2f", "%5c", "etc", "passwd", "data", "model", "layers", "0", "-1", "units", "photos"),
    *("sheets", "x" * 300, "%00", "\u00e9", "{name}", "0-best-patch-0.webp", "..;", "~", "C:", "live", "index.html"),
]


async def requested(app, method, path, cookie):
    """The status and the body that a request gets whose path no client has tidied up."""
    headers = {"host": HOST, "origin": OWN["Origin"], "cookie": cookie}
    scope = {
        "type": "http", "method": method, "path": unquote(path), "raw_path": path.encode(), "query_string": b"",
        "headers": [(name.encode(), value.encode()) for name, value in headers.items()], "root_path": "",
    }  # fmt: skip
    sent = []

    async def send(message):
        sent.append(message)

    async def receive():
        return {"type": "http.request", "body": b"", "more_body": False}

    await app(scope, receive, send)
    return sent[0]["status"], b"".join(message.get("body", b"") for message in sent[1:])


def test_a_thousand_hostile_paths_lead_nowhere(client, looked, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    draw, (network, index) = random.Random(0), looked
    before = contents(index.folder), contents(network.path.parent)
    there = {f"/data/{name}" for name in Bundle(*looked).names()} | {"/", "/sheets/0-best-patch-0.webp"}
    cookie = f"{client.app.cookie}={TOKEN}"
    answered = 0
    for _ in range(1000):
        path = "/" + "/".join(draw.choice(PARTS) for _ in range(draw.randint(1, 6)))
        method = draw.choice(["GET", "GET", "GET", "POST", "PUT", "DELETE", "PATCH", "OPTIONS", "HEAD"])
        status, body = anyio.run(requested, client.app, method, path, cookie)
        answered += status == 200
        assert status in (404, 405, 414, 415) or (unquote(path) in there and method in ("GET", "HEAD")), (method, path)
        assert b"root:" not in body and b"Traceback" not in body
    assert answered, "the requests reach the server"
    assert (contents(index.folder), contents(network.path.parent)) == before and contents(tmp_path) == {}


def test_what_is_too_long_is_refused(client):
    assert client.get("/" + "a" * 5000).status_code == 414
