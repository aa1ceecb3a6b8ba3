"""Browsers that open reports from files.

Tests are skipped where there is no browser or the page is not built, but fail where `tabs.NEEDED` says that they are.
"""

import shutil
from importlib.util import find_spec

import pytest
from synthetic import PAGE, write_report
from tabs import CHROMIUM, Tab, lacks


def browser_path(program):
    """The path of a browser, where the page and its driver are here too."""
    if not PAGE.is_file():
        lacks("the page is not built: make page")
    if find_spec("playwright") is None:
        lacks("playwright is not installed")
    return shutil.which(program) or lacks(f"{program} is not installed")


@pytest.fixture(scope="session")
def playwright():
    browser_path("chromium")
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        yield playwright


@pytest.fixture(scope="session")
def chromium(playwright):
    browser = playwright.chromium.launch(executable_path=browser_path("chromium"), args=CHROMIUM)
    yield browser
    browser.close()


@pytest.fixture(scope="session")
def firefox(playwright):
    # Debian's Firefox understands WebDriver BiDi, which this channel speaks
    browser = playwright.firefox.launch(channel="moz-firefox", executable_path=browser_path("firefox-esr"))
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
    browser_path("chromium")
    return write_report(tmp_path_factory.mktemp("report") / "site")
