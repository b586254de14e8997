"""Queues, exchanges and bindings that come and go: what the last answer said of each has to be true after a crash."""

import random
import struct
from collections.abc import Callable, Iterable
from functools import partial
from typing import Final

from benchmark.wire import (
    BASIC_QOS,
    BASIC_QOS_OK,
    CHANNEL,
    CHANNEL_CLOSE_OK,
    NO_ARGUMENTS,
    QUEUE_DECLARE,
    QUEUE_DECLARE_OK,
    BenchmarkError,
    method,
    short_string,
)
from crashing.client import BASIC_RETURN, Client
from crashing.ledger import Ledger

_QUEUE_UNBIND, _QUEUE_UNBIND_OK = (50, 50), (50, 51)
_QUEUES: Final = [f"crash.definition.queue.{number}" for number in range(6)]
_EXCHANGES: Final = [f"crash.definition.exchange.{number}" for number in range(4)]
# What a thing is called here: a queue's or an exchange's name, or both for a binding.
_Thing = tuple[str, ...]


class Definitions:
    """there: whether a thing is; None as long as the answer has not come."""

    def __init__(self, ledger: Ledger) -> None:
        self._ledger = ledger
        self._there: dict[_Thing, bool | None] = {(name,): False for name in (*_QUEUES, *_EXCHANGES)}
        self._there |= {(exchange, queue): False for exchange in _EXCHANGES for queue in _QUEUES}

    def change(self, port: int, source: random.Random) -> None:
        """Declares, binds, unbinds and deletes until the broker goes away."""
        client = Client(port)
        while True:
            self._change_one(client, source.choice(_EXCHANGES), source.choice(_QUEUES), source.random())

    def _change_one(self, client: Client, exchange: str, queue: str, chance: float) -> None:
        both = self._there[exchange,] and self._there[queue,]
        if chance < 0.3:
            self._declare(client, queue)
        elif chance < 0.5:
            self._change([(exchange,)], True, lambda: client.declare_durable_exchange(exchange, "direct"))
        elif chance < 0.58:
            self._change(self._with_bindings(queue), False, lambda: client.delete_queue(queue))
        elif chance < 0.62:
            self._change(self._with_bindings(exchange), False, lambda: client.delete_exchange(exchange))
        elif both and chance < 0.9:
            self._change([(exchange, queue)], True, lambda: client.bind_queue(queue, exchange, queue))
        elif both:
            self._change([(exchange, queue)], False, lambda: _unbind(client, exchange, queue))

    def check(self, port: int) -> None:
        """What is there after a restart."""
        client = Client(port)
        for name in _QUEUES:
            self._found((name,), _is_there(client, partial(client.message_count, name)))
        for name in _EXCHANGES:
            self._found(
                (name,), _is_there(client, partial(client.declare_durable_exchange, name, "direct", passive=True))
            )
        for exchange in _EXCHANGES:
            for queue in _QUEUES:
                both = self._there[exchange,] and self._there[queue,]
                self._found((exchange, queue), bool(both) and _reaches(client, exchange, queue))
        client.hang_up()

    def _found(self, thing: _Thing, there: bool) -> None:
        known = self._there[thing]
        if known is not None and known != there:
            self._ledger.fault("definition", f"{' → '.join(thing)} is {'' if there else 'not '}there")
        self._there[thing] = there

    def _with_bindings(self, name: str) -> list[_Thing]:
        return [thing for thing in self._there if name in thing]

    def _change(self, things: Iterable[_Thing], there: bool, ask: Callable[[], object]) -> None:
        changing = [thing for thing in things if self._there[thing] != there]
        self._there |= dict.fromkeys(changing)
        ask()
        self._there |= dict.fromkeys(changing, there)

    def _declare(self, client: Client, queue: str) -> None:
        """And puts a message into it, which a queue of the same name must never have."""
        is_new = self._there[queue,] is False
        counts: list[int] = []
        self._change([(queue,)], True, lambda: counts.append(_declare(client, queue)))
        if is_new and counts[0]:
            self._ledger.fault("definition", f"{queue}: there are {counts[0]} messages of one that was deleted")
        client.send(client.encode("", queue, b"for this queue alone", persistent=True))


def _declare(client: Client, queue: str) -> int:
    """Returns how many messages are in it."""
    names = b"\0\0" + short_string(queue)
    reply = client.call(QUEUE_DECLARE, names + b"\x02" + NO_ARGUMENTS, QUEUE_DECLARE_OK)
    count: int = struct.unpack_from(">I", reply, 5 + reply[4])[0]
    return count


def _unbind(client: Client, exchange: str, queue: str) -> None:
    names = short_string(queue) + short_string(exchange) + short_string(queue)
    client.call(_QUEUE_UNBIND, b"\0\0" + names + NO_ARGUMENTS, _QUEUE_UNBIND_OK)


def _is_there(client: Client, ask: Callable[[], object]) -> bool:
    try:
        ask()
    except BenchmarkError as error:
        if "closed with 404" not in str(error):
            raise
        client.send(method(CHANNEL, CHANNEL_CLOSE_OK))
        client.open_channel(CHANNEL)
        return False
    return True


def _reaches(client: Client, exchange: str, queue: str) -> bool:
    """Whether a message with the queue's name as its key is not returned."""
    client.send(client.encode(exchange, queue, b"is it bound?", persistent=False, mandatory=True))
    client.send(method(CHANNEL, BASIC_QOS, b"\0\0\0\0\0\0\0"))
    event = client.event()
    if event.name != BASIC_RETURN:
        return True
    if client.event().name != BASIC_QOS_OK:
        raise BenchmarkError("basic.qos was not answered after a return")
    return False
