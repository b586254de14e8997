"""/api/queues/{vhost}/{queue}/capacity, over real sockets."""

import builtins
from typing import Any

import pytest

from amqpbroker.management.api import capacity
from amqpbroker.server.server import Server
from amqpbroker.wire.methods import Basic, Queue
from tests.helpers.management import api, make_user
from tests.helpers.socket_client import SocketClient
from tests.helpers.wire_client import publish_octets

PLACE = "/api/queues/%2F/tasks/capacity"
COUNT = 60


async def consumer(server: Server, **how: Any) -> SocketClient:
    """A client that has declared the queue and consumes from it, one message at a time."""
    client = await SocketClient.opened(server.endpoints[0])
    await client.call(1, Queue.Declare(queue="tasks"))
    await client.call(1, Basic.Qos(prefetch_count=1))
    await client.call(1, Basic.Consume(queue="tasks", **how))
    return client


async def publish_and_acknowledge(client: SocketClient, count: int) -> None:
    """One after the other."""
    for tag in range(1, count + 1):
        client.writer.write(publish_octets(1, Basic.Publish(routing_key="tasks"), b"work"))
        await client.until(Basic.Deliver)
        client.send(1, Basic.Ack(delivery_tag=tag))
    await client.call(1, Basic.Qos())


async def test_the_first_question_begins_and_the_next_one_has_an_answer() -> None:
    async with api() as (server, asking):
        client = await consumer(server)
        first = (await asking.get(PLACE)).json()
        assert (first["vhost"], first["queue"], first["consumers"], first["forecast"]) == ("/", "tasks", 1, None)
        assert first["in_words"][0].startswith("Too little is known yet: 0 messages came")
        await publish_and_acknowledge(client, COUNT)
        found = (await asking.get(PLACE)).json()
        assert (found["arrivals"]["count"], found["services"]["count"]) == (COUNT, COUNT)
        assert found["measured_wait"]["count"] == COUNT
        assert found["utilisation"] > 0 and found["target_percentile"] == 99.0
        await client.leave()


async def test_the_wait_that_is_wanted_is_in_the_query() -> None:
    async with api() as (server, asking):
        client = await consumer(server)
        await asking.get(PLACE)
        await publish_and_acknowledge(client, COUNT)
        found = (await asking.get(PLACE, params={"target": "1.5s", "percentile": "95"})).json()
        assert (found["target_wait_s"], found["target_percentile"]) == (1.5, 95.0)
        assert found["consumers_needed"] >= 1
        await client.leave()


@pytest.mark.parametrize(
    ("query", "reason"),
    [
        ({"target": "soon"}, "target: 'soon' is not a time with its unit, such as 1s, 20ms, 1.5min or 2h"),
        ({"target": "0s"}, "target: 0s has to be above zero"),
        ({"percentile": "many"}, "percentile: 'many' is not a number"),
        ({"percentile": "100"}, "percentile: 100 is not from 0 to below 100"),
        ({"percentile": "nan"}, "percentile: nan is not from 0 to below 100"),
    ],
)
async def test_what_cannot_be_wanted_is_refused(query: dict[str, str], reason: str) -> None:
    async with api() as (server, asking):
        client = await consumer(server)
        answer = await asking.get(PLACE, params=query)
        assert (answer.status_code, answer.json()) == (400, {"error": "bad_request", "reason": reason})
        await client.leave()


async def test_what_is_not_there_and_who_may_not_look() -> None:
    async with api() as (server, asking):
        client = await consumer(server)
        assert (await asking.get("/api/queues/%2F/other/capacity")).status_code == 404
        stranger = await make_user(asking, "ann", vhost="elsewhere")
        assert (await asking.get(PLACE, auth=stranger)).status_code == 401
        assert server.broker.vhosts["/"].tap is None or not server.broker.vhosts["/"].tap.in_order
        await client.leave()


async def test_without_scipy_it_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    usual = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("amqpbroker.capacity.observing"):
            raise ModuleNotFoundError("No module named 'numpy'", name="numpy")
        return usual(name, *rest)

    async with api() as (server, asking):
        client = await consumer(server)
        monkeypatch.setattr(builtins, "__import__", without)
        answer = await asking.get(PLACE)
        monkeypatch.undo()
        assert (answer.status_code, answer.json()["reason"]) == (501, capacity._MISSING)
        assert answer.json()["reason"].endswith("pip install amqpbroker[capacity]")
        await client.leave()
