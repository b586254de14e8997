"""The web UI in a real browser: what people see, in which no name is ever more than text.

What is measured, and where the pictures are, is logged: `-o log_cli=true --log-cli-level=info`.
"""

import json
import logging
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import quote

import pika
import pytest
from playwright.sync_api import Browser, Page, expect

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.server.server import Server
from tests.helpers.browser import CHROMIUM, ServedBroker, Watched, chromium

logger = logging.getLogger(__name__)

pytestmark = [
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed (Debian: apt install chromium)"),
    pytest.mark.timeout(120),
]

# What each page has to have once it is all there, however little there is.
PAGES = {
    "overview": "running",
    "messages": "No message yet",
    "queues": "queues",
    "exchanges": "amq.topic",
    "connections": "Nobody is connected",
    "admin": "administrator",
    "admin/vhosts": "Default virtual host",
    "admin/policies": "None.",
    "admin/limits": "there may be any number",
}
HOSTILE = [
    "<img src=x onerror=alert(1)>",
    "<script>alert(2)</script>",
    "x" * 255,
    "שלום \u202egnp.exe",
    "tab\there \x07bell",
    "🐇 a/b%2Fc?d=1#e&f",
    "'\"&<>100%",
    "javascript:alert(3)",
    "{{constructor.constructor('alert(4)')()}}",
]


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    with chromium() as found:
        yield found


@pytest.fixture
def broker() -> Iterator[ServedBroker]:
    served = ServedBroker()
    yield served
    served.stop()


@pytest.fixture
def watched(browser: Browser, broker: ServedBroker) -> Iterator[Watched]:
    one = Watched(browser, broker)
    yield one
    one.close()


@pytest.fixture
def client(broker: ServedBroker) -> Iterator[pika.adapters.blocking_connection.BlockingChannel]:
    with pika.BlockingConnection(pika.ConnectionParameters("127.0.0.1", broker.port)) as connection:
        yield connection.channel()


def rows(page: Page) -> list[str]:
    """The messages of the inbox, the newest first, each as one text."""
    return [text.replace("\n", " ") for text in page.locator(".inbox .row").all_inner_texts()]


def new_queues(server: Server, *names: str) -> None:
    vhost = server.broker.vhosts["/"]
    for name in names:
        vhost.new_queue(name, durable=True, auto_delete=False, owner=None, arguments={})


def bind(server: Server, exchange: str, queue: str, key: str) -> None:
    server.broker.vhosts["/"].bind(Binding(exchange, Destination("queue", queue), key, {}))


# Logging in and out


def test_a_wrong_password_is_told_and_the_right_one_opens_the_page(watched: Watched) -> None:
    watched.expected = ["401"]
    page = watched.page
    page.goto(watched.broker.url)
    page.fill("[name=username]", "guest")
    page.fill("[name=password]", "wrong")
    page.click("text=Log in")
    expect(page.locator(".wrong")).to_have_text("Login failed")
    page.fill("[name=password]", "guest")
    page.keyboard.press("Enter")
    expect(page.locator("h1")).to_have_text("Overview")
    (cookie,) = watched.context.cookies()
    assert (cookie["httpOnly"], cookie["sameSite"]) == (True, "Strict")
    assert page.evaluate("document.cookie") == ""


def test_who_logs_out_has_to_log_in_again(watched: Watched) -> None:
    page = watched.log_in("queues")
    page.click("text=Log out")
    expect(page.locator(".login")).to_be_visible()
    page.reload()
    expect(page.locator(".login")).to_be_visible()
    assert (
        page.evaluate("fetch('/api/overview', {headers: {'x-requested-with': 'fetch'}}).then((r) => r.status)") == 401
    )
    watched.expected = ["401"]


def test_a_session_that_is_over_asks_to_log_in_again(watched: Watched) -> None:
    watched.expected = ["401"]
    page = watched.log_in("queues")
    watched.broker.run(lambda server: server.broker.users.set("guest", password="other", tags=("administrator",)))
    expect(page.locator(".login .wrong")).to_have_text("The session is over.")


