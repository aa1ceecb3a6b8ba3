"""inspectnet explore: a server on this machine, whose page is there before the images have been looked at."""

import os
import re
import signal
import subprocess
import sys
import urllib.error
import urllib.request
from http.cookiejar import CookieJar

import pytest
from commands import contents, noisy_photos, refused, write_network
from nets import POOLED, random_weights

from inspectnet.explorer import contract, page


@pytest.fixture(scope="module")
def model(tmp_path_factory):
    weights = random_weights(0, k1=(5, 3, 3, 3), k2=(6, 5, 3, 3), m=(6, 4))
    return write_network(tmp_path_factory.mktemp("net") / "net.onnx", POOLED, weights, 16)


@pytest.fixture
def built(tmp_path, monkeypatch):
    """A page that is built, if of nothing."""
    (folder := tmp_path / "page").mkdir()
    (folder / "index.html").write_text(contract.MARK)
    for file in page.RUNTIME.values():
        (folder / file).write_text("")
    monkeypatch.setattr(page, "FOLDER", folder)
    return folder


SERVE = (
    "import pathlib, sys; from inspectnet.explorer import page; page.FOLDER = pathlib.Path(sys.argv.pop(1)); "
    "from inspectnet.cli import main; sys.exit(main())"
)


@pytest.mark.skipif(sys.platform == "win32", reason="signals are others there")
def test_it_serves_looks_at_images_in_the_background_and_ends_when_it_is_interrupted(model, built, tmp_path):
    photos = noisy_photos(tmp_path / "photos", {f"{at}.png": (20 + at, 30 - at) for at in range(4)})
    command = [sys.executable, "-c", SERVE, built, "explore", model, "--images", photos, "--no-browser"]
    kept = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}  # as most people have it
    environment = kept | {"XDG_CACHE_HOME": str(tmp_path / "cache"), "HOME": str(tmp_path)}
    before = contents(photos)
    with subprocess.Popen(list(map(str, command)), stdout=subprocess.PIPE, text=True, env=environment) as process:
        try:
            address = process.stdout.readline().strip()
            assert re.fullmatch(r"http://127\.0\.0\.1:\d+/\?token=[\w-]{32}", address)
            browser = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))
            assert b"inspectnet-server" in browser.open(address, timeout=20).read()
            root = address.partition("?")[0]
            with browser.open(f"{root}progress", timeout=20) as events:
                while b'"changed": ["model"' not in events.readline():
                    pass
            assert b'"photo"' in browser.open(f"{root}data/layers/0/units/0", timeout=20).read()
            with pytest.raises(urllib.error.HTTPError, match="401"):
                urllib.request.urlopen(f"{root}data/model", timeout=20)
        finally:
            process.send_signal(signal.SIGINT)
        assert process.wait(20) == 130
    assert contents(photos) == before
    (kept,) = (tmp_path / "cache" / "inspectnet" / "explore").iterdir()
    assert (kept / "merged").is_dir()


@pytest.mark.parametrize(
    ("options", "why"),
    [
        (("--host", "192.0.2.1"), "cannot listen at 192.0.2.1"),
        (("--host", "no such host"), "cannot listen at no such host"),
        (("--index", "nothing"), "nothing"),
        (("--layer", "conv9"), "no layer"),
    ],
)
def test_what_cannot_be_is_refused(capsys, model, built, options, why):
    assert why in refused(capsys, "explore", model, "--no-browser", *options)


def test_without_its_libraries_it_says_what_to_install(capsys, model, monkeypatch):
    monkeypatch.setattr("inspectnet.explorer.explore.NEEDED", ("starlette", "no_such_library"))
    line = refused(capsys, "explore", model)
    assert "not installed here: no_such_library. Run pip install 'inspectnet[explore]'" in line
