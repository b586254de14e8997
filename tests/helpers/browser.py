"""A real browser that looks at the web UI of a broker."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from playwright.sync_api import Browser, BrowserContext, ConsoleMessage, Dialog, Page, Request, expect, sync_playwright

from tests.helpers.served_broker import ServedBroker

CHROMIUM = shutil.which("chromium")
# A machine may have more to do than this.
_PATIENCE_MS = 20_000
expect.set_options(timeout=_PATIENCE_MS)
# Nothing that asks the network for anything of its own.
_OPTIONS = (
    "--no-sandbox --disable-gpu --disable-quic --no-first-run --disable-background-networking "
    "--disable-component-update --disable-sync"
)


@contextmanager
def chromium() -> Iterator[Browser]:
    """A browser without a window."""
    with sync_playwright() as playwright:
        yield playwright.chromium.launch(executable_path=CHROMIUM, args=_OPTIONS.split())


class Watched:
    """A page of its own context, and what must not happen on it.

    expected: texts of which one is in every fault that is meant to be told in the console.
    """

    def __init__(self, browser: Browser, broker: ServedBroker, **options: Any) -> None:
        self.broker = broker
        self.expected: list[str] = []
        self._faults: list[str] = []
        self.context: BrowserContext = browser.new_context(viewport={"width": 1360, "height": 820}, **options)
        self.page: Page = self.context.new_page()
        self.page.set_default_timeout(_PATIENCE_MS)
        self.page.on("console", self._told)
        self.page.on("pageerror", lambda error: self._faults.append(f"page error: {error}"))
        self.page.on("dialog", self._asked)
        self.page.on("request", self._sent)

    def _told(self, message: ConsoleMessage) -> None:
        if message.type in ("error", "warning"):
            self._faults.append(f"console: {message.text}")

    def _asked(self, dialog: Dialog) -> None:
        self._faults.append(f"dialog: {dialog.message}")
        dialog.dismiss()

    def _sent(self, request: Request) -> None:
        if not request.url.startswith((self.broker.url + "/", "data:", "blob:")):
            self._faults.append(f"request to {request.url}")

    @property
    def faults(self) -> list[str]:
        """What happened that must not, but for what was expected."""
        return [fault for fault in self._faults if not any(text in fault for text in self.expected)]

    def log_in(self, place: str = "", user: str = "guest", password: str = "guest") -> Page:
        """Opens a page (what follows `#/`) as a user who logs in there."""
        self.page.goto(f"{self.broker.url}/#/{place}")
        self.page.fill("[name=username]", user)
        self.page.fill("[name=password]", password)
        self.page.click("text=Log in")
        self.page.wait_for_selector("nav")
        return self.page

    def open(self, place: str) -> Page:
        """Goes to another page, until there is something on it."""
        self.page.goto(f"{self.broker.url}/#/{place}")
        self.page.wait_for_selector("main h1")
        return self.page

    def close(self) -> None:
        """Ends it, and finds what must not have happened."""
        self.context.close()
        assert self.faults == [], self.faults
