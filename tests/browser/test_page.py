"""The page of a report, from a file, in Chromium: permalinks, keys, what it says when something is amiss."""

import json
import shutil

import pytest
from reports import single_file
from synthetic import RESNET50, write_report
from tabs import Tab

pytestmark = pytest.mark.browser

PAGES = {
    "#/": "synthetic.onnx",
    "#/conv2": "conv2",
    "#/conv2?sort=selective&show=both&class=1&size=2": "conv2",
    "#/a%2Fb:c": "a/b:c",
    "#/conv2:212": "conv2:212",
    "#/a%2Fb:c:39": "a/b:c:39",
    "#/photos": "Photos",
    "#/image/12": "photo-12.jpg",
    "#/diagnose": "Diagnosis diagnose: synthetic.onnx",
    "#/tables": "Tables",
    "#/live": "Live",
}


# in the page: each key in turn, and back to where it was pressed; those that did something of their own
PRESS_ALL = """async keys => {
    const names = { '←': 'ArrowLeft', '→': 'ArrowRight', '↑': 'ArrowUp', '↓': 'ArrowDown', Esc: 'Escape' }
    const hash = location.hash, frame = () => new Promise(resolve => requestAnimationFrame(() => setTimeout(resolve)))
    const rest = async () => { await frame(); await frame() } // the second with the keys of what the first has drawn
    const taken = []
    for (const key of keys) {
        const event = new KeyboardEvent('keydown', { key: names[key] ?? key, bubbles: true, cancelable: true })
        document.body.dispatchEvent(event)
        if (event.defaultPrevented) taken.push(key)
        await rest()
        document.querySelector('dialog[open]')?.close()
        if (location.hash !== hash) location.hash = hash
        await rest()
    }
    return taken
}"""


@pytest.mark.parametrize("form", ["folder", "single file"])
def test_every_permalink_opens_from_a_file(tab, report, form, tmp_path):
    index = report if form == "folder" else single_file(report.parent, tmp_path / "one.html")
    for hash, title in list(PAGES.items())[:: 1 if form == "folder" else 4]:
        tab.page.goto("about:blank")  # a change of the hash alone opens no page anew
        tab.open(index, hash)
        tab.page.locator("main h1").first.wait_for()
        assert tab.page.locator("main h1").inner_text() == title
        assert tab.page.get_by_role("alert").count() == (hash == "#/live")


@pytest.mark.parametrize("form", ["folder", "single file"])
def test_tiles_show_their_sheets(tab, report, form, tmp_path):
    index = report if form == "folder" else single_file(report.parent, tmp_path / "one.html")
    tab.open(index, "#/conv2:5")
    drawn = """() => [...document.querySelectorAll('.nine canvas')].filter(canvas => {
        const small = document.createElement('canvas').getContext('2d')
        small.drawImage(canvas, 0, 0)
        try { return small.getImageData(8, 8, 1, 1).data[3] > 0 } catch { return true }  // tainted is drawn
    }).length"""
    tab.page.wait_for_function(f"({drawn})() === 18")


def test_keys_walk_through_layers_and_units(tab, report):
    tab.open(report, "#/conv2:5")
    for key, hash in {
        "ArrowRight": "#/conv2:6",
        "l": "#/conv2:7",
        "j": "#/conv2:6",
        "ArrowLeft": "#/conv2:5",
        "L": "#/conv2:8",
        "J": "#/conv2:5",
        "u": "#/conv1:5",
        "o": "#/conv2:5",
        "Escape": "#/conv2",
        "s": "#/conv2?show=patch",
        "x": "#/conv2?show=patch&sort=highest",
        "z": "#/conv2?show=patch&sort=highest&size=2",
        "]": "#/a/b:c",
        "[": "#/conv2",
        "m": "#/",
        "p": "#/photos",
        "v": "#/live",
    }.items():
        tab.press(key)
        tab.page.wait_for_function("hash => decodeURIComponent(location.hash) === hash", arg=hash)
        tab.page.locator("main h1").first.wait_for()


def test_keys_walk_through_a_grid(tab, report):
    tab.open(report, "#/conv2")
    tab.page.locator(".cell").first.wait_for()
    columns = int(tab.page.get_by_role("grid").get_attribute("aria-colcount"))
    chosen = 0
    for key, step in {"ArrowRight": 1, "ArrowDown": columns, "L": 3, "K": 3 * columns, "i": -columns, "j": -1}.items():
        tab.press(key)
        chosen += step
        tab.page.wait_for_function(
            "n => document.activeElement.closest('[data-cell]')?.dataset.cell === n", arg=str(chosen)
        )
    tab.press("End")
    tab.page.wait_for_function("document.activeElement.closest('[data-cell]')?.dataset.cell === '255'")
    tab.press("Enter")
    tab.page.wait_for_function("location.hash === '#/conv2:255'")


