"""`amqpbroker tail`: server-sent events of the inbox, as they come."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.cli.main import main
from amqpbroker.cli.tail import events
from tests.helpers.http_api import Api

MESSAGE = {
    "id": 1,
    "vhost": "/",
    "exchange": "orders",
    "routing_key": "a",
    "queues": ["tasks"],
    "outcome": "routed",
    "properties": {"delivery_mode": 2},
    "headers": {"x": 1},
    "body": "aGk=",
    "body_encoding": "base64",
}
STREAM = f""": the last messages

id: 1
data: {json.dumps(MESSAGE)}

event: states
data: [{{"id": 1}}]

data: {json.dumps(MESSAGE | {"id": 2, "queues": [], "outcome": "unroutable"})}

""".encode()


@pytest.fixture
def inbox(api: Api) -> Api:
    api.answers["GET /api/inbox/events"] = STREAM
    return api


@pytest.mark.usefixtures("inbox")
def test_messages_are_shown_with_the_queues_they_reached(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tail"]) == 0
    assert capsys.readouterr().out.splitlines() == [
        "── exchange orders, routing key a, 2 octets",
        "delivery_mode: 2",
        "queues: tasks",
        "header x: 1",
        "hi",
        "── exchange orders, routing key a, 2 octets",
        "delivery_mode: 2",
        "queues: unroutable",
        "header x: 1",
        "hi",
    ]


@pytest.mark.usefixtures("inbox")
def test_as_json_each_is_a_line(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tail", "--json", "--count", "1"]) == 0
    (line,) = capsys.readouterr().out.splitlines()
    assert json.loads(line) == MESSAGE


def test_the_broker_is_asked_for_what_is_wanted(inbox: Api) -> None:
    assert main(["tail", "-v", "v", "--exchange", "orders", "--queue", "q", "--search", "a b"]) == 0
    assert inbox.asked[0][1] == "/api/inbox/events?vhost=v&exchange=orders&queue=q&search=a+b"


@pytest.mark.usefixtures("api")
def test_a_broker_that_has_no_inbox_is_told(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["tail"]) == 1
    assert "this broker shows no messages as they are published" in capsys.readouterr().err


def test_events_have_names_and_lines_of_data() -> None:
    lines = [
        b"event: x\r\n",
        b"data: 1\n",
        b"data:2\n",
        b": a comment\n",
        b"\n",
        b"\n",
        b"data\n",
        b"\n",
        b"data: lost",
    ]
    assert list(events(iter(lines))) == [("x", "1\n2"), ("message", "")]


@given(st.lists(st.binary()))
def test_any_lines_are_events_or_none(lines: list[bytes]) -> None:
    assert all(isinstance(data, str) for _, data in events(iter(lines)))
