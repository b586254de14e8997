"""Definitions go from RabbitMQ to this broker and back: users keep their passwords, and nothing is lost or changed.

data/definitions_3_10_8.json is what a RabbitMQ 3.10.8 exports after it has imported data/definitions.json.
"""

import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import quote
from urllib.request import Request, urlopen

import pika
import pytest

from interop_tests.conftest import started_broker
from interop_tests.rabbitmq import free_ports, installed, rabbitmq

Json = dict[str, Any]

DATA = Path(__file__).parent / "data"
DECLARED: Json = json.loads((DATA / "definitions.json").read_text(encoding="utf-8"))
EXPORTED: Json = json.loads((DATA / "definitions_3_10_8.json").read_text(encoding="utf-8"))
# What this broker tells beyond what 3.10.8 does, as later versions do.
SINCE_THEN = {"vhosts": {"description", "tags", "limits", "metadata"}, "queues": {"type"}}

pytestmark = pytest.mark.timeout(120)


class Api:
    """definitions over HTTP, as guest unless somebody else is named."""

    def __init__(self, port: int, amqp_url: str) -> None:
        self.amqp_url = amqp_url
        self._url = f"http://127.0.0.1:{port}/api/definitions"

    def export(self) -> Json:
        """All of it."""
        found: Json = json.loads(self._ask("GET"))
        return found

    def take(self, document: Json) -> None:
        """Imports it."""
        self._ask("POST", json.dumps(document).encode())

    def _ask(self, method: str, body: bytes | None = None) -> bytes:
        credentials = base64.b64encode(b"guest:guest").decode()
        headers = {"authorization": f"Basic {credentials}", "content-type": "application/json"}
        with urlopen(Request(self._url, body, headers, method=method), timeout=30) as answer:
            octets: bytes = answer.read()
        return octets

    def connect(self, user: str, password: str, vhost: str) -> pika.BlockingConnection:
        """An AMQP connection of that user."""
        address = self.amqp_url.partition("@")[2].partition("/")[0]
        names = (quote(name, safe="") for name in (user, password))
        return pika.BlockingConnection(
            pika.URLParameters(f"amqp://{':'.join(names)}@{address}/{quote(vhost, safe='')}")
        )


@pytest.fixture(scope="module")
def ours(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Api]:
    """This broker, started with what a RabbitMQ has exported. As 3.13 it adds no type to the arguments of queues."""
    (port,) = free_ports(1)
    options = ("--http-port", str(port), "--profile", "3.13", "--definitions", str(DATA / "definitions_3_10_8.json"))
    # guest has the password that was guest's there.
    with started_broker(tmp_path_factory.mktemp("broker"), *options) as url:
        yield Api(port, url)


@pytest.fixture(scope="module")
def theirs() -> Iterator[Api]:
    """A RabbitMQ with nothing in it."""
    if not installed():
        pytest.skip("RabbitMQ is not installed here")
    (port,) = free_ports(1)
    config = f"management.tcp.ip = 127.0.0.1\nmanagement.tcp.port = {port}\n"
    with rabbitmq(("rabbitmq_management",), config) as url:
        yield Api(port, url)


def lists(document: Json) -> Json:
    """The lists in any order, with what 3.10.8 tells; without what identifies a cluster."""
    return {
        kind: sorted(
            json.dumps({key: one[key] for key in one if key not in SINCE_THEN.get(kind, ())}, sort_keys=True)
            for one in found
            if one.get("name") != "internal_cluster_id"
        )
        for kind, found in document.items()
        if isinstance(found, list)
    }


def test_what_a_rabbitmq_exported_comes_out_again(ours: Api) -> None:
    assert lists(ours.export()) == lists(EXPORTED)


def test_importing_it_again_changes_nothing(ours: Api) -> None:
    before = ours.export()
    ours.take(EXPORTED)
    assert ours.export() == before


@pytest.mark.parametrize(
    "user", [user for user in DECLARED["users"] if "password" in user], ids=lambda user: user["name"]
)
def test_users_keep_their_passwords(ours: Api, user: Json) -> None:
    vhost = next((one["vhost"] for one in EXPORTED["permissions"] if one["user"] == user["name"]), None)
    if vhost is None:
        with pytest.raises(pika.exceptions.ProbableAccessDeniedError):
            ours.connect(user["name"], user["password"], "orders")
    else:
        ours.connect(user["name"], user["password"], vhost).close()
    with pytest.raises(pika.exceptions.ProbableAuthenticationError):
        ours.connect(user["name"], user["password"] + " ", "orders")


@pytest.mark.parametrize(
    "queue", [one for one in DECLARED["queues"] if one["vhost"] == "orders"], ids=lambda one: one["name"]
)
def test_a_program_declares_a_queue_again_as_it_always_did(ours: Api, queue: Json) -> None:
    with ours.connect("guest", "guest", "orders") as connection:
        declared = {"durable": queue["durable"], "auto_delete": queue["auto_delete"]}
        connection.channel().queue_declare(queue["name"], arguments=queue["arguments"], **declared)


def test_bindings_lead_where_they_led(ours: Api) -> None:
    with ours.connect("guest", "guest", "orders") as connection:
        channel = connection.channel()
        properties = pika.BasicProperties(headers={"kind": "a", "count": 1})
        channel.confirm_delivery()
        channel.basic_publish("head", "k", b"found", properties, mandatory=True)
        for queue in ("quorum", "levels"):
            _, _, body = channel.basic_get(queue, auto_ack=True)
            assert body == b"found"


def test_a_rabbitmq_takes_what_this_broker_exports_and_exports_the_same(ours: Api, theirs: Api) -> None:
    exported = ours.export()
    theirs.take(exported)
    again = theirs.export()
    assert lists(again) == lists(exported)
    theirs.connect("anna", DECLARED["users"][0]["password"], "orders").close()
    ours.take(again)
    assert lists(ours.export()) == lists(again)
