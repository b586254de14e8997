"""`rabbitmqadmin` of RabbitMQ 3: what its actions ask of the HTTP API, and what they say."""

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.helpers.http_api import Api

Call = Callable[..., Any]
QUEUES = [{"name": "a", "messages": 1}, {"name": "b", "messages": 0}]


@pytest.fixture
def admin(call: Call, broker: Api, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Call:
    """Run rabbitmqadmin with these words, at a home without settings."""
    monkeypatch.setenv("HOME", str(tmp_path))
    return lambda *arguments: call("rabbitmqadmin", *arguments)


@pytest.mark.parametrize(
    ("arguments", "asked", "out"),
    [
        (
            ["declare", "queue", "name=q"],
            (
                "PUT",
                "/api/queues/%2F/q",
                {"auto_delete": "false", "durable": "true", "arguments": {}, "name": "q", "vhost": "/"},
            ),
            "queue declared\n",
        ),
        (
            ["-V", "v", "declare", "queue", "name=q", "durable=false", "queue_type=quorum"],
            (
                "PUT",
                "/api/queues/v/q",
                {
                    "auto_delete": "false",
                    "durable": "false",
                    "arguments": {"x-queue-type": "quorum"},
                    "name": "q",
                    "vhost": "v",
                },
            ),
            "queue declared\n",
        ),
        (
            ["declare", "binding", "source=x", "destination=q", "routing_key=a.#"],
            (
                "POST",
                "/api/bindings/%2F/e/x/q/q",
                {
                    "destination_type": "queue",
                    "routing_key": "a.#",
                    "arguments": {},
                    "source": "x",
                    "destination": "q",
                    "vhost": "/",
                },
            ),
            "binding declared\n",
        ),
        (
            ["declare", "permission", "vhost=v", "user=u", "configure=a", "write=b", "read=c"],
            (
                "PUT",
                "/api/permissions/v/u",
                {"vhost": "v", "user": "u", "configure": "a", "write": "b", "read": "c"},
            ),
            "permission declared\n",
        ),
        (
            ["declare", "policy", "name=p", "pattern=x", 'definition={"a":1}', "priority=2"],
            (
                "PUT",
                "/api/policies/%2F/p",
                {"priority": 2, "name": "p", "pattern": "x", "definition": {"a": 1}, "vhost": "/"},
            ),
            "policy declared\n",
        ),
        (["delete", "queue", "name=q"], ("DELETE", "/api/queues/%2F/q", None), "queue deleted\n"),
        (
            ["delete", "binding", "source=x", "destination_type=queue", "destination=q", "properties_key=a.%23"],
            ("DELETE", "/api/bindings/%2F/e/x/q/q/a.%2523", None),
            "binding deleted\n",
        ),
        (["close", "connection", "name=a b"], ("DELETE", "/api/connections/a%20b", None), "connection closed\n"),
        (["purge", "queue", "name=q"], ("DELETE", "/api/queues/%2F/q/contents", None), "queue purged\n"),
        (["-q", "purge", "queue", "name=q"], ("DELETE", "/api/queues/%2F/q/contents", None), ""),
    ],
)
def test_what_changes(admin: Call, broker: Api, arguments: list[str], asked: tuple[str, str, Any], out: str) -> None:
    broker.answers[f"{asked[0]} {asked[1]}"] = (204, None)
    assert admin(*arguments) == (0, out, "")
    assert broker.asked[-1] == asked


@pytest.mark.parametrize(
    ("flags", "target"),
    [
        ([], "/api/queues?columns=name%2Cmessages"),
        (["-V", "a/b"], "/api/queues/a%2Fb?columns=name%2Cmessages"),
        (["-S", "name", "-R"], "/api/queues?columns=name%2Cmessages&sort=name&sort_reverse=true"),
        (["-f", "raw_json"], "/api/queues"),
        (["-d", "2"], "/api/queues"),
    ],
)
def test_lists_ask_for_what_they_show(admin: Call, broker: Api, flags: list[str], target: str) -> None:
    broker.answers[f"GET {target}"] = QUEUES
    assert admin(*flags, "list", "queues").exit_code == 0


def test_columns_that_are_named(admin: Call, broker: Api) -> None:
    broker.answers["GET /api/queues?columns=name"] = QUEUES
    assert admin("-f", "tsv", "list", "queues", "name").out == "name\na\nb\n"


def test_the_overview(admin: Call, broker: Api) -> None:
    broker.answers["GET /api/overview"] = {"rabbitmq_version": "4.2.9", "queue_totals": {"messages": 5}}
    out = admin("-f", "kvp", "show", "overview", "rabbitmq_version", "queue_totals.messages").out
    assert out == 'rabbitmq_version="4.2.9" queue_totals.messages="5"\n'


@pytest.mark.parametrize(
    ("routed", "out"), [(True, "Message published\n"), (False, "Message published but NOT routed\n")]
)
def test_publishing(admin: Call, broker: Api, routed: bool, out: str) -> None:
    broker.answers["POST /api/exchanges/%2F/amq.default/publish"] = {"routed": routed}
    assert admin("publish", "routing_key=q", "payload=hi", 'properties={"delivery_mode":2}').out == out
    assert broker.asked[-1][2] == {
        "properties": {"delivery_mode": 2},
        "exchange": "amq.default",
        "payload_encoding": "string",
        "routing_key": "q",
        "payload": "hi",
        "vhost": "/",
    }


def test_publishing_what_comes_on_stdin(admin: Call, broker: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    broker.answers["POST /api/exchanges/%2F/x/publish"] = {"routed": True}
    monkeypatch.setattr("sys.stdin", io.TextIOWrapper(io.BytesIO(b"\xff\x00")))
    assert admin("publish", "exchange=x", "routing_key=q").exit_code == 0
    assert base64.b64decode(broker.asked[-1][2]["payload"]) == b"\xff\x00"


def test_getting_into_a_file(admin: Call, broker: Api, tmp_path: Path) -> None:
    message = {"payload": "/wA=", "payload_encoding": "base64", "routing_key": "q", "payload_bytes": 2}
    broker.answers["POST /api/queues/%2F/q/get"] = [message]
    path = tmp_path / "payload"
    out = admin("-f", "tsv", "get", "queue=q", f"payload_file={path}").out
    assert out == "routing_key\texchange\tmessage_count\tpayload_bytes\tredelivered\nq\t\t\t2\t\n"
    assert path.read_bytes() == b"\xff\x00"
    assert broker.asked[-1][2]["ackmode"] == "ack_requeue_true"
    assert admin("get", "queue=q", "count=2", f"payload_file={path}").exit_code == 1


@pytest.mark.parametrize(("flags", "path"), [([], "/api/definitions"), (["-V", "v"], "/api/definitions/v")])
def test_export_and_import(admin: Call, broker: Api, tmp_path: Path, flags: list[str], path: str) -> None:
    broker.answers |= {f"GET {path}": {"users": []}, f"POST {path}": (204, None)}
    file = tmp_path / "d.json"
    assert admin(*flags, "export", str(file)).out == f'Exported definitions for localhost to "{file}"\n'
    assert json.loads(file.read_text()) == {"users": []}
    assert admin(*flags, "import", str(file)).exit_code == 0
    assert broker.asked[-1] == ("POST", path, {"users": []})


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        ([], "ERROR: Action not specified"),
        (["nonsense"], "ERROR: Action nonsense not understood"),
        (["list", "nonsense"], "ERROR: Don't know how to list nonsense"),
        (["show", "nonsense"], "ERROR: Don't know how to show nonsense"),
        (["declare"], "ERROR: Type not specified"),
        (["delete", "thing", "name=x"], "ERROR: Type thing not recognised"),
        (["declare", "queue", "nam=x"], 'ERROR: Argument "nam" is not recognised'),
        (["declare", "queue", "x"], 'ERROR: Argument "x" not in the name=value format'),
        (["declare", "queue"], 'ERROR: mandatory argument "name" is required'),
        (["declare", "policy", "name=p", "pattern=x", "definition={a}"], "ERROR: Could not parse JSON:\n  {a}"),
        (["-f", "xml", "list", "queues"], "ERROR: Format xml not recognised"),
        (["export"], "ERROR: Exactly one argument required"),
        (["list", "queues"], "*** Not found: "),
        (["-P", "1", "list", "queues"], "*** Could not connect: "),
    ],
)
def test_what_is_wrong(admin: Call, arguments: list[str], text: str) -> None:
    ended = admin(*arguments)
    assert (ended.exit_code, ended.err.strip().startswith(text)) == (1, True)


@pytest.mark.parametrize(
    ("answer", "err"),
    [
        ((401, {"error": "not_authorised", "reason": "Login failed"}), "*** Access refused: Login failed\n\n"),
        ((400, {"error": "bad_request", "reason": "no"}), "*** no\n\n"),
    ],
)
def test_what_the_broker_refuses(admin: Call, broker: Api, answer: object, err: str) -> None:
    broker.answers["GET /api/users"] = answer
    assert admin("list", "users") == (1, "", err)


def test_where_it_asks_and_as_whom(admin: Call, broker: Api) -> None:
    broker.answers["GET /api/users"] = []
    port = broker.url.rpartition(":")[2]
    assert admin("-H", "127.0.0.1", "-P", port, "-u", "anna", "-p", "a", "list", "users").out == "No items\n"
    assert broker.headers[-1]["Authorization"] == "Basic YW5uYTph"


@pytest.mark.parametrize("arguments", [["--version"], ["help"], ["--help"]])
def test_what_only_tells(admin: Call, arguments: list[str]) -> None:
    assert admin(*arguments).exit_code == 0
