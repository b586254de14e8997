"""What is changed over HTTP: the same requests, in order, get the same statuses and reasons as from RabbitMQ.

They were recorded of RabbitMQ 3.10.8. Left out are those that it answers with 500.
"""

import html
import json
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final, NamedTuple

import httpx
import pika
import pytest

from interop_tests.rabbitmq import free_ports
from interop_tests.restarting import RestartingBroker

ALL: Final = {"configure": ".*", "write": ".*", "read": ".*"}
GET: Final = {"count": 1, "ackmode": "ack_requeue_true", "encoding": "auto"}
MESSAGE: Final = {"properties": {}, "routing_key": "tasks", "payload": "hello", "payload_encoding": "string"}
DEAD_LETTERED: Final = {"durable": True, "arguments": {"x-dead-letter-exchange": "nok"}}
TTL: Final = {"pattern": "^x", "definition": {"message-ttl": 1000}}
IN: Final = " in vhost '{vhost}'"
NOT_FOUND: Final = "Not Found"
REFUSED: Final = "Access refused."


class Request(NamedTuple):
    """reason: of a refusal; otherwise the body of the answer, None if it is not looked at."""

    method: str
    path: str
    body: Any
    status: int
    reason: Any = None


class Vhost:
    """A virtual host of the test's own; `{vhost}` and `{user}` in paths and texts stand for names of the test's own."""

    def __init__(self, client: httpx.Client) -> None:
        self.client = client
        self.names = {"vhost": f"interop-{uuid.uuid4().hex[:8]}", "user": f"interop-user-{uuid.uuid4().hex[:8]}"}

    def ask(self, method: str, path: str, body: Any = None) -> httpx.Response:
        content = body if isinstance(body, bytes) or body is None else self.named(json.dumps(body)).encode()
        headers = {"content-type": "application/json"} if content is not None else {}
        return self.client.request(method, f"/{self.named(path)}", content=content, headers=headers)

    def named(self, text: str) -> str:
        """The text with the names of the test's own."""
        for key, name in self.names.items():
            text = text.replace(f"{{{key}}}", name)
        return text


@pytest.fixture
def vhost(management: httpx.Client) -> Iterator[Vhost]:
    made = Vhost(management)
    assert made.ask("PUT", "vhosts/{vhost}", {}).status_code == 201
    yield made
    made.ask("DELETE", "vhosts/{vhost}")
    made.ask("DELETE", "users/{user}")


def told(answer: httpx.Response) -> Any:
    """The reason of a refusal, without what RabbitMQ does for browsers, or the answer."""
    content = answer.json() if answer.content else None
    if answer.status_code < 400 or not isinstance(content, dict):
        return content
    reason = content["reason"]
    return html.unescape(reason) if isinstance(reason, str) else reason


def replay(vhost: Vhost, requests: list[Request]) -> None:
    different = []
    for method, path, body, status, reason in requests:
        answer = vhost.ask(method, path, body)
        if isinstance(reason, str):
            reason = vhost.named(reason)
        if answer.status_code != status or (reason is not None and told(answer) != reason):
            different.append(f"{method} {path} {body}: {answer.status_code} {told(answer)!r}, not {status} {reason!r}")
    assert not different, "\n".join(different)


