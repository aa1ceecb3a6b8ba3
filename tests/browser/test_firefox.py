"""The core of the page in Firefox: pages by permalink and key, from one file, and the deconvnet in it."""

import pytest
from nets import export, torch_net
from reports import live_report, single_file

import inspectnet

pytestmark = pytest.mark.browser


def test_a_tour_of_one_file(firefox, tmp_path):
    net, x = torch_net("squeezenet")
    network = inspectnet.open(export(net, x, tmp_path / "net.onnx", exporter="torchscript"), device="cpu")
    index, _ = live_report(tmp_path / "site", network, x.numpy())
    page, said = firefox.new_context().new_page(), []
    page.on("console", lambda message: message.type in ("error", "warning") and said.append(message.text))
    page.on("pageerror", lambda error: said.append(str(error)))
    page.goto(single_file(index.parent, tmp_path / "one.html").as_uri())
    page.locator("main h1").filter(has_text="synthetic.onnx").wait_for()
    for hash, title in {"#/conv1": "conv1", "#/image/1": "photo-1.jpg", "#/diagnose": "Diagnosis"}.items():
        page.evaluate("hash => { location.hash = hash }", hash)
        page.locator("main h1").filter(has_text=title).wait_for()
    page.keyboard.press("v")
    page.locator(".trust").filter(has_text="gave the recorded projection again").wait_for()
    page.locator(".projection canvas").wait_for()
    page.keyboard.press("?")
    page.locator("dialog[open] kbd").first.wait_for()
    assert said == []
