"""What the doctor looks for, one after the other."""

import contextlib
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from amqpbroker.cli import diagnoses
from amqpbroker.cli.client import Client, basic
from amqpbroker.cli.diagnoses import Finding, Findings, Patient
from tests.helpers.certificates import Authority
from tests.helpers.http_api import Api

Diagnose = Callable[[Patient], Findings]


@pytest.fixture
def found(api: Api) -> Iterator[Callable[[Diagnose], list[Finding]]]:
    """What is found, after the answers are laid out."""
    with closing(Client(api.url, basic("anna", "a"))) as client:
        yield lambda diagnose: list(diagnose(Patient(client)))


Found = Callable[[Diagnose], list[Finding]]


def severities(findings: list[Finding]) -> list[str]:
    return [one.severity for one in findings]


@pytest.mark.parametrize(("tags", "severity"), [(["monitoring"], []), ("administrator", []), ([], ["warning"])])
def test_who_may_see_little_is_told(api: Api, found: Found, tags: object, severity: list[str]) -> None:
    api.answers |= {"GET /api/overview": {}, "GET /api/whoami": {"name": "anna", "tags": tags}}
    assert severities(found(diagnoses.login)) == ["fine", *severity]


@pytest.mark.parametrize(("version", "severity"), [("3.13.7", ["note"]), ("4.2.9", []), ("", [])])
def test_a_version_that_gets_no_more_fixes(api: Api, found: Found, version: str, severity: list[str]) -> None:
    api.answers["GET /api/overview"] = {"rabbitmq_version": version}
    assert severities(found(diagnoses.version)) == severity


def test_a_port_that_does_not_answer_is_a_fault(api: Api, found: Found) -> None:
    with socket.create_server(("127.0.0.1", 0)) as there, socket.create_server(("127.0.0.1", 0)) as gone:
        ports = [there.getsockname()[1], gone.getsockname()[1]]
        gone.close()
        listeners = [{"protocol": "amqp", "ip_address": "127.0.0.1", "port": port} for port in ports]
        api.answers["GET /api/overview"] = {"listeners": [*listeners, {"protocol": "clustering", "port": 1}]}
        assert severities(found(diagnoses.ports)) == ["fine", "fault"]


@pytest.mark.parametrize(
    ("node", "severity"),
    [
        ({}, ["fine"]),
        ({"mem_alarm": True}, ["fault"]),
        ({"mem_alarm": True, "disk_free_alarm": True}, ["fault", "fault"]),
        ({"running": False}, ["fine", "fault"]),
    ],
)
def test_alarms(api: Api, found: Found, node: dict[str, Any], severity: list[str]) -> None:
    api.answers["GET /api/nodes"] = [{"name": "n@h", **node}]
    assert severities(found(diagnoses.alarms)) == severity


def test_who_may_not_see_nodes_is_told_nothing_of_them(api: Api, found: Found) -> None:
    api.answers["GET /api/nodes"] = (401, {"error": "not_authorised", "reason": "Not monitor user"})
    assert found(diagnoses.alarms) == []


@pytest.mark.parametrize(
    ("node", "text"),
    [
        ({"mem_used": 9, "mem_limit": 10}, "n@h uses 90% of its memory"),
        ({"fd_used": 9, "fd_total": 10}, "n@h uses 90% of its descriptors"),
        ({"disk_free": 1536, "disk_free_limit": 1024}, "n@h has 1.5 KiB of disk left"),
    ],
)
def test_what_is_nearly_used_up(api: Api, found: Found, node: dict[str, Any], text: str) -> None:
    api.answers["GET /api/nodes"] = [{"name": "n@h", **node}]
    (finding,) = found(diagnoses.room)
    assert finding.what.startswith(text)


def test_what_is_not_known_is_not_nearly_used_up(api: Api, found: Found) -> None:
    api.answers["GET /api/nodes"] = [{"name": "n@h", "mem_used": "NaN", "mem_limit": 0, "disk_free": "NaN"}]
    assert found(diagnoses.room) == []


@pytest.mark.parametrize(
    ("queue", "severity"),
    [
        ({"messages_ready": 5, "messages_ready_details": {"rate": 1.0}}, "fault"),
        ({"messages_ready": 20_000}, "warning"),
        ({"messages_ready": 20_000, "consumers": 1}, "warning"),
        ({"messages_ready": 5}, "fine"),
        ({}, "fine"),
    ],
)
def test_what_piles_up(api: Api, found: Found, queue: dict[str, Any], severity: str) -> None:
    api.answers["GET /api/queues"] = [{"name": "q", "vhost": "/", **queue}]
    assert severities(found(diagnoses.backlog)) == [severity]


