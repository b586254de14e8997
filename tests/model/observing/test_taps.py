"""Several watch one virtual host; none is none, one is itself."""

from collections.abc import Sequence

import pytest

from amqpbroker.model.consumer import Consumer
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.message import Message
from amqpbroker.model.observing.taps import Taps, with_tap, without_tap
from amqpbroker.model.ports import Tap
from amqpbroker.model.queue import Entry
from amqpbroker.model.queue import Queue as QueueModel
from amqpbroker.wire.methods import Basic, Queue
from amqpbroker.wire.tables import Field, Table, long_string
from tests.helpers.sessions import bind, consume, declare_exchange, opened, publish_numbers, with_queue
from tests.helpers.wire_client import WireClient


class Noting(Tap):
    """what: each call, with the queue's or exchange's name and the bodies."""

    def __init__(self, in_order: bool = True) -> None:
        self.in_order = in_order
        self.what: list[tuple[str, ...]] = []

    def forwarded(self, exchange: Exchange, queues: Sequence[QueueModel], messages: Sequence[Message]) -> None:
        names = [queue.name for queue in queues]
        self.what.append(("forwarded", exchange.name, *names, *[body.decode() for _, _, body, _ in messages]))

    def given_up(self, queue: QueueModel, reason: str, messages: Sequence[Message]) -> None:
        self.what.append((reason, queue.name, *[body.decode() for _, _, body, _ in messages]))

    def settled(self, consumer: Consumer, entries: Sequence[Entry], how: str) -> None:
        self.what.append((how, consumer.queue.name, *[message[2].decode() for _, message, _ in entries]))


def test_none_one_and_several() -> None:
    first, second, third = Noting(), Noting(), Noting()
    assert with_tap(None, first) is first
    both = with_tap(first, second)
    assert isinstance(both, Taps) and both.taps == (first, second)
    assert isinstance(all_three := with_tap(both, third), Taps)
    assert without_tap(both, second) is first
    assert isinstance(left := without_tap(all_three, second), Taps) and left.taps == (first, third)
    assert without_tap(first, first) is None and without_tap(None, first) is None
    assert without_tap(first, second) is first


@pytest.mark.parametrize(("one", "other", "both"), [(True, False, True), (False, True, True), (False, False, False)])
def test_they_are_told_in_order_if_one_of_them_wants_it(one: bool, other: bool, both: bool) -> None:
    assert Taps([Noting(one), Noting(other)]).in_order is both


def rejecting(arguments: Table) -> tuple[WireClient, Noting]:
    """A client whose queue `tasks` dead-letters to the queue `dead`; it is watched by two, of whom one is given."""
    client = opened()
    client.send(1, Queue.Declare(queue="dead", nowait=True))
    declare_exchange(client, "dlx", "fanout")
    bind(client, "dlx", "dead", "")
    table = {"x-dead-letter-exchange": long_string("dlx")} | arguments
    client.send(1, Queue.Declare(queue="tasks", arguments=table, nowait=True))
    noting = Noting()
    client.vhost.watch(Noting())
    client.vhost.watch(noting)
    return client, noting


def test_a_rejected_message_is_given_up_and_sent_on() -> None:
    client, noting = rejecting({})
    publish_numbers(client, 1)
    consume(client, "ctag")
    client.send(1, Basic.Reject(delivery_tag=1, requeue=False))
    assert noting.what == [("rejected", "tasks", "1"), ("discard", "tasks", "1"), ("forwarded", "dlx", "dead", "1")]


def test_what_does_not_fit_is_given_up_though_nothing_takes_it() -> None:
    client = with_queue()
    client.send(1, Queue.Declare(queue="short", arguments={"x-max-length": Field("l", 1)}, nowait=True))
    client.vhost.watch(noting := Noting())
    client.publish(1, "", "short", b"1")
    client.publish(1, "", "short", b"2")
    assert noting.what == [("maxlen", "short", "1")]
