"""/api/health/checks and /api/healthchecks: what a RabbitMQ 3.10 was asked, and what it answered."""

from pathlib import Path

import pytest

from amqpbroker.profiles import PROFILES
from tests.helpers.busy_broker import busy_broker
from tests.helpers.certificates import Authority
from tests.helpers.management import api

LEADERS = "quorum-queues-without-elected-leaders"


@pytest.mark.parametrize(
    "check",
    [
        "alarms",
        "local-alarms",
        "virtual-hosts",
        "is-in-service",
        "ready-to-serve-clients",
        "reached-target-cluster-size",
        "metadata-store/initialized",
        "metadata-store/initialized/with-data",
        "certificate-expiration/1/months",
        "certificate-expiration/-1/DAYS",
        f"{LEADERS}/all-vhosts/",
        f"{LEADERS}/all-vhosts/pattern/.*",
        f"{LEADERS}/vhost/%2F/",
        f"{LEADERS}/vhost/%2F/pattern/a",
    ],
)
async def test_all_is_well(check: str) -> None:
    async with api() as (_, client):
        answer = await client.get(f"/api/health/checks/{check}")
        assert (answer.status_code, answer.json()) == (200, {"status": "ok"})


@pytest.mark.parametrize("check", ["node-is-mirror-sync-critical", "node-is-quorum-critical"])
async def test_nobody_depends_on_a_node_that_is_alone(check: str) -> None:
    async with api() as (_, client):
        answer = await client.get(f"/api/health/checks/{check}")
        assert answer.json() == {"status": "ok", "reason": "single node cluster"}


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ("alarms", "There are alarms in effect in the cluster"),
        ("local-alarms", "There are alarms in effect on the node"),
    ],
)
async def test_an_alarm_is_a_failure(check: str, reason: str) -> None:
    async with api(node_name="rabbit@here") as (server, client):
        server.broker.raise_alarm("memory")
        answer = await client.get(f"/api/health/checks/{check}")
        alarms = [{"node": "rabbit@here", "resource": "memory"}]
        expected = {"status": "failed", "reason": reason, "alarms": alarms}
        assert (answer.status_code, answer.json()) == (503, expected)


@pytest.mark.parametrize(
    ("check", "reason"),
    [
        ("certificate-expiration/1/nope", "Time unit not recognised. Supported units: days, weeks, months, years."),
        ("certificate-expiration/x/months", "Invalid expiration value."),
        ("port-listener/x", "Invalid port"),
    ],
)
async def test_what_means_nothing_is_refused(check: str, reason: str) -> None:
    async with api() as (_, client):
        answer = await client.get(f"/api/health/checks/{check}")
        assert (answer.status_code, answer.json()) == (400, {"error": "bad_request", "reason": reason})


async def test_a_certificate_that_ends_soon_is_a_failure(tmp_path: Path) -> None:
    async with api(**Authority(tmp_path).server_settings()) as (_, client):
        answer = await client.get("/api/health/checks/certificate-expiration/99999/years")
        assert (answer.status_code, answer.json()["reason"]) == (503, "Certificates expiring")
        assert (await client.get("/api/health/checks/certificate-expiration/0/days")).status_code == 200


async def test_a_port_is_listened_on_or_not() -> None:
    async with busy_broker() as busy:
        port = busy.server.endpoints[0].port
        assert await busy.get(f"health/checks/port-listener/{port}") == {"status": "ok", "port": port}
        answer = await busy.http.get("/api/health/checks/port-listener/9")
        expected = {"status": "failed", "reason": "No active listener", "missing": 9, "ports": [port, 15_672]}
        assert (answer.status_code, answer.json()) == (503, expected)


@pytest.mark.parametrize(
    ("name", "protocol"),
    [("amqp", "amqp"), ("AMQP091", "amqp"), ("amqp0-9-1", "amqp"), ("management", "http"), ("mqtt,http", "http")],
)
async def test_a_protocol_is_listened_for(name: str, protocol: str) -> None:
    async with busy_broker() as busy:
        answer = await busy.get(f"health/checks/protocol-listener/{name}")
        assert answer == {"status": "ok", "protocol": protocol}


@pytest.mark.parametrize(("profile", "missing"), [("3.13", "amqp/ssl"), ("4.2", ["amqp/ssl"])])
async def test_a_protocol_is_not_listened_for(profile: str, missing: object) -> None:
    async with busy_broker(profile=PROFILES[profile]) as busy:
        answer = await busy.http.get("/api/health/checks/protocol-listener/amqps")
        expected = {
            "status": "failed",
            "reason": "No active listener",
            "missing": missing,
            "protocols": ["amqp", "http"],
        }
        assert (answer.status_code, answer.json()) == (503, expected)


async def test_connections_are_counted_against_the_limit() -> None:
    async with busy_broker() as busy:
        answer = await busy.get("health/checks/below-node-connection-limit")
        assert (answer["status"], answer["connections"]) == ("ok", 1)


@pytest.mark.parametrize(
    "check",
    ["is-in-service", "ready-to-serve-clients", "below-node-connection-limit", "reached-target-cluster-size"],
)
async def test_what_starts_programs_needs_no_password(check: str) -> None:
    async with api(auth=None) as (_, client):
        assert (await client.get(f"/api/health/checks/{check}")).status_code == 200
        assert (await client.get("/api/health/checks/alarms")).status_code == 401


async def test_who_listens_nowhere_is_not_ready() -> None:
    async with api() as (server, client):
        server.endpoints.clear()
        answer = await client.get("/api/health/checks/ready-to-serve-clients")
        assert (answer.status_code, answer.json()["reason"]) == (503, "no active listeners for AMQP/AMQPS")


async def test_the_old_check_of_a_node() -> None:
    async with api(node_name="rabbit@here") as (server, client):
        for path in ("healthchecks/node", "healthchecks/node/", "healthchecks/node/rabbit@here"):
            assert (await client.get(f"/api/{path}")).json() == {"status": "ok"}
        assert (await client.get("/api/healthchecks/node/nope")).status_code == 404
        server.broker.raise_alarm("memory")
        answer = await client.get("/api/healthchecks/node")
        reason = "resource alarm(s) in effect:[{resource_limit,memory,rabbit@here}]"
        assert (answer.status_code, answer.json()) == (503, {"status": "failed", "reason": reason})