def test_of_many_queues_the_fullest_are_named(api: Api, found: Found) -> None:
    queues = [{"name": f"q{number}", "vhost": "/", "messages_ready": 10_000 + number} for number in range(8)]
    api.answers["GET /api/queues"] = queues
    (finding,) = found(diagnoses.backlog)
    assert "q7 in / (10,007), q6 in / (10,006)" in finding.what
    assert finding.what.endswith("and 3 more")


@pytest.mark.parametrize(
    ("queue", "severity"),
    [
        ({"messages_unacknowledged": 10_000}, ["warning"]),
        ({"messages_unacknowledged": 10}, []),
        ({"state": "running"}, []),
        ({"state": "paused"}, ["note"]),
        ({"state": "down"}, ["fault"]),
    ],
)
def test_what_clients_hold_and_what_stands_still(
    api: Api, found: Found, queue: dict[str, Any], severity: list[str]
) -> None:
    api.answers["GET /api/queues"] = [{"name": "q", "vhost": "/", **queue}]
    assert severities(found(diagnoses.unacknowledged)) == severity


@pytest.mark.parametrize(
    ("connection", "severity"),
    [({"state": "running"}, []), ({"state": "blocked"}, ["warning"]), ({"channels": 2_000}, ["warning"])],
)
def test_connections(api: Api, found: Found, connection: dict[str, Any], severity: list[str]) -> None:
    api.answers["GET /api/connections"] = [{"name": "c", **connection}]
    assert severities(found(diagnoses.blocked)) == severity


@pytest.mark.parametrize(("address", "severity"), [("127.0.0.1", "fine"), ("::1", "fine"), ("0.0.0.0", "note")])
def test_who_may_come(api: Api, found: Found, address: str, severity: str) -> None:
    api.answers["GET /api/overview"] = {"listeners": [{"protocol": "amqp", "ip_address": address, "port": 1}]}
    assert severities(found(diagnoses.guest)) == [severity]


@pytest.mark.parametrize(
    ("answer", "severity"),
    [
        ({"name": "guest"}, "fault"),
        ((401, {"error": "not_authorised", "reason": "Not management user"}), "fault"),
        ((401, {"error": "not_authorised", "reason": "User can only log in via localhost"}), "fine"),
    ],
)
def test_guest_over_the_network(
    api: Api, found: Found, monkeypatch: pytest.MonkeyPatch, answer: object, severity: str
) -> None:
    api.answers["GET /api/overview"] = {"listeners": [{"protocol": "amqp", "ip_address": "0.0.0.0", "port": 1}]}
    api.answers["GET /api/whoami"] = answer
    # As if its address was not this machine's.
    monkeypatch.setattr(diagnoses, "_is_local", lambda _address: False)
    assert severities(found(diagnoses.guest)) == [severity]


def test_clocks_that_go_alike(api: Api, found: Found) -> None:
    api.answers["GET /api/whoami"] = {}
    assert severities(found(diagnoses.clock)) == ["fine"]


def test_a_clock_that_is_off(api: Api, found: Found, monkeypatch: pytest.MonkeyPatch) -> None:
    api.answers["GET /api/whoami"] = {}
    monkeypatch.setattr(Client, "date", lambda _client: "Thu, 01 Jan 1970 00:00:00 GMT")
    assert severities(found(diagnoses.clock)) == ["warning"]


@contextmanager
def secured(authority: Authority, **about: Any) -> Iterator[int]:
    """A port where somebody shows a certificate, once. about: of the certificate."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(*authority.issue("server", **about))

    def shake_hands() -> None:
        peer, _ = listening.accept()
        with peer, contextlib.suppress(OSError), context.wrap_socket(peer, server_side=True) as secure:
            secure.recv(1)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=shake_hands)
        thread.start()
        yield listening.getsockname()[1]
        thread.join()


def in_days(days: int) -> dict[str, datetime]:
    now = datetime.now(UTC)
    return {"not_before": now - timedelta(days=99), "not_after": now + timedelta(days=days)}


@pytest.mark.parametrize(("days", "severity"), [(-3, "fault"), (10, "warning"), (60, "fine")])
def test_certificates_end(api: Api, found: Found, tmp_path: Path, days: int, severity: str) -> None:
    pytest.importorskip("cryptography")
    with secured(Authority(tmp_path), **in_days(days)) as port:
        api.answers["GET /api/overview"] = {"listeners": [{"protocol": "amqp/ssl", "port": port}]}
        assert severities(found(diagnoses.certificates)) == [severity]


def test_nobody_who_speaks_tls_is_a_fault(api: Api, found: Found) -> None:
    with socket.create_server(("127.0.0.1", 0)) as gone:
        port = gone.getsockname()[1]
    api.answers["GET /api/overview"] = {"listeners": [{"protocol": "https", "port": port}]}
    assert severities(found(diagnoses.certificates)) == ["fault"]
