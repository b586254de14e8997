"""The page Faults and clock, in a real browser, and where it is not."""

import logging
from collections.abc import Iterator
from pathlib import Path

import pika
import pytest
from playwright.sync_api import expect

from tests.helpers.browser import CHROMIUM, ServedBroker, Watched, chromium
from tests.helpers.served_process import served_process

logger = logging.getLogger(__name__)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian: apt install chromium)"),
    pytest.mark.timeout(120),
]


@pytest.fixture
def watched() -> Iterator[Watched]:
    with served_process() as broker, chromium() as browser:
        one = Watched(browser, broker)
        yield one
        one.close()


def test_the_clock_is_frozen_advanced_and_goes_on(watched: Watched) -> None:
    page = watched.log_in("testing")
    expect(page.locator(".badge")).to_have_text("goes on")
    page.click("text=Freeze")
    expect(page.locator(".badge")).to_have_text("frozen")
    before = page.locator(".number").inner_text()
    page.click("text=Advance…")
    page.fill("[name=duration]", "2d")
    page.click("dialog button[type=submit]")
    expect(page.locator(".number")).not_to_have_text(before)
    page.click("text=Resume")
    expect(page.locator(".badge")).to_have_text("goes on")


def test_a_fault_is_begun_strikes_and_is_ended(watched: Watched, tmp_path: Path) -> None:
    page = watched.log_in("testing")
    page.click("text=New fault…")
    page.select_option("[name=fault]", "return_publishes")
    page.fill("[name=which]", '{"queue": "tasks"')
    page.click("dialog button[type=submit]")
    expect(page.locator("dialog .wrong")).to_contain_text("This is no JSON")
    page.fill("[name=which]", '{"queue": "tasks"}')
    page.click("dialog button[type=submit]")
    row = page.locator("table[aria-label=Faults] tbody tr")
    expect(row).to_have_count(1)
    with pika.BlockingConnection(pika.URLParameters(watched.broker.amqp_url)) as connection:
        channel = connection.channel()
        channel.queue_declare("tasks")
        channel.basic_publish("", "tasks", b"lost")
        assert channel.queue_declare("tasks", passive=True).method.message_count == 0
    expect(row.locator("td").nth(3)).to_have_text("1")
    for scheme in ("light", "dark"):
        page.emulate_media(color_scheme=scheme)
        page.screenshot(path=tmp_path / f"{scheme}.png")
    logger.info("pictures in %s", tmp_path)
    row.get_by_text("End").click()
    expect(row).to_contain_text("over")


def test_without_the_test_api_there_is_no_such_page() -> None:
    broker = ServedBroker()
    try:
        with chromium() as browser:
            watched = Watched(browser, broker)
            watched.log_in()
            expect(watched.page.locator("nav").first).not_to_contain_text("Faults and clock")
            watched.close()
    finally:
        broker.stop()
