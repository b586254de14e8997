"""Rates, and the past, in what is told over HTTP."""

from typing import Any

import pytest

from amqpbroker.management.errors import BadRequest
from amqpbroker.management.statistics.history import History
from amqpbroker.management.statistics.rates import Rates
from tests.helpers.management import api, declare
from tests.helpers.sessions import publish_numbers, with_queue
from tests.helpers.wire_client import WireClient

NONE = {"rate": 0.0}


def after_ten_messages() -> tuple[WireClient, History]:
    client = with_queue()
    history = History(client.broker, client.clock)
    history.begin()
    publish_numbers(client, 10)
    client.advance(5)
    return client, history


def told() -> dict[str, Any]:
    return {
        "messages": 10,
        "messages_details": NONE,
        "memory": 7,
        "message_stats": {"publish": 10, "publish_details": NONE, "ack": 0, "ack_details": NONE},
    }


def test_rates_come_into_what_is_told() -> None:
    client, history = after_ten_messages()
    found = Rates(history, {}).put_into(client.vhost.queues["tasks"], told())
    assert found["messages_details"] == found["message_stats"]["publish_details"] == {"rate": 2.0}
    assert (found["memory"], found["message_stats"]["ack_details"]) == (7, NONE)


def test_nothing_happens_to_what_does_nothing() -> None:
    client, history = after_ten_messages()
    assert Rates(history, {}).put_into(client.vhost.exchanges["amq.topic"], told()) == told()


def test_each_kind_of_number_has_a_past_of_its_own() -> None:
    client, history = after_ten_messages()
    query = {"lengths_age": "5", "lengths_incr": "5"}
    found = Rates(history, query).put_into(client.vhost.queues["tasks"], told())
    assert [one["sample"] for one in found["messages_details"]["samples"]] == [10, 0]
    assert "samples" not in found["message_stats"]["publish_details"]


def test_what_does_nothing_has_a_past_when_it_is_asked_for() -> None:
    client, history = after_ten_messages()
    found = Rates(history, {"lengths_age": "5", "lengths_incr": "5"}).put_into(client.vhost.exchanges[""], told())
    assert "samples" not in found["messages_details"]
    found = Rates(history, {"lengths_age": "5", "lengths_incr": "5"}).put_into(object(), told())
    assert [one["sample"] for one in found["messages_details"]["samples"]] == [10, 10]


def test_a_sum_has_rates_too() -> None:
    client, history = after_ten_messages()
    found = told()
    Rates(history, {}).put_totals_into([client.vhost], found)
    assert found["messages_details"] == found["message_stats"]["publish_details"] == {"rate": 2.0}


def test_what_cannot_be_asked_for_is_refused() -> None:
    _, history = after_ten_messages()
    with pytest.raises(BadRequest):
        Rates(history, {"data_rates_age": "a minute", "data_rates_incr": "5"})


@pytest.mark.parametrize("path", ["overview", "queues", "queues/%2F/tasks", "vhosts", "nodes", "connections"])
async def test_the_past_may_be_asked_for_everywhere(path: str) -> None:
    spans = {f"{name}_{what}": "5" for name in ("lengths", "msg_rates", "data_rates") for what in ("age", "incr")}
    async with api() as (_, client):
        await declare(client, "tasks")
        answer = await client.get(f"/api/{path}", params=spans)
        assert answer.status_code == 200
        assert path == "connections" or '"samples":[' in answer.text


async def test_lists_are_sorted_by_rates_and_show_them_alone() -> None:
    async with api() as (_, client):
        await declare(client, "tasks")
        query = {"sort": "message_stats.publish_details.rate", "columns": "name,messages_details.rate"}
        answer = await client.get("/api/queues", params=query)
        assert answer.json() == [{"name": "tasks", "messages_details": {"rate": 0.0}}]