QUEUES: Final = [
    Request("PUT", "queues/{vhost}/tasks", {"durable": True}, 201),
    Request("PUT", "queues/{vhost}/tasks", {"durable": "true", "auto_delete": "false", "arguments": []}, 204),
    Request(
        "PUT",
        "queues/{vhost}/tasks",
        {"durable": False},
        400,
        f"inequivalent arg 'durable' for queue 'tasks'{IN}: received 'false' but current is 'true'",
    ),
    Request(
        "PUT",
        "queues/{vhost}/tasks",
        {"durable": True, "arguments": {"x-max-length": 5}},
        400,
        f"inequivalent arg 'x-max-length' for queue 'tasks'{IN}: received the value '5' of type 'long'"
        " but current is none",
    ),
    Request("PUT", "queues/{vhost}/tasks", b"[]", 400),
    Request("PUT", "queues/{vhost}/tasks", b"{", 400),
    Request(
        "PUT",
        "queues/{vhost}/tasks",
        b'"{}"',
        400,
        "invalid payload: the request body JSON-decoded to a string. Is the input doubly-JSON-encoded?",
    ),
    Request("PUT", "queues/{vhost}/other", {"durable": "perhaps"}, 400),
    Request("PUT", "queues/{vhost}/other", {"arguments": {"a": None}}, 400, "null_not_allowed"),
    Request(
        "PUT",
        "queues/{vhost}/other",
        {"durable": True, "arguments": {"x-max-length": -1}},
        400,
        f"invalid arg 'x-max-length' for queue 'other'{IN}: {{value_negative,-1}}",
    ),
    Request("PUT", "queues/{vhost}/other", {"passive": True}, 404, f"no queue 'other'{IN}"),
    Request("PUT", "queues/{vhost}/amq.x", {}, 401, REFUSED),
    Request("PUT", "queues/{vhost}/" + "x" * 256, {}, 400),
    Request("PUT", "queues/nope/tasks", {}, 404, "vhost_not_found"),
    Request("POST", "queues/{vhost}/tasks", {}, 405),
    Request("POST", "queues/{vhost}/tasks/actions", {"action": "sync"}, 204),
    Request("POST", "queues/{vhost}/tasks/actions", {"action": "cancel_sync"}, 204),
    Request("POST", "queues/{vhost}/tasks/actions", {"action": "nope"}, 400),
    Request("POST", "queues/{vhost}/tasks/actions", {}, 400, "[{key_missing,action}]"),
    Request("POST", "exchanges/{vhost}/amq.default/publish", MESSAGE, 200, {"routed": True}),
    Request("DELETE", "queues/{vhost}/tasks?if-empty=true", None, 400, f"queue 'tasks'{IN} not empty"),
    Request("DELETE", "queues/{vhost}/tasks/contents", {"mode": "purge"}, 204),
    Request("DELETE", "queues/{vhost}/tasks?if-empty=true&if-unused=true", None, 204),
    Request("DELETE", "queues/{vhost}/tasks", None, 404, NOT_FOUND),
    Request("DELETE", "queues/{vhost}/tasks/contents", None, 404, NOT_FOUND),
    Request("DELETE", "queues/nope/tasks", None, 404, NOT_FOUND),
    Request("PUT", "queues/{vhost}/log", {"durable": True, "arguments": {"x-queue-type": "stream"}}, 201),
    Request(
        "POST",
        "queues/{vhost}/log/get",
        GET,
        400,
        f"540 basic.get not supported by stream queues queue 'log'{IN}",
    ),
    Request(
        "DELETE",
        "queues/{vhost}/log/contents",
        None,
        400,
        f"queue.purge not supported by stream queues queue 'log'{IN}",
    ),
    Request("PUT", "queues/{vhost}/q", {"durable": True, "arguments": {"x-queue-type": "quorum"}}, 201),
    Request(
        "DELETE",
        "queues/{vhost}/q?if-empty=true",
        None,
        400,
        f"cannot delete queue 'q'{IN}. queue.delete operations with if-empty flag set are not supported by quorum"
        " queues",
    ),
]
EXCHANGES: Final = [
    Request("PUT", "exchanges/{vhost}/orders", {"type": "topic"}, 201),
    Request("PUT", "exchanges/{vhost}/orders", {"type": "topic", "durable": "false"}, 204),
    Request(
        "PUT",
        "exchanges/{vhost}/orders",
        {},
        400,
        f"inequivalent arg 'type' for exchange 'orders'{IN}: received 'direct' but current is 'topic'",
    ),
    Request("PUT", "exchanges/{vhost}/other", {"type": "{vhost}"}, 400, "unknown exchange type '{vhost}'"),
    Request("PUT", "exchanges/{vhost}/other", {"internal": 7}, 400),
    Request(
        "PUT",
        "exchanges/{vhost}/other",
        {"arguments": {"alternate-exchange": 5}},
        400,
        f"invalid type 'long' for arg 'alternate-exchange' in exchange 'other'{IN}",
    ),
    Request("PUT", "exchanges/{vhost}/amq.x", {}, 401, REFUSED),
    Request("PUT", "exchanges/{vhost}/amq.default", {}, 401, REFUSED),
    Request("PUT", "exchanges/{vhost}/amq.topic", {"type": "topic", "durable": True}, 204),
    Request("PUT", "exchanges/nope/orders", {}, 404, "vhost_not_found"),
    Request("POST", "bindings/{vhost}/e/orders/e/amq.topic", {}, 201),
    Request("DELETE", "exchanges/{vhost}/orders?if-unused=true", None, 400, f"exchange 'orders'{IN} in use"),
    Request("DELETE", "exchanges/{vhost}/orders", None, 204),
    Request("DELETE", "exchanges/{vhost}/orders", None, 404, NOT_FOUND),
    Request("DELETE", "exchanges/{vhost}/amq.topic", None, 401, REFUSED),
    Request("DELETE", "exchanges/{vhost}/amq.default", None, 401, REFUSED),
]
BINDINGS: Final = [
    Request("PUT", "queues/{vhost}/tasks", {"durable": True}, 201),
    Request("POST", "bindings/{vhost}/e/amq.topic/q/tasks", {}, 201),
    Request("POST", "bindings/{vhost}/e/amq.topic/q/tasks", {}, 201),
    Request("POST", "bindings/{vhost}/e/amq.topic/q/tasks", {"routing_key": "rk", "arguments": {"a": 1}}, 201),
    Request("POST", "bindings/{vhost}/e/amq.topic/q/tasks", {"routing_key": "a.#"}, 201),
    Request("POST", "bindings/{vhost}/e/amq.topic/e/amq.fanout", {"routing_key": "x"}, 201),
    Request("POST", "bindings/{vhost}/e/nope/q/tasks", {}, 404, f"no exchange 'nope'{IN}"),
    Request("POST", "bindings/{vhost}/e/amq.topic/q/nope", {}, 404, f"no queue 'nope'{IN}"),
    Request("POST", "bindings/{vhost}/e/amq.topic/e/nope", {}, 404, f"no exchange 'nope'{IN}"),
    Request("POST", "bindings/{vhost}/e/amq.default/q/tasks", {}, 401, REFUSED),
    Request("POST", "bindings/nope/e/amq.topic/q/tasks", {}, 404, "vhost_not_found"),
    Request("DELETE", "bindings/{vhost}/e/amq.topic/q/tasks/nope", None, 404, NOT_FOUND),
    Request("DELETE", "bindings/{vhost}/e/amq.topic/q/tasks/rk~zzz", None, 404, NOT_FOUND),
    Request("DELETE", "bindings/{vhost}/e/amq.topic/q/tasks/rk~Ajat_Q", None, 204),
    Request("DELETE", "bindings/{vhost}/e/amq.topic/q/tasks/a.%2523", None, 204),
    Request("DELETE", "bindings/{vhost}/e/amq.topic/q/tasks/~", None, 204),
    Request("DELETE", "bindings/{vhost}/e/amq.topic/e/amq.fanout/x", None, 204),
    Request("GET", "bindings/{vhost}/e/amq.topic/q/tasks", None, 200, []),
]


