"""Which requests a browser may have been made to send by a page from elsewhere."""

import socket

import pytest

from amqpbroker.management.access.guards import Guards
from amqpbroker.management.errors import Forbidden

GUARDS = Guards(["broker.example.com"])
OURS = ["127.0.0.1:15672", "[::1]:15672", "localhost", "rabbitmq:15672", "broker.example.com", "a.b.svc.cluster.local"]
FOREIGN = [
    "evil.example",
    "127.0.0.1.evil.example",
    "",
    "localhost:x",
    "user@localhost",
    "[evil]",
    "localhost/evil.test",
]


@pytest.mark.parametrize("host", [*OURS, socket.gethostname()])
def test_a_host_that_leads_here_is_let_in(host: str) -> None:
    GUARDS.check("GET", {"host": host})


@pytest.mark.parametrize("host", FOREIGN)
def test_a_host_of_somebody_else_is_refused(host: str) -> None:
    with pytest.raises(Forbidden):
        GUARDS.check("GET", {"host": host})


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
def test_a_page_from_elsewhere_changes_nothing(site: str) -> None:
    with pytest.raises(Forbidden):
        GUARDS.check("PUT", {"host": "localhost", "sec-fetch-site": site})


@pytest.mark.parametrize("origin", ["http://evil.example", "null", "http://localhost:8080"])
def test_an_origin_from_elsewhere_changes_nothing(origin: str) -> None:
    with pytest.raises(Forbidden):
        GUARDS.check("POST", {"host": "localhost:15672", "origin": origin})


def test_our_own_page_may_change_something() -> None:
    GUARDS.check("PUT", {"host": "localhost:1", "origin": "http://localhost:1", "sec-fetch-site": "same-origin"})


def test_a_program_that_is_no_browser_may_change_something() -> None:
    GUARDS.check("DELETE", {"host": "10.0.0.1:15672"})


def test_a_link_from_elsewhere_may_be_followed() -> None:
    GUARDS.check("GET", {"host": "localhost", "sec-fetch-site": "cross-site"})
