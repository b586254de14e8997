"""`amqpbroker queue`: what each action asks of the HTTP API."""

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import NOT_FOUND, Api, AskJson

QUEUE = "/api/queues/%2F/tasks"
MESSAGE = {"payload": "hi", "payload_encoding": "string", "exchange": "", "routing_key": "tasks", "properties": []}


def test_all_queues_or_those_of_a_virtual_host(api: Api, ask_json: AskJson) -> None:
    api.answers |= {"GET /api/queues": [{"name": "a"}, {"name": "b"}], "GET /api/queues/v": [{"name": "b"}]}
    assert len(ask_json("queue", "ls")) == 2
    assert len(ask_json("queue", "ls", "--vhost", "v")) == 1


@pytest.mark.parametrize(
    ("flags", "body"),
    [
        ([], {"durable": True, "auto_delete": False, "arguments": {}}),
        (["--type", "quorum"], {"durable": True, "auto_delete": False, "arguments": {"x-queue-type": "quorum"}}),
        (
            ["--transient", "--auto-delete", "--argument", "x-max-length=5"],
            {"durable": False, "auto_delete": True, "arguments": {"x-max-length": 5}},
        ),
    ],
)
def test_declare(api: Api, flags: list[str], body: object) -> None:
    api.answers[f"PUT {QUEUE}"] = (201, None)
    assert main(["queue", "declare", "tasks", *flags]) == 0
    assert api.asked == [("PUT", QUEUE, body)]


@pytest.mark.parametrize(
    ("arguments", "target"),
    [
        (["rm", "tasks"], QUEUE),
        (["rm", "tasks", "--if-empty", "--if-unused"], f"{QUEUE}?if-empty=true&if-unused=true"),
        (["purge", "tasks"], f"{QUEUE}/contents"),
    ],
)
def test_what_deletes(api: Api, arguments: list[str], target: str) -> None:
    api.answers[f"DELETE {target}"] = (204, None)
    assert main(["queue", *arguments]) == 0


@pytest.mark.parametrize(
    ("flags", "mode"),
    [
        ([], "ack_requeue_false"),
        (["--then", "requeue"], "ack_requeue_true"),
        (["--then", "reject"], "reject_requeue_false"),
    ],
)
def test_get_takes_messages_and_says_what_becomes_of_them(api: Api, flags: list[str], mode: str) -> None:
    api.answers[f"POST {QUEUE}/get"] = [MESSAGE]
    assert main(["queue", "get", "tasks", "--count", "3", *flags]) == 0
    assert api.asked[0][2] == {"count": 3, "encoding": "auto", "ackmode": mode}


def test_peek_takes_nothing(api: Api, ask_json: AskJson) -> None:
    api.answers[f"POST {QUEUE}/peek"] = [MESSAGE]
    assert ask_json("queue", "peek", "tasks", "-n", "2") == [MESSAGE]
    assert api.asked == [("POST", f"{QUEUE}/peek", {"count": 2, "encoding": "auto"})]


def test_where_peeking_is_unknown_messages_are_put_back_and_that_is_told(
    api: Api, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answers[f"POST {QUEUE}/get"] = [MESSAGE]
    assert main(["queue", "peek", "tasks"]) == 0
    assert api.asked[1][2]["ackmode"] == "ack_requeue_true"
    assert "marked as redelivered now" in capsys.readouterr().err


def test_peeking_into_a_queue_that_is_not_there(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.answers[f"POST {QUEUE}/get"] = (404, {"error": "not_found", "reason": "no queue 'tasks'"})
    assert main(["queue", "peek", "tasks"]) == 1
    assert capsys.readouterr().err == "amqpbroker: 404 Not Found: no queue 'tasks'\n"


@pytest.mark.parametrize(
    ("flags", "destination"),
    [
        (["--to", "other"], {"exchange": "", "routing_key": "other"}),
        (["--exchange", "x"], {"exchange": "x", "routing_key": None}),
        (["--exchange", "x", "--routing-key", "k"], {"exchange": "x", "routing_key": "k"}),
    ],
)
def test_move(api: Api, flags: list[str], destination: object) -> None:
    api.answers[f"POST {QUEUE}/move"] = {}
    assert main(["queue", "move", "tasks", *flags]) == 0
    assert api.asked == [("POST", f"{QUEUE}/move", {"destination": destination})]


@pytest.mark.parametrize("flags", [[], ["--to", "a", "--exchange", "b"]])
def test_move_needs_one_destination(api: Api, flags: list[str]) -> None:
    assert main(["queue", "move", "tasks", *flags]) == 2
    assert api.asked == []


@pytest.mark.parametrize(
    ("there", "text"), [({"name": "tasks"}, "this broker cannot move messages"), (NOT_FOUND, "404 Not Found")]
)
def test_where_moving_is_unknown(api: Api, there: object, text: str, capsys: pytest.CaptureFixture[str]) -> None:
    api.answers[f"GET {QUEUE}"] = there
    assert main(["queue", "move", "tasks", "--to", "other"]) == 1
    assert text in capsys.readouterr().err


@pytest.mark.parametrize("action", ["pause", "resume"])
def test_pause_and_resume(api: Api, action: str, capsys: pytest.CaptureFixture[str]) -> None:
    api.answers[f"POST {QUEUE}/actions"] = (204, None)
    assert main(["queue", action, "tasks"]) == 0
    assert api.asked == [("POST", f"{QUEUE}/actions", {"action": action})]
    api.answers[f"POST {QUEUE}/actions"] = (400, {"error": "bad_request", "reason": "bad_request"})
    assert main(["queue", action, "tasks"]) == 1
    assert f"does not know how to {action} a queue" in capsys.readouterr().err