def publish(status: int, reason: Any, exchange: str = "amq.default", **changes: Any) -> Request:
    return Request("POST", f"exchanges/{{vhost}}/{exchange}/publish", MESSAGE | changes, status, reason)


def get(status: int, reason: Any = None, queue: str = "tasks", **changes: Any) -> Request:
    return Request("POST", f"queues/{{vhost}}/{queue}/get", GET | changes, status, reason)


MESSAGES: Final = [
    Request("PUT", "queues/{vhost}/tasks", {"durable": True}, 201),
    publish(200, {"routed": True}),
    publish(200, {"routed": False}, routing_key="nope"),
    publish(200, {"routed": True}, payload="AP8B", payload_encoding="base64"),
    publish(400, "404 NOT_FOUND - no exchange 'nope'" + IN, "nope"),
    publish(
        400,
        "403 ACCESS_REFUSED - cannot publish to internal exchange 'amq.rabbitmq.trace'" + IN,
        "amq.rabbitmq.trace",
    ),
    publish(400, "payload_not_string", payload=5),
    publish(400, None, payload="%%", payload_encoding="base64"),
    publish(400, None, payload_encoding="latin1"),
    publish(400, None, properties={"delivery_mode": "2"}),
    publish(400, None, properties={"content_type": 5}),
    publish(400, "null_not_allowed", properties={"headers": {"a": None}}),
    publish(
        400,
        "406 PRECONDITION_FAILED - user_id property set to 'other' but authenticated user was 'guest'",
        properties={"user_id": "other"},
    ),
    publish(
        400,
        "406 PRECONDITION_FAILED - invalid expiration 'abc': no_integer",
        properties={"expiration": "abc"},
    ),
    publish(
        400,
        '406 PRECONDITION_FAILED - invalid message: {unacceptable_type_in_header,"CC",longstr}',
        properties={"headers": {"CC": "x"}},
    ),
    publish(
        400,
        "406 PRECONDITION_FAILED - fast reply consumer does not exist",
        properties={"reply_to": "amq.rabbitmq.reply-to"},
    ),
    Request(
        "POST",
        "exchanges/{vhost}/amq.default/publish",
        {"routing_key": "rk"},
        400,
        "[{key_missing,properties},\n {key_missing,payload},\n {key_missing,payload_encoding}]",
    ),
    Request(
        "POST",
        "exchanges/{vhost}/amq.default/publish",
        {"payload_encoding": "string"},
        400,
        "[{key_missing,routing_key},{key_missing,properties},{key_missing,payload}]",
    ),
    Request(
        "PUT",
        "queues/{vhost}/full",
        {"arguments": {"x-max-length": 0, "x-overflow": "reject-publish"}, "durable": True},
        201,
    ),
    publish(400, "rejected Unable to publish message. Check queue limits.", routing_key="full"),
    get(200, count="1"),
    get(200, [], count=0),
    get(200, [], queue="full"),
    get(200, truncate="2"),
    get(200, ackmode="reject_requeue_true"),
    get(200, ackmode="reject_requeue_false"),
    get(200, ackmode="ack_requeue_false"),
    get(200, []),
    get(400, None, count="x"),
    get(400, "Unsupported encoding. Please use auto or base64.", encoding="nope"),
    get(404, "NOT_FOUND - no queue 'nope'" + IN, queue="nope"),
    Request("POST", "queues/{vhost}/tasks/get", {"count": 1}, 400, "[{key_missing,ackmode},{key_missing,encoding}]"),
]
USERS: Final = [
    Request("PUT", "users/{user}", {"password": "pw"}, 400, "tags_not_present"),
    Request("PUT", "users/{user}", {"password": "pw", "tags": "monitoring, x"}, 201),
    Request("PUT", "users/{user}", {"password_hash": "", "tags": ["monitoring"]}, 204),
    Request(
        "GET",
        "users/{user}?columns=password_hash,hashing_algorithm,tags,limits",
        None,
        200,
        {
            "password_hash": "",
            "hashing_algorithm": "rabbit_password_hashing_sha256",
            "tags": ["monitoring"],
            "limits": {},
        },
    ),
    Request(
        "PUT",
        "users/{user}",
        {"password": "a", "password_hash": "AAAA", "tags": ""},
        400,
        "both_password_and_password_hash_are_provided",
    ),
    Request("PUT", "users/{user}", {"password_hash": "%%", "tags": ""}, 400),
    Request("GET", "users/{user}/permissions", None, 200, []),
    Request("GET", "users/nope/permissions", None, 404, NOT_FOUND),
    Request("GET", "permissions/{vhost}/{user}", None, 404, NOT_FOUND),
    Request("PUT", "permissions/{vhost}/{user}", {"read": ""}, 400, "[{key_missing,configure},{key_missing,write}]"),
    Request("PUT", "permissions/{vhost}/{user}", ALL, 201),
    Request("PUT", "permissions/{vhost}/{user}", ALL | {"read": ""}, 204),
    Request("PUT", "permissions/{vhost}/{user}", ALL | {"read": "("}, 400),
    Request("PUT", "permissions/nope/{user}", ALL, 400, "vhost_or_user_not_found"),
    Request("PUT", "permissions/{vhost}/nope", ALL, 400, "vhost_or_user_not_found"),
    Request("DELETE", "permissions/{vhost}/{user}", None, 204),
    Request("DELETE", "permissions/{vhost}/{user}", None, 404, NOT_FOUND),
    Request(
        "PUT",
        "topic-permissions/{vhost}/{user}",
        {},
        400,
        "[{key_missing,exchange},{key_missing,write},{key_missing,read}]",
    ),
    Request("PUT", "topic-permissions/{vhost}/{user}", {"exchange": "amq.topic", "write": "a", "read": "b"}, 201),
    Request("PUT", "topic-permissions/{vhost}/{user}", {"exchange": "x", "write": "a", "read": "b"}, 204),
    Request("DELETE", "topic-permissions/{vhost}/{user}/x", None, 204),
    Request("DELETE", "topic-permissions/{vhost}/{user}", None, 204),
    Request("DELETE", "topic-permissions/{vhost}/{user}", None, 404, NOT_FOUND),
    Request("GET", "user-limits/{user}", None, 200, []),
    Request("PUT", "user-limits/{user}/max-channels", {"value": 5}, 204),
    Request(
        "PUT",
        "user-limits/{user}/max-channels",
        {"value": "x"},
        400,
        'max-channels should be a number, actually was <<"x">>',
    ),
    Request("PUT", "user-limits/{user}/nope", {"value": 5}, 400, 'Unrecognised terms [{<<"nope">>,5}] in user-limits'),
    Request("DELETE", "user-limits/{user}/max-channels", None, 204),
    Request("DELETE", "user-limits/{user}/max-channels", None, 204),
    Request("POST", "users/bulk-delete", {}, 400, "[{key_missing,users}]"),
    Request("POST", "users/bulk-delete", {"users": ["{user}"]}, 204),
    Request("DELETE", "users/{user}", None, 404, NOT_FOUND),
]
RULES: Final = [
    *(
        request
        for kind in ("policies", "operator-policies")
        for request in (
            Request("PUT", f"{kind}/{{vhost}}/ttl", {}, 400, "[{key_missing,pattern},{key_missing,definition}]"),
            Request("PUT", f"{kind}/{{vhost}}/ttl", TTL, 201),
            Request("PUT", f"{kind}/{{vhost}}/ttl", TTL | {"priority": 3, "apply-to": "queues"}, 204),
            Request(
                "PUT",
                f"{kind}/{{vhost}}/ttl",
                TTL | {"definition": {}},
                400,
                "Validation failed\n\nno policy provided\n",
            ),
            Request(
                "PUT",
                f"{kind}/{{vhost}}/ttl",
                TTL | {"priority": "3"},
                400,
                'Validation failed\n\npriority should be a number, actually was <<"3">>\n',
            ),
            Request(
                "PUT",
                f"{kind}/{{vhost}}/ttl",
                TTL | {"pattern": 5},
                400,
                "Validation failed\n\npattern should be a binary but was 5\n",
            ),
            Request("PUT", f"{kind}/nope/ttl", TTL, 404, "vhost_not_found"),
            Request("GET", f"{kind}/nope", None, 404, NOT_FOUND),
            Request("DELETE", f"{kind}/{{vhost}}/ttl", None, 204),
            Request("DELETE", f"{kind}/{{vhost}}/ttl", None, 404, NOT_FOUND),
        )
    ),
    Request("PUT", "parameters/vhost-limits/{vhost}/limits", {"value": {"max-queues": 5}}, 201),
    Request("PUT", "parameters/vhost-limits/{vhost}/limits", {"value": {"max-queues": 6}}, 204),
    Request("PUT", "parameters/vhost-limits/{vhost}/limits", {}, 400, "[{key_missing,value}]"),
    Request(
        "PUT", "parameters/vhost-limits/{vhost}/limits", {"value": 5}, 400, "Validation failed\n\nlimits not a list 5\n"
    ),
    Request("PUT", "parameters/nope/{vhost}/x", {"value": 5}, 400, "Validation failed\n\ncomponent nope not found\n"),
    Request("PUT", "parameters/policy/{vhost}/x", {"value": {}}, 400, "policies may not be set using this method"),
    Request("GET", "parameters/nope/{vhost}", None, 200, []),
    Request("GET", "vhost-limits/{vhost}", None, 200, None),
    Request("PUT", "vhost-limits/{vhost}/max-queues", {"value": 7}, 204),
    Request(
        "PUT",
        "vhost-limits/{vhost}/max-queues",
        {"value": "7"},
        400,
        'Validation failed\n\nmax-queues should be a number, actually was <<"7">>\n',
    ),
    Request("DELETE", "vhost-limits/{vhost}/max-queues", None, 204),
    Request("DELETE", "parameters/vhost-limits/{vhost}/limits", None, 204),
    Request("DELETE", "parameters/vhost-limits/{vhost}/limits", None, 404, NOT_FOUND),
    Request("PUT", "global-parameters/{vhost}", {"value": {"a": [1, None]}}, 201),
    Request("PUT", "global-parameters/{vhost}", {"value": None}, 204),
    Request("DELETE", "global-parameters/{vhost}", None, 204),
    Request("DELETE", "global-parameters/{vhost}", None, 404, NOT_FOUND),
    Request("PUT", "vhosts/{vhost}", {"description": "d", "tags": "a,b", "tracing": "true"}, 204),
    Request(
        "GET",
        "vhosts/{vhost}?columns=description,tags,tracing",
        None,
        200,
        {"description": "d", "tags": ["a", "b"], "tracing": True},
    ),
    Request("PUT", "vhosts/{vhost}", {"tracing": "x"}, 400),
    Request("DELETE", "vhosts/nope", None, 404, NOT_FOUND),
    Request("POST", "rebalance/queues", None, 204),
    Request("DELETE", "reset", None, 204),
    Request("GET", "reset", None, 405),
    Request("POST", "definitions/nope", {}, 404, "vhost_not_found"),
    Request("POST", "definitions", {}, 204),
    Request("POST", "definitions", b"{", 400),
    Request("PUT", "definitions", {}, 405),
    Request(
        "POST",
        "definitions/{vhost}",
        {"queues": [{"name": "tasks", "durable": True, "auto_delete": False, "arguments": {}}]},
        204,
    ),
    Request("GET", "queues/{vhost}/tasks?columns=name", None, 200, {"name": "tasks"}),
]


