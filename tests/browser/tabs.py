"""A tab of a browser, with what it says on its console."""

import os
from pathlib import Path

import pytest

NEEDED = "INSPECTNET_TEST_BROWSERS"  # set where browsers and the page have to be, as by .ci/run


def lacks(what):
    """Skip for what is not here, or fail where it has to be."""
    (pytest.fail if os.environ.get(NEEDED) else pytest.skip)(what)


# without the last ones Chromium asks its maker for updates at every start
CHROMIUM = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-component-update --disable-sync "
    "--disable-background-networking"
).split()


class Tab:
    """A page of a browser, and what it said on its console."""

    def __init__(self, browser, **options):
        self.context = browser.new_context(**{"viewport": {"width": 1280, "height": 800}, **options})
        self.page, self.said = self.context.new_page(), []
        self.page.set_default_timeout(8000)
        self.page.on("console", lambda said: said.type in ("error", "warning") and self.said.append(said.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: request.url.startswith("http") and self.said.append(request.url))

    def open(self, index, hash=""):
        """The report, once its page stands."""
        self.page.goto(f"{Path(index).as_uri()}{hash}")
        self.page.locator("h1, [role=alert]").first.wait_for()

    def go(self, hash):
        """Another page of the same report, once it stands."""
        self.page.evaluate("hash => { location.hash = hash }", hash)
        self.page.locator("main h1, main [role=alert]").first.wait_for()

    def press(self, *keys):
        for key in keys:
            self.page.keyboard.press(key)

    @property
    def hash(self):
        return self.page.evaluate("decodeURIComponent(location.hash)")
