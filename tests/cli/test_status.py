"""`amqpbroker status`: the overview and the nodes, in words."""

import pytest

from amqpbroker.cli.main import main
from amqpbroker.cli.status import duration, size
from tests.helpers.http_api import Api, AskJson

OVERVIEW = {
    "product_name": "RabbitMQ",
    "product_version": "4.2.9",
    "object_totals": {"queues": 12_345},
    "listeners": [{"protocol": "amqp", "ip_address": "127.0.0.1", "port": 5672}],
}
NODE = {
    "name": "n@h",
    "running": True,
    "mem_alarm": True,
    "disk_free": "NaN",
    "mem_used": 1 << 20,
    "mem_limit": 1 << 30,
}


@pytest.fixture(autouse=True)
def broker(api: Api) -> None:
    api.answers |= {"GET /api/overview": OVERVIEW, "GET /api/nodes": [NODE]}


def test_it_tells_counts_limits_alarms_and_listeners(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["status"]) == 0
    lines = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert ["queues", "12,345"] in lines
    assert ["memory", "1.0", "MiB", "(limit", "1.0", "GiB)"] in lines
    assert ["disk", "free", "NaN", "(stops", "at", "unknown)"] in lines
    assert ["alarms", "memory"] in lines
    assert ["amqp", "127.0.0.1", "5672"] in lines


def test_as_json(ask_json: AskJson) -> None:
    assert ask_json("status") == {"overview": OVERVIEW, "nodes": [NODE]}


@pytest.mark.parametrize(
    ("milliseconds", "text"), [(0, "00:00:00"), (3_723_999, "01:02:03"), (90_061_000, "1 d 01:01:01")]
)
def test_a_duration_is(milliseconds: int, text: str) -> None:
    assert duration(milliseconds) == text


@pytest.mark.parametrize(
    ("octets", "text"),
    [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (1 << 50, "1024.0 TiB"), (None, "unknown"), ("NaN", "NaN")],
)
def test_a_size_is(octets: object, text: str) -> None:
    assert size(octets) == text