@pytest.mark.parametrize(
    "requests",
    [QUEUES, EXCHANGES, BINDINGS, MESSAGES, USERS, RULES],
    ids=["queues", "exchanges", "bindings", "messages", "users", "rules"],
)
def test_the_same_requests_get_the_same_answers(vhost: Vhost, requests: list[Request]) -> None:
    replay(vhost, requests)


@pytest.mark.parametrize(
    ("body", "location"),
    [
        ({}, "tasks/~"),
        ({"routing_key": "a.#/b~"}, "tasks/a.%2523%252Fb%257E"),
        ({"arguments": {"a": 1}}, "tasks/~Ajat_Q"),
    ],
)
def test_a_binding_is_where_its_location_says(vhost: Vhost, body: Any, location: str) -> None:
    vhost.ask("PUT", "queues/{vhost}/tasks", {"durable": True})
    path = "bindings/{vhost}/e/amq.topic/q/tasks"
    answer = vhost.ask("POST", path, body)
    assert answer.headers["location"] == location
    assert vhost.ask("GET", f"{path}/{location.partition('/')[2]}").status_code == 200


def test_messages_come_with_what_was_published(vhost: Vhost) -> None:
    vhost.ask("PUT", "queues/{vhost}/tasks", {"durable": True})
    properties = {"delivery_mode": 2, "headers": {"k": "v", "n": [1, {"x": True}]}, "content_type": "text/plain"}
    vhost.ask("POST", "exchanges/{vhost}/amq.default/publish", MESSAGE | {"properties": properties})
    vhost.ask(
        "POST", "exchanges/{vhost}/amq.default/publish", MESSAGE | {"payload": "AP8B", "payload_encoding": "base64"}
    )
    first = {
        "payload_bytes": 5,
        "redelivered": False,
        "exchange": "",
        "routing_key": "tasks",
        "message_count": 1,
        "properties": properties,
        "payload": "hello",
        "payload_encoding": "string",
    }
    second = first | {
        "payload_bytes": 3,
        "message_count": 0,
        "properties": [],
        "payload": "AP8B",
        "payload_encoding": "base64",
    }
    assert vhost.ask("POST", "queues/{vhost}/tasks/get", GET | {"count": 5}).json() == [first, second]
    again = [one | {"redelivered": True} for one in (first, second)]
    taking = GET | {"count": 5, "ackmode": "ack_requeue_false"}
    assert vhost.ask("POST", "queues/{vhost}/tasks/get", taking).json() == again
    assert vhost.ask("POST", "queues/{vhost}/tasks/get", taking).json() == []