def test_every_key_of_every_page_does_what_it_does_without_an_error(tab, report):
    for hash in ("#/", "#/conv2", "#/conv2:212", "#/image/12", "#/diagnose"):
        tab.open(report, hash)
        tab.press("?")
        keys = tab.page.locator(".keys kbd").all_inner_texts()
        tab.press("Escape")
        assert len(keys) > 7 and len(set(keys)) == len(keys)
        assert tab.page.evaluate(PRESS_ALL, keys) == keys


def test_a_unit_a_class_and_a_photo_are_found_by_typing(tab, report):
    tab.open(report)
    for typed, hash in {"conv2:7": "#/conv2:7", "class d": "#/conv2?class=3", "photo-3": "#/image/3"}.items():
        tab.press("/")
        tab.page.get_by_role("combobox", name="A unit").fill(typed)
        tab.press("Enter")
        tab.page.wait_for_function("hash => decodeURIComponent(location.hash) === hash", arg=hash)


def test_light_and_dark_follow_the_system_until_someone_says(tab, report):
    tab.page.emulate_media(color_scheme="dark")
    tab.open(report)
    background = "getComputedStyle(document.documentElement).backgroundColor"
    assert tab.page.evaluate(background) == "rgb(20, 20, 20)"
    tab.press("n")
    assert tab.page.evaluate(background) == "rgb(251, 251, 250)"
    tab.page.reload()
    assert tab.page.evaluate(background) == "rgb(251, 251, 250)"


@pytest.mark.parametrize("schema, age", [(0, "an older"), (2, "a newer")])
def test_a_report_of_another_schema_says_why_it_does_not_open(tab, tmp_path, schema, age):
    tab.open(write_report(tmp_path / "site", (), photos=0, schema=schema, sheets=0))
    why = tab.page.get_by_role("alert").inner_text()
    assert f"follow schema {schema}, written by {age} inspectnet (0.1.0), and this page reads schema 1" in why


def test_what_is_not_there_is_said(chromium, report, tmp_path):
    tab = Tab(chromium)  # a missing script is an error on its console
    site = tmp_path / "site"
    shutil.copytree(report.parent, site)
    (site / "data" / "layers-1-units-0.js").unlink()
    tab.open(site / "index.html", "#/conv2:5")
    for hash, why in {
        "#/conv2:5": "This report has no layers/1/units/0.",
        "#/conv9": "There is no layer conv9",
        "#/conv2:256": "conv2 has 256 maps, 0 to 255",
        "#/image/99": "There is no photo 99",
        "#/evolve": "no result of evolve",
        "#/live": "too large for a page",
    }.items():
        tab.go(hash)
        tab.page.get_by_role("alert").filter(has_text=why).wait_for()
    tab.context.close()


def test_an_empty_folder_says_what_is_missing(chromium, report, tmp_path):
    shutil.copy(report, tmp_path / "index.html")
    tab = Tab(chromium)
    tab.open(tmp_path / "index.html")
    assert tab.page.get_by_role("alert").inner_text() == "This report has no model."
    tab.context.close()


def test_a_report_of_26000_maps_opens_and_scrolls(tab, tmp_path):
    tab.open(write_report(tmp_path / "site", RESNET50, photos=2, units=False), "#/block52")
    tab.page.locator(".cell").first.wait_for()
    grid = tab.page.get_by_role("grid")
    grid.evaluate("grid => grid.scrollTo(0, grid.scrollHeight)")
    tab.page.locator("[data-cell='511']").wait_for()
    assert tab.page.locator(".cell").count() < 200
    tab.go("#/")
    assert tab.page.locator(".pipeline > li").count() == 1 + len(RESNET50)


def test_a_layer_keeps_its_order_in_its_address(tab, report):
    tab.open(report, "#/conv2?sort=highest&class=2")
    data = json.loads(tab.page.evaluate("async () => JSON.stringify(await inspectnet.report.layer(1))"))
    best = [unit for unit in range(256) if data["best_class"][unit] == 2]
    best.sort(key=lambda unit: (data["highest"][unit] <= 0, -data["highest"][unit], unit))
    tab.page.locator(".cell").first.wait_for()
    assert tab.page.locator(".cell a").first.get_attribute("href") == f"#/conv2:{best[0]}"
    assert f"{len(best)} of 256 maps" in tab.page.get_by_role("status").inner_text()
