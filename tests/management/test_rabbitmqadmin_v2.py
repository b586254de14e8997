"""What rabbitmqadmin 2 cannot do without: it refuses an answer that lacks a field, or has one of another type.

data/rabbitmqadmin_v2_fields.txt: for each of its types the fields, with the types that Rust has for them.
"""

from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

import pytest

from tests.helpers.busy_broker import Busy, busy_broker

DATA: Final = Path(__file__).parent / "data" / "rabbitmqadmin_v2_fields.txt"
# Where the answers are that it reads into a type.
ANSWERS: Final = {
    "Channel": "channels",
    "ClusterNode": "nodes",
    "ClusterIdentity": "cluster-name",
    "AuthenticationAttemptStatistics": "auth/attempts/{node}",
    "Overview": "overview",
    "Connection": "connections",
    "UserConnection": "connections/username/guest",
    "Consumer": "consumers",
    "QueueInfo": "queues",
    "DetailedQueueInfo": "queues/detailed",
    "ExchangeInfo": "exchanges",
    "BindingInfo": "bindings",
    "FeatureFlag": "feature-flags",
    "Permissions": "permissions",
    "User": "users",
    "VirtualHost": "vhosts",
    "ClusterDefinitionSet": "definitions",
    "PaginatedResponse": "queues?page=1",
}
# Fields of answers that are of a type of their own.
WITHIN: Final = {
    "ChurnRates": ("overview", "churn_rates"),
    "ObjectTotals": ("overview", "object_totals"),
    "QueueTotals": ("overview", "queue_totals"),
    "Listener": ("overview", "listeners"),
    "Rate": ("overview", "queue_totals.messages_details"),
    "NodeMemoryBreakdown": ("nodes/{node}/memory", "memory"),
    "NodeMemoryTotals": ("nodes/{node}/memory", "memory.total"),
    "GarbageCollectionDetails": ("queues", "garbage_collection"),
    "ConnectionDetails": ("channels", "connection_details"),
}
FAILURES: Final = {
    "ClusterAlarmCheckDetails": "health/checks/alarms",
    "NoActivePortListenerDetails": "health/checks/port-listener/9",
    "NoActiveProtocolListenerDetails41AndLater": "health/checks/protocol-listener/mqtt",
}
BOUNDS: Final = {"u32": (0, 2**32), "u64": (0, 2**64), "usize": (0, 2**64), "i64": (-(2**63), 2**63)}


def fields(name: str) -> dict[str, str]:
    """The fields that a type has to have."""
    line = next(line for line in DATA.read_text(encoding="utf-8").splitlines() if line.startswith(f"{name}: "))
    return dict(field.split(":", 1) for field in line.removeprefix(f"{name}: ").split(", "))


def faults(name: str, answer: Any) -> list[str]:
    """What it would refuse of an answer, or of an item of it."""
    if isinstance(answer, list):
        return [fault for one in answer for fault in faults(name, one)] if answer else ["empty"]
    return [
        f"{field}: {kind}, not {answer.get(field)!r}"
        for field, kind in fields(name).items()
        if field not in answer or not _is_of(kind, answer[field])
    ]


def _is_of(kind: str, value: Any) -> bool:
    if kind in BOUNDS:
        low, high = BOUNDS[kind]
        return isinstance(value, int | str) and low <= int(value) < high
    if kind in ("String", "VirtualHostName", "Username"):
        return isinstance(value, str)
    if kind == "bool":
        return isinstance(value, bool)
    return value is not None


async def _asked(busy: Busy, path: str) -> Any:
    return await busy.get(path.format(node=quote(busy.server.broker.node_name)))


@pytest.mark.parametrize("name", ANSWERS)
async def test_an_answer_can_be_read(name: str) -> None:
    async with busy_broker() as busy:
        assert faults(name, await _asked(busy, ANSWERS[name])) == []


@pytest.mark.parametrize("name", WITHIN)
async def test_what_is_within_an_answer_can_be_read(name: str) -> None:
    path, within = WITHIN[name]
    async with busy_broker() as busy:
        value = await _asked(busy, path)
        value = value[0] if isinstance(value, list) else value
        for part in within.split("."):
            value = value[part]
        assert faults(name, value) == []


@pytest.mark.parametrize("name", FAILURES)
async def test_why_a_health_check_fails_can_be_read(name: str) -> None:
    async with busy_broker() as busy:
        busy.server.broker.raise_alarm("disk")
        answer = await busy.http.get(f"/api/{FAILURES[name]}")
        assert (answer.status_code, faults(name, answer.json())) == (503, [])
