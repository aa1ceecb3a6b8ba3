"""The page for everyone: axe-core finds nothing, in light and dark, wide and narrow."""

import pytest
from synthetic import PAGE
from tabs import Tab, lacks

pytestmark = pytest.mark.browser

AXE = PAGE.parents[3] / "explorer/node_modules/axe-core/axe.min.js"
HASHES = (
    "#/",
    "#/conv2?show=both&class=1",
    "#/conv2:212",
    "#/photos",
    "#/image/12",
    "#/diagnose",
    "#/tables",
    "#/live",
)


@pytest.mark.parametrize("theme, width", [("light", 1280), ("dark", 390)])
def test_axe_finds_nothing(chromium, report, theme, width):
    if not AXE.is_file():
        lacks("axe-core is not installed: make page")
    tab = Tab(chromium, color_scheme=theme, viewport={"width": width, "height": 844})
    tab.open(report)
    tab.page.add_script_tag(path=AXE)
    for hash in HASHES:
        tab.go(hash)
        tab.page.wait_for_timeout(150)
        assert violations(tab) == {}, hash
    tab.press("?")
    assert violations(tab) == {}
    tab.press("Escape", "/")
    assert violations(tab) == {}
    overflow = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
    assert tab.page.evaluate(overflow) == 0
    tab.context.close()


def violations(tab):
    """What axe finds: rule -> the elements that break it."""
    found = tab.page.evaluate("async () => (await axe.run()).violations")
    return {rule["id"]: [node["html"][:200] for node in rule["nodes"]] for rule in found}


def test_everything_is_reached_by_the_keyboard_alone(tab, report):
    tab.open(report, "#/conv2")
    tab.page.locator(".cell").first.wait_for()
    reached = []
    for _ in range(20):
        tab.press("Tab")
        reached.append(tab.page.evaluate("document.activeElement.ariaLabel ?? document.activeElement.innerText"))
    assert {"Find", "Keys", "Layer", "Light or dark"} <= set(reached)
    assert any(name.startswith("conv2:\n0") for name in reached)  # the grid is one stop
    assert not any(name.startswith("conv2:\n1") for name in reached)