class Trap(BaseHTTPRequestHandler):
    """A page of somebody else's, on the same machine."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()
        self.wfile.write(b"<!doctype html><link rel=icon href=data:,><p>a trap")

    def log_message(self, *_: object) -> None:
        pass


def test_another_pages_request_is_refused(watched: Watched) -> None:
    watched.broker.run(lambda server: new_queues(server, "precious"))
    page = watched.log_in("queues")
    with ThreadingHTTPServer(("127.0.0.1", 0), Trap) as trap:
        threading.Thread(target=trap.serve_forever, daemon=True).start()
        watched.expected = ["403", f"127.0.0.1:{trap.server_port}"]
        page.goto(f"http://127.0.0.1:{trap.server_port}")
        url = f"{watched.broker.url}/api/queues/%2F/precious/actions"
        sent = "(url) => { fetch(url, {method: 'POST', mode: 'no-cors', credentials: 'include', body: '{}'}) }"
        with page.expect_response(url) as answered:
            page.evaluate(sent, url)
        assert answered.value.status == 403
        trap.shutdown()


# Messages


def test_a_message_appears_as_it_is_published_and_says_where_it_went(watched: Watched, client) -> None:
    client.queue_declare("orders")
    client.queue_bind("orders", "amq.topic", "order.#")
    page = watched.log_in("messages")
    expect(page.locator(".live")).to_have_text("live")
    # From the publish to the first frame in which it is seen.
    page.evaluate(
        """() => { window.seen = new Promise((done) => new MutationObserver(() =>
            document.querySelector('.inbox .row') && requestAnimationFrame(() => done(Date.now()))
        ).observe(document.querySelector('.inbox'), {childList: true})) }"""
    )
    at_ms = page.evaluate("Date.now()")
    client.basic_publish("amq.topic", "order.paid", b'{"id": 7}')
    logger.info("a message is seen %d ms after its publish", page.evaluate("seen") - at_ms)
    (row,) = rows(page)
    assert "amq.topic→order.paid" in row.replace(" ", "") and "orders" in row and '{"id": 7}' in row
    page.click(".inbox .row")
    detail = page.locator(".detail")
    expect(detail.locator(".steps")).to_contain_text("order.#")
    expect(detail.locator(".json-number")).to_have_text("7")
    expect(detail).to_contain_text("guest on 127.0.0.1")


def test_what_becomes_of_a_message_is_shown_and_looking_takes_nothing(watched: Watched, client) -> None:
    client.queue_declare("tasks")
    client.basic_publish("", "tasks", b"look")
    page = watched.log_in("messages")
    chip = page.locator(".inbox .chip")
    expect(chip).to_have_class("chip ready")
    page.click(".inbox .row")
    method, _, _ = client.basic_get("tasks")
    assert not method.redelivered
    expect(chip).to_have_class("chip unacked")
    client.basic_ack(method.delivery_tag)
    expect(chip).to_have_class("chip acked")
    expect(page.locator(".detail .steps .chip")).to_have_text("acked")


def test_what_found_no_queue_is_shown_to_be_lost(watched: Watched, client) -> None:
    client.basic_publish("", "nobody", b"lost")
    page = watched.log_in("messages")
    expect(page.locator(".inbox .chip")).to_have_text("dropped")


def test_a_task_of_celery_is_shown_as_one(watched: Watched, client) -> None:
    client.queue_declare("celery")
    headers = {"task": "shop.add", "id": "0b1c", "eta": "2026-11-28T12:00:00", "retries": 0}
    properties = pika.BasicProperties(headers=headers, content_type="application/json")
    client.basic_publish("", "celery", b'[[2, 3], {"retry": true}, {}]', properties)
    page = watched.log_in("messages")
    expect(page.locator(".preview")).to_have_text('shop.add [2,3] {"retry":true}')
    page.click(".inbox .row")
    expect(page.locator(".celery")).to_contain_text("2026-11-28T12:00:00")


def test_keys_go_through_messages_and_search_finds_among_them(watched: Watched, client) -> None:
    client.queue_declare("tasks")
    for body in (b"first", b"second", b"third"):
        client.basic_publish("", "tasks", body)
    page = watched.log_in("messages")
    expect(page.locator(".inbox .row")).to_have_count(3)
    page.locator(".inbox").focus()
    page.keyboard.press("ArrowDown")
    page.keyboard.press("j")
    expect(page.locator(".detail .body")).to_have_text("second")
    page.keyboard.press("Escape")
    expect(page.locator(".detail")).to_be_hidden()
    page.keyboard.press("/")
    page.keyboard.type("IRS")
    expect(page.locator(".inbox .row")).to_have_count(1)
    assert "first" in rows(page)[0]


def test_of_one_queue_the_messages_are_shown_alone(watched: Watched, client) -> None:
    for name in ("tasks", "others"):
        client.queue_declare(name)
        client.basic_publish("", name, name.encode())
    page = watched.log_in("queues/%2F/tasks")
    page.click("text=Live messages")
    expect(page.locator(".inbox .row")).to_have_count(1)
    assert "tasks" in rows(page)[0]
    page.click(".toolbar .chip a")
    expect(page.locator(".inbox .row")).to_have_count(2)


def test_a_message_is_published_again(watched: Watched, client) -> None:
    client.queue_declare("tasks")
    client.basic_publish("", "tasks", b"again", pika.BasicProperties(headers={"number": 1}))
    page = watched.log_in("messages")
    page.click(".inbox .row")
    page.click("text=Publish again")
    page.click("dialog button[type=submit]")
    expect(page.locator(".inbox .row")).to_have_count(2)
    _, properties, body = client.basic_get("tasks", auto_ack=True)
    assert client.basic_get("tasks", auto_ack=True)[1:] == (properties, body)


# Queues and exchanges


def test_a_queue_is_declared_published_to_peeked_at_moved_paused_purged_and_deleted(watched: Watched) -> None:
    page = watched.log_in("queues")
    expect(page.locator("td.empty")).to_be_visible()
    page.click("text=New queue")
    page.fill("dialog [name=name]", "tasks")
    page.fill("dialog [name=args]", '{"x-max-length": 5')
    page.click("dialog button[type=submit]")
    expect(page.locator("dialog .wrong")).to_contain_text("This is no JSON")
    page.fill("dialog [name=args]", '{"x-max-length": 5}')
    page.click("dialog button[type=submit]")
    expect(page.locator("tbody .badge").nth(1)).to_have_text("Lim")
    page.click("tbody a")
    page.click("text=Publish…")
    page.fill("dialog [name=body]", "hello")
    page.click("dialog button[type=submit]")
    expect(page.locator("dialog")).to_have_count(0)
    page.click("text=Peek")
    expect(page.locator(".message .preview")).to_have_text("hello")
    watched.broker.run(lambda server: new_queues(server, "others"))
    page.click("text=Move…")
    page.fill("dialog [name=to]", "others")
    page.click("dialog button[type=submit]")
    expect(page.locator(".notice", has_text="1 message moved")).to_be_visible()
    page.click("main .toolbar >> text=Pause")
    expect(page.locator("text=Resume")).to_be_visible()
    watched.open("queues/%2F/others")
    page.click("text=Purge")
    page.click("dialog button[type=submit]")
    expect(page.locator(".pad .none")).to_have_text("Nothing waits here.")
    page.click("main > .toolbar >> text=Delete")
    page.click("dialog button[type=submit]")
    expect(page.locator("tbody tr")).to_have_count(1)


def test_a_routing_key_is_tried_out(watched: Watched) -> None:
    def set_up(server: Server) -> None:
        new_queues(server, "orders", "audit")
        bind(server, "amq.topic", "orders", "order.*")
        bind(server, "amq.topic", "audit", "#.paid")

    watched.broker.run(set_up)
    page = watched.log_in("exchanges/%2F/amq.topic")
    expect(page.locator(".topology .queue")).to_have_count(2)
    page.fill("[aria-label='Routing key']", "order.paid")
    expect(page.locator(".answer li")).to_have_count(2)
    expect(page.locator(".topology .queue.hit")).to_have_count(2)
    page.fill("[aria-label='Routing key']", "order.sent")
    expect(page.locator(".answer li")).to_have_text(["ordersamq.topic: order.*"])
    page.fill("[aria-label='Routing key']", "nothing")
    expect(page.locator(".answer")).to_contain_text("No queue")
    page.fill("[aria-label='Headers as JSON']", "{")
    expect(page.locator(".answer")).to_contain_text("This is no JSON")


def test_a_user_is_added_and_may_use_a_virtual_host(watched: Watched) -> None:
    page = watched.log_in("admin")
    page.click("text=New user")
    page.fill("dialog [name=name]", "anna")
    page.fill("dialog [name=password]", "secret")
    page.click("dialog button[type=submit]")
    expect(page.locator("tr", has_text="anna")).to_contain_text("no virtual host")
    page.click("text=Set permissions")
    page.select_option("dialog [name=user]", "anna")
    page.click("dialog button[type=submit]")
    expect(page.locator("table[aria-label=Permissions] tr", has_text="anna")).to_be_visible()
    assert watched.broker.run(lambda server: server.broker.permissions.get("anna", "/")) is not None


def test_definitions_go_out_and_come_in(watched: Watched, tmp_path: Path) -> None:
    page = watched.log_in()
    with page.expect_download() as downloading:
        page.click("text=Export")
    exported = json.loads(Path(downloading.value.path()).read_text())
    assert [vhost["name"] for vhost in exported["vhosts"]] == ["/"]
    exported["vhosts"].append({"name": "other"})
    file = tmp_path / "definitions.json"
    file.write_text(json.dumps(exported))
    page.set_input_files("input[type=file]", file)
    page.click("dialog button[type=submit]")
    expect(page.locator("[aria-label='Virtual host'] option")).to_have_text(["all virtual hosts", "/", "other"])


@pytest.mark.parametrize(
    ("tag", "expected"), [("management", 5), ("monitoring", 5), ("policymaker", 6), ("administrator", 6)]
)
def test_each_kind_of_user_sees_pages_that_work(watched: Watched, tag: str, expected: int) -> None:
    def set_up(server: Server) -> None:
        server.broker.users.set("anna", password="secret", tags=(tag,))
        server.broker.permissions.set("anna", "/", configure=".*", write=".*", read=".*")
        new_queues(server, "tasks")

    watched.broker.run(set_up)
    page = watched.log_in("", "anna", "secret")
    links = page.locator("nav[aria-label=Pages] a")
    expect(links).to_have_count(expected)
    for place in links.evaluate_all("(links) => links.map((link) => link.getAttribute('href').slice(2))"):
        watched.open(place)
        page.wait_for_timeout(300)
        assert page.locator(".failure").count() == 0
    watched.open("queues/%2F/tasks")
    expect(page.locator("h1")).to_contain_text("tasks")


# All pages, with much and little, light and dark


@pytest.mark.parametrize("theme", ["light", "dark"])
@pytest.mark.parametrize("count", [0, 10, 10_000])
def test_every_page_is_there_with_so_many_queues(
    browser: Browser, broker: ServedBroker, count: int, theme: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    broker.run(lambda server: new_queues(server, *[f"queue.{number:05d}" for number in range(count)]))
    watched = Watched(browser, broker, color_scheme=theme)
    page = watched.log_in()
    pictures = tmp_path_factory.getbasetemp()
    for place, text in PAGES.items():
        watched.open(place)
        expect(page.locator("main")).to_contain_text(text)
        page.screenshot(path=pictures / f"{place.replace('/', '-')}-{count}-{theme}.png")
    watched.open("queues")
    expect(page.locator(".pager")).to_contain_text(f"{count:,} queues")
    expect(page.locator("tbody tr")).to_have_count(min(max(count, 1), 100))
    if count == 10_000:
        page.click("[aria-label='next page']")
        expect(page.locator("tbody tr").first).to_contain_text("queue.00100")
        page.fill("[aria-label='Filter by name']", "queue.0777")
        expect(page.locator("tbody tr")).to_have_count(10)
    logger.info("%d queues, %s: pictures in %s", count, theme, pictures)
    watched.close()


def test_a_theme_that_is_chosen_stays(watched: Watched) -> None:
    page = watched.log_in()
    color = "getComputedStyle(document.documentElement).backgroundColor"
    light = page.evaluate(color)
    page.click("[aria-label^=Theme]")
    page.click("[aria-label='Theme: light']")
    assert page.evaluate(color) != light
    dark = page.evaluate(color)
    page.reload()
    page.wait_for_selector("nav")
    assert page.evaluate(color) == dark


def test_names_may_hold_anything_and_are_text(watched: Watched) -> None:
    def set_up(server: Server) -> None:
        vhost = server.broker.vhosts["/"]
        new_queues(server, *HOSTILE)
        for name in HOSTILE:
            vhost.add_exchange(EXCHANGE_TYPES["topic"](name, True, False, False, {}))
            bind(server, name, name, name)
            server.broker.users.set(name, password="x", tags=("<b>",))
        server.broker.create_vhost(HOSTILE[0])

    watched.broker.run(set_up)
    parameters = pika.ConnectionParameters(
        "127.0.0.1", watched.broker.port, client_properties={"connection_name": HOSTILE[0]}
    )
    with pika.BlockingConnection(parameters) as connection:
        channel = connection.channel()
        for name in HOSTILE:
            headers = {name: name, "x-death": [{"reason": name, "queue": name, "count": 1}]}
            properties = pika.BasicProperties(content_type="text/html", type=name, headers=headers)
            channel.basic_publish(name, name, name, properties)
        channel.basic_consume(HOSTILE[0], lambda *_: None, consumer_tag=HOSTILE[0])
        page = watched.log_in()
        for place in PAGES:
            watched.open(place)
            page.wait_for_timeout(100)
        for name in HOSTILE:
            for kind in ("queues", "exchanges"):
                watched.open(f"{kind}/%2F/{quote(name, safe='')}")
                expect(page.locator("h1")).to_contain_text(name[:1])
                expect(page.locator("table[aria-label=Bindings] tbody tr").last).to_be_visible()
                assert page.locator("main img, main script, main b b, .failure").count() == 0
        watched.open("messages")
        expect(page.locator(".inbox .row")).to_have_count(len(HOSTILE))
        for number in range(len(HOSTILE)):
            page.locator(".inbox .row").nth(number).click()
            expect(page.locator(".detail .deaths")).to_be_visible()
        assert page.locator("main img, main script").count() == 0


def test_the_first_paint(watched: Watched) -> None:
    page = watched.log_in("messages")
    page.reload()
    page.wait_for_selector("nav")
    paints = page.evaluate("performance.getEntriesByType('paint').map((paint) => [paint.name, paint.startTime])")
    logger.info(", ".join(f"{name} after {at_ms:.0f} ms" for name, at_ms in paints))
    assert paints


# Capacity


def test_a_queue_tells_how_it_is_used_and_what_is_forecast(watched: Watched, client) -> None:
    client.queue_declare("tasks")
    client.basic_qos(prefetch_count=1)
    watched.log_in("queues/%2F/tasks")
    panel = watched.page.locator(".capacity")
    expect(panel).to_contain_text("Nobody consumes from it: what is published stays.")
    done = 0

    def received(channel, method, _properties, _body) -> None:
        nonlocal done
        done += 1
        channel.basic_ack(method.delivery_tag)
        channel.basic_publish("", "tasks", b"work")

    client.basic_consume("tasks", received)
    client.basic_publish("", "tasks", b"work")
    while done < 300:
        client.connection.process_data_events(1)
    expect(panel.locator(".figures")).to_contain_text("/s", timeout=20_000)
    expect(panel.locator("tbody tr")).to_have_count(4)
    expect(panel).to_contain_text("times that consumers take")


def test_a_wait_that_is_none_is_told_at_its_place(watched: Watched, client) -> None:
    client.queue_declare("tasks")
    watched.expected = ["400"]
    watched.log_in("queues/%2F/tasks")
    panel = watched.page.locator(".capacity")
    panel.locator("input").fill("soon")
    watched.page.keyboard.press("Enter")
    expect(panel).to_contain_text("target: 'soon' is not a time with its unit")
    panel.locator("input").fill("200ms")
    watched.page.keyboard.press("Enter")
    expect(panel).to_contain_text("Nobody consumes from it")


def test_without_scipy_the_panel_says_what_to_install_and_asks_no_more(watched: Watched, client) -> None:
    client.queue_declare("tasks")
    watched.expected = ["501"]
    asked: list[str] = []

    def refuse(route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=501, json={"error": "not_implemented", "reason": "pip install amqpbroker[capacity]"})

    watched.page.route("**/capacity", refuse)
    watched.log_in("queues/%2F/tasks")
    expect(watched.page.locator(".capacity")).to_contain_text("pip install amqpbroker[capacity]")
    watched.page.locator(".capacity input").fill("1s")
    watched.page.keyboard.press("Enter")
    expect(watched.page.locator(".capacity")).to_contain_text("pip install")
    assert len(asked) == 1
