"""Waiting for something to be so. Nothing polls: it is looked at when something was written, and at the beginning."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.stream import StreamQueue
from amqpbroker.testing.barrier import all_read
from amqpbroker.testing.durations import Duration, seconds_of
from amqpbroker.testing.inspection.errors import WaitTimeoutError
from amqpbroker.testing.inspection.matching import Expected, Match
from amqpbroker.testing.inspection.message import Message
from amqpbroker.testing.inspection.queues import found_queue, waiting, with_clients
from amqpbroker.testing.inspection.view import View
from amqpbroker.testing.server import ObservedServer

T = TypeVar("T")


async def until(
    server: ObservedServer, look: Callable[[], T | None], timeout: Duration, failed: Callable[[], str]
) -> T:
    """What look gives as soon as that is true. Runs on the loop of the server.

    timeout: in real time, whatever the broker's clock does. failed: the text of the WaitTimeoutError.
    """
    seconds = seconds_of(timeout)
    await all_read(server)
    changed = asyncio.Event()
    server.watchers.append(changed.set)
    try:
        async with asyncio.timeout(seconds):
            while not (found := look()):
                changed.clear()
                await changed.wait()
            return found
    except TimeoutError:
        await all_read(server)
        if found := look():
            return found
        raise WaitTimeoutError(failed()) from None
    finally:
        server.watchers.remove(changed.set)


async def for_messages(
    view: View, queue: str, timeout: Duration, match: Match | None, count: int, expected: Expected
) -> list[Message]:
    """The first messages in a queue that are as expected, with those that clients have and have not settled."""

    # A message is decoded once, however often the queue changes meanwhile.
    others: dict[int, Message] = {}

    def fits(message: Message) -> bool:
        known = others.get(message.octets_id)
        if known is None and not (expected.fits(message) and (match is None or match(message))):
            known = others[message.octets_id] = message
        return known is None

    def look() -> list[Message] | None:
        there = view.vhost.queues.get(queue)
        if there is None or there.message_count + there.unacked < count:
            return None
        if len(others) > 2 * (there.message_count + there.unacked):
            # They have left, or what is on disk is read anew each time.
            others.clear()
        found = [message for message in _in_queue(view, queue) if fits(message)]
        return found[:count] if len(found) >= count else None

    def failed() -> str:
        there = "" if queue in view.vhost.queues else f"\nno queue {queue!r} is declared"
        like = f" like {expected.told()}" if expected.is_said or match is not None else ""
        wanted = "no message" if count == 1 else f"fewer than {count} messages"
        others = ""
        if queue in view.vhost.queues and (messages := _in_queue(view, queue)):
            nearest = expected.nearest(messages)
            others = f"\nin the queue, {len(messages)} in all, the nearest first:\n{nearest}"
        return f"{wanted}{like} came to {queue!r} within {timeout}{_unit(timeout)}{there}{others}\n{view.told()}"

    return await until(view.server, look, timeout, failed)


def _in_queue(view: View, queue: str) -> list[Message]:
    found = found_queue(view.vhost, queue)
    return with_clients(view.sessions(), found) + waiting(found)


def _unit(timeout: Duration) -> str:
    return " s" if isinstance(timeout, int | float) else ""


async def for_predicate(view: View, predicate: Callable[[View], T], timeout: Duration) -> T:
    """What the predicate gives once that is true."""

    def failed() -> str:
        name = getattr(predicate, "__name__", repr(predicate))
        return f"{name} was not true within {timeout}{_unit(timeout)}\n{view.told()}"

    return await until(view.server, lambda: predicate(view), timeout, failed)


async def for_drained(view: View, queue: str, timeout: Duration) -> None:
    """Ends when nothing waits in a queue and nothing of it is unacknowledged, or when it is deleted meanwhile.

    Raises UnknownQueueError: it is not there now.
    """

    def look() -> bool:
        found = joined[0] if joined else found_queue(view.vhost, queue)
        joined[:] = [found]
        return found.deleted or not (found.message_count or found.unacked)

    def failed() -> str:
        state = f"ready {joined[0].message_count}, unacked {joined[0].unacked}, consumers {len(joined[0].consumers)}"
        return f"{queue!r} was not drained within {timeout}{_unit(timeout)}: {state}\n{view.told()}"

    joined: list[Queue] = []
    await until(view.server, look, timeout, failed)


async def for_consumers(view: View, queue: str, count: int, timeout: Duration) -> None:
    """Ends when a queue is there and has so many consumers."""

    def look() -> bool:
        found = view.vhost.queues.get(queue)
        return found is not None and len(found.consumers) >= count

    def failed() -> str:
        there = view.vhost.queues.get(queue)
        state = "it is not declared" if there is None else f"it has {len(there.consumers)}"
        return f"{queue!r} had no {count} consumers within {timeout}{_unit(timeout)}: {state}\n{view.told()}"

    await until(view.server, look, timeout, failed)


async def for_idle(view: View, timeout: Duration) -> None:
    """Ends when nothing is under way in the whole broker; see `busy`."""

    def failed() -> str:
        reasons = "\n".join(f"  {reason}" for reason in busy(view.server))
        return f"the broker was not idle within {timeout}{_unit(timeout)}:\n{reasons}\n{view.told()}"

    await until(view.server, lambda: not busy(view.server), timeout, failed)


def busy(server: ObservedServer) -> list[str]:
    """What is under way: messages with clients, or that a consumer could take, octets unwritten, confirms that wait."""
    reasons = []
    for vhost in server.broker.vhosts.values():
        for queue in vhost.queues.values():
            if queue.unacked:
                reasons.append(f"{queue.unacked} messages of {queue.name!r} are unacknowledged")
            if queue.message_count and can_go_out(queue):
                reasons.append(f"{queue.message_count} messages of {queue.name!r} are on their way to consumers")
    for connection in server.sessions():
        if connection.wire.outbox_bytes or connection.wire.held or connection.full:
            reasons.append(f"answers to {connection.name} are not written yet")
        unconfirmed = sum(one.confirms.unconfirmed for one in connection.channels.values() if one.confirms is not None)
        if unconfirmed:
            reasons.append(f"{unconfirmed} publishes of {connection.name} are not confirmed yet")
    return reasons


def can_go_out(queue: Queue) -> bool:
    """Whether a queue that is not empty has a consumer that it may be giving messages to."""
    if queue.paused:
        return False
    if isinstance(queue, StreamQueue):
        return bool(queue.turn) or (bool(queue.consumers) and queue.limit < queue.tail)
    return any(not consumer.waits for consumer in queue.consumers)
