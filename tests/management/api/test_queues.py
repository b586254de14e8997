"""/api/queues."""

from typing import Any

import pytest

from amqpbroker.wire.methods import Basic, Queue
from tests.helpers.busy_broker import QUEUES, busy_broker
from tests.helpers.management import api


async def test_counts_are_those_of_this_moment() -> None:
    async with busy_broker() as busy:
        queue = await busy.get("queues/%2F/classic")
        counts = ("messages", "messages_ready", "messages_unacknowledged", "consumers")
        assert [queue[name] for name in counts] == [5, 3, 2, 1]
        octets = ("message_bytes", "message_bytes_ready", "message_bytes_unacknowledged", "message_bytes_persistent")
        assert [queue[name] for name in octets] == [20, 12, 8, 20]
        assert (queue["messages_ram"], queue["messages_ready_ram"], queue["messages_persistent"]) == (5, 3, 5)


async def test_an_acknowledgement_is_seen_at_once() -> None:
    async with busy_broker() as busy:
        busy.amqp.send(1, Basic.Ack(delivery_tag=2, multiple=True))
        await busy.amqp.until(Basic.Deliver)
        queue = await busy.get("queues/%2F/classic?columns=messages,messages_unacknowledged")
        assert queue == {"messages": 3, "messages_unacknowledged": 2}


@pytest.mark.parametrize(("name", "kind"), [("classic", "classic"), ("quorum", "quorum"), ("stream", "stream")])
async def test_a_queue_has_its_type_and_its_arguments(name: str, kind: str) -> None:
    async with busy_broker() as busy:
        queue = await busy.get(f"queues/%2F/{name}")
        arguments = {"x-queue-type": "classic", **QUEUES[name]}
        assert (queue["type"], queue["arguments"], queue["durable"]) == (kind, arguments, True)
        assert queue["leader"] == queue["members"][0] == busy.server.broker.node_name


async def test_its_consumers_are_told_with_it() -> None:
    async with busy_broker() as busy:
        (consumer,) = (await busy.get("queues/%2F/classic"))["consumer_details"]
        assert (consumer["consumer_tag"], consumer["prefetch_count"]) == ("ctag", 2)
        assert consumer["channel_details"]["name"] == f"{busy.connection} (1)"


async def test_policies_are_told_by_name_and_by_what_they_come_to() -> None:
    async with busy_broker() as busy:
        parameters = busy.server.broker.vhosts["/"].parameters
        parameters.set_policy("ttl", {"pattern": "^cl", "definition": {"message-ttl": 5_000, "max-length": 9}})
        parameters.set_policy("cap", {"pattern": "", "definition": {"max-length": 8}}, for_operators=True)
        queue = await busy.get("queues/%2F/classic")
        assert (queue["policy"], queue["operator_policy"]) == ("ttl", "cap")
        assert queue["effective_policy_definition"] == {"message-ttl": 5_000, "max-length": 8}


async def test_a_queue_runs_or_is_paused() -> None:
    async with busy_broker() as busy:
        assert (await busy.get("queues/%2F/classic"))["state"] == "running"
        await busy.http.post("/api/queues/%2F/classic/actions", json={"action": "pause"})
        assert (await busy.get("queues/%2F?sort=state&columns=state"))[0]["state"] == "paused"


async def test_an_exclusive_queue_is_told_with_its_owner() -> None:
    async with busy_broker() as busy:
        await busy.amqp.call(1, Queue.Declare(queue="mine", exclusive=True))
        queue = await busy.get("queues/%2F/mine")
        assert (queue["exclusive"], queue["owner_pid_details"]["name"]) == (True, busy.connection)


async def test_the_list_of_a_virtual_host_is_that_of_all_where_there_is_one() -> None:
    async with busy_broker() as busy:
        everywhere, here = await busy.get("queues"), await busy.get("queues/%2F")
        detailed = await busy.get("queues/detailed")
        names = [[queue["name"] for queue in found] for found in (everywhere, here, detailed)]
        assert names == [sorted(QUEUES)] * 3


async def test_without_statistics_a_queue_is_what_was_declared() -> None:
    async with busy_broker() as busy:
        plain = (await busy.get("queues?disable_stats=true"))[0]
        with_totals = (await busy.get("queues?disable_stats=true&enable_queue_totals=true"))[0]
        assert set(with_totals) - set(plain) == {"messages", "messages_ready", "messages_unacknowledged"}
        assert "memory" not in plain


@pytest.mark.parametrize("path", ["queues/%2F/nope", "queues/nope", "queues/%252F", "queues/nope/classic"])
async def test_what_is_not_there_is_not_found(path: str) -> None:
    async with busy_broker() as busy:
        answer = await busy.http.get(f"/api/{path}")
        assert (answer.status_code, answer.json()) == (404, {"error": "Object Not Found", "reason": "Not Found"})


async def test_a_quoted_slash_is_part_of_a_name() -> None:
    async with api() as (server, http):
        server.broker.vhosts["/"].new_queue("a/b", durable=False, auto_delete=False, owner=None, arguments={})
        assert (await http.get("/api/queues/%2F/a%2Fb")).json()["name"] == "a/b"
        assert (await http.get("/api/queues/%2f/a%2fb/")).json()["name"] == "a/b"


@pytest.mark.parametrize("query", ["page=1&page_size=100&pagination=True", "page=1&disable_stats=True&pagination=true"])
async def test_sloppy_clients_get_their_page(query: str) -> None:
    async with busy_broker() as busy:
        page: dict[str, Any] = await busy.get(f"queues/%2F?{query}")
        assert (page["item_count"], page["page"], page["total_count"]) == (4, 1, 4)


async def test_a_user_sees_the_queues_of_his_virtual_hosts() -> None:
    async with busy_broker() as busy:
        broker = busy.server.broker
        broker.create_vhost("other").new_queue("q", durable=False, auto_delete=False, owner=None, arguments={})
        broker.users.set("eve", password="secret", tags=("management",))
        broker.permissions.set("eve", "other", configure="", write="", read="")
        answer = await busy.http.get("/api/queues?columns=name", auth=("eve", "secret"))
        assert answer.json() == [{"name": "q"}]
        assert (await busy.http.get("/api/queues/%2F", auth=("eve", "secret"))).status_code == 401


async def test_ten_thousand_queues_are_one_page_of_a_hundred() -> None:
    async with api() as (server, http):
        vhost = server.broker.vhosts["/"]
        for number in range(10_000):
            vhost.new_queue(f"q{number:05}", durable=False, auto_delete=False, owner=None, arguments={})
        page = (await http.get("/api/queues?page=100&sort=name&sort_reverse=true")).json()
        assert (page["page_count"], page["items"][-1]["name"], page["item_count"]) == (100, "q00000", 100)