def test_a_user_may_over_http_what_he_may_over_amqp(vhost: Vhost, management: httpx.Client) -> None:
    vhost.ask("PUT", "users/{user}", {"password": "pw", "tags": "management"})
    vhost.ask("PUT", "permissions/{vhost}/{user}", {"configure": "^ok", "write": "^ok", "read": "^ok"})
    vhost.ask("PUT", "queues/{vhost}/no", {"durable": True})
    user = httpx.Client(base_url=management.base_url, auth=(vhost.names["user"], "pw"), timeout=20)
    own = Vhost(user)
    own.names = vhost.names
    replay(
        own,
        [
            Request("PUT", "queues/{vhost}/ok", {"durable": True}, 201),
            Request("PUT", "queues/{vhost}/nok", {}, 401, REFUSED),
            Request("PUT", "queues/{vhost}/ok.2", DEAD_LETTERED, 401, REFUSED),
            Request("DELETE", "queues/{vhost}/no", None, 401, REFUSED),
            Request("DELETE", "queues/{vhost}/no/contents", None, 401, REFUSED),
            Request("POST", "queues/{vhost}/no/actions", {"action": "sync"}, 401, "Not administrator user"),
            Request("POST", "queues/{vhost}/no/get", GET, 401),
            Request("POST", "exchanges/{vhost}/amq.topic/publish", MESSAGE, 400),
            Request("POST", "bindings/{vhost}/e/amq.topic/q/ok", {}, 401, REFUSED),
            Request("PUT", "exchanges/{vhost}/nok", {}, 401, REFUSED),
            Request("PUT", "policies/{vhost}/ttl", TTL, 401, "User not authorised to access object"),
            Request("PUT", "users/{user}", {"password": "pw", "tags": "administrator"}, 401, "Not administrator user"),
            Request("GET", "queues/%2F", None, 401, "User not authorised to access virtual host"),
        ],
    )


def test_what_was_declared_over_http_survives_a_kill(tmp_path: Path) -> None:
    (port,) = free_ports(1)
    broker = RestartingBroker(tmp_path, "--http-port", str(port))
    broker.start()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", auth=("guest", "guest"), timeout=20) as client:
        assert client.put("queues/%2F/tasks", json={"durable": True}).status_code == 201
        message = MESSAGE | {"properties": {"delivery_mode": 2}}
        assert client.post("exchanges/%2F/amq.default/publish", json=message).json() == {"routed": True}
        assert client.put("users/ann", json={"password": "pw", "tags": ""}).status_code == 201
        assert client.put("permissions/%2F/ann", json=ALL).status_code == 201
        assert client.put("vhosts/team", json={}).status_code == 201
    broker.kill()
    broker.start()
    parameters = pika.URLParameters(broker.url.replace("guest:guest", "ann:pw"))
    connection = pika.BlockingConnection(parameters)
    assert connection.channel().queue_declare("tasks", passive=True).method.message_count == 1
    connection.close()
    with httpx.Client(base_url=f"http://127.0.0.1:{port}/api", auth=("guest", "guest"), timeout=20) as client:
        assert client.get("vhosts/team").status_code == 200
    broker.stop()
