"""Browsers that open reports from files. Tests are skipped where there is no browser or the page is not built."""

import shutil

import pytest
from synthetic import PAGE, write_report
from tabs import CHROMIUM, Tab


def skipped(program):
    """Skip without the page, the driver or that browser; the path of the browser."""
    if not PAGE.is_file():
        pytest.skip("the page is not built: make page")
    pytest.importorskip("playwright")
    return shutil.which(program) or pytest.skip(f"{program} is not installed")


@pytest.fixture(scope="session")
def playwright():
    skipped("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright):
    browser = playwright.chromium.launch(executable_path=skipped("chromium"), args=CHROMIUM)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def firefox(playwright):
    # Debian's Firefox understands WebDriver BiDi, which this channel speaks
    browser = playwright.firefox.launch(channel="moz-firefox", executable_path=skipped("firefox-esr"))
    yield browser
    browser.close()


@pytest.fixture
def tab(chromium):
    """A tab in which nothing may go wrong unseen."""
    tab = Tab(chromium)
    yield tab
    tab.context.close()
    assert tab.said == []


@pytest.fixture(scope="session")
def report(tmp_path_factory):
    """index.html of a small report that no network made."""
    skipped("chromium")
    return write_report(tmp_path_factory.mktemp("report") / "site")
