"""A publisher that is held back: when it is read, and how much."""

import asyncio
from collections.abc import Sequence

import pytest

from amqpbroker.limits import HELD_BACK_STEP_BYTES, HELD_BACK_STEP_S, HELD_BACK_STEPS_MAX
from amqpbroker.model.broker import MEMORY
from amqpbroker.model.ports import Tap
from amqpbroker.server import steps as steps_module
from amqpbroker.server.config import Config, Watermark
from amqpbroker.server.server import Server
from amqpbroker.server.steps import Steps
from amqpbroker.wire.methods import Basic, Connection, Queue
from tests.helpers.hand_turned import HandTurned
from tests.helpers.socket_client import SocketClient
from tests.helpers.wire_client import publish_octets

TO_TASKS = Basic.Publish(routing_key="tasks")


class Held:
    """A connection that is held back, its session and its socket in one. fed: what came of the steps."""

    def __init__(self, unacked_count: int = 1) -> None:
        self.unacked_count = unacked_count
        self.settled_count = 0
        self.is_closing_ = False
        self.half_done = False
        self.protocol: object = self
        self.is_read = False
        self.fed: list[bytes] = []
        self.ticker = HandTurned()
        self.steps = Steps(self, self, self, self.ticker)  # type: ignore[arg-type]

    # Connection

    def data_received(self, data: bytes) -> None:
        self.fed.append(data)

    def go_on_held_back(self) -> bool:
        was_half_done, self.half_done = self.half_done, False
        return was_half_done

    # Socket

    def set_protocol(self, protocol: object) -> None:
        assert not self.is_read, "asyncio asks the new protocol only when reading begins again"
        self.protocol = protocol

    def pause_reading(self) -> None:
        self.is_read = False

    def resume_reading(self) -> None:
        self.is_read = True

    def is_closing(self) -> bool:
        return self.is_closing_

    def arrive(self, octets: bytes) -> int:
        """Octets are there; gives how many were taken, at most."""
        buffer = self.steps.get_buffer(-1)
        taken = octets[: len(buffer)]
        buffer[: len(taken)] = taken
        self.steps.buffer_updated(len(taken))
        return len(taken)


def test_a_step_takes_a_little_and_the_next_comes_later() -> None:
    held = Held()
    assert not held.is_read
    for number in (1, 2):
        held.ticker.advance(HELD_BACK_STEP_S)
        assert (held.is_read, held.protocol) == (True, held.steps)
        assert held.arrive(bytes(1_000_000)) == HELD_BACK_STEP_BYTES
        assert (held.is_read, held.protocol, len(held.fed)) == (False, held, number)


def test_who_has_nothing_to_acknowledge_is_not_read_until_it_has() -> None:
    held = Held(unacked_count=0)
    held.ticker.advance(10.0)
    assert not held.is_read
    held.unacked_count = 1
    held.ticker.advance(HELD_BACK_STEP_S)
    assert held.is_read


def test_what_was_read_already_comes_first() -> None:
    held = Held()
    held.half_done = True
    held.ticker.advance(HELD_BACK_STEP_S)
    assert not (held.is_read or held.half_done)
    held.ticker.advance(HELD_BACK_STEP_S)
    assert held.is_read


def steps_taken(held: Held, most: int, settles: bool) -> int:
    for number in range(most):
        held.ticker.advance(HELD_BACK_STEP_S)
        if not held.is_read:
            return number
        held.settled_count += settles
        held.arrive(b"publishes")
    return most


def test_who_never_acknowledges_is_read_no_more() -> None:
    assert steps_taken(Held(), 1_000, settles=False) == HELD_BACK_STEPS_MAX


def test_who_acknowledges_is_read_as_long_as_the_alarm_lasts() -> None:
    assert steps_taken(Held(), 1_000, settles=True) == 1_000


@pytest.mark.parametrize("waits", [False, True])
def test_the_end_gives_the_reading_back(waits: bool) -> None:
    held = Held()
    held.ticker.advance(HELD_BACK_STEP_S if waits else 0.0)
    held.steps.end()
    held.steps.end()
    assert (held.is_read, held.protocol) == (False, held)
    held.ticker.advance(10.0)
    assert not held.is_read


def test_a_socket_that_closes_is_left_alone() -> None:
    held = Held()
    held.is_closing_ = True
    held.ticker.advance(10.0)
    assert not held.is_read


# On real sockets


class Watching(Tap):
    """settled: set when a message leaves a client's hands. published: how many messages came."""

    def __init__(self) -> None:
        self.settled_ = asyncio.Event()
        self.published_count = 0

    def published(self, _sink: object, _exchange: object, _queues: object, messages: Sequence[object]) -> None:
        self.published_count += len(messages)

    def settled(self, *_: object) -> None:
        self.settled_.set()


def loops() -> list[object]:
    """asyncio's own loop, and uvloop where it is installed."""
    try:
        import uvloop
    except ImportError:
        return [None]
    return [None, uvloop.new_event_loop]


@pytest.fixture(params=loops(), ids=["asyncio", "uvloop"][: len(loops())])
def run(request, monkeypatch):
    """Runs what is given on a loop with a server that is out of memory, whose steps follow each other fast."""
    monkeypatch.setattr(steps_module, "HELD_BACK_STEP_S", 0.01)

    def run_it(program) -> None:
        async def with_server() -> None:
            server = Server(
                Config(hosts=("127.0.0.1",), port=0, memory=True, vm_memory_high_watermark=Watermark(share=0.0))
            )
            await server.start()
            client = await SocketClient.opened(server.endpoints[0])
            await client.call(1, Queue.Declare(queue="tasks"))
            await asyncio.wait_for(program(server, client), 10.0)
            await client.leave()
            await server.stop()

        with asyncio.Runner(loop_factory=request.param) as runner:
            runner.run(with_server())

    return run_it


async def later(server: Server, after_s: float) -> None:
    due = asyncio.Event()
    server.ticker.at(server.ticker.now_s() + after_s, due.set)
    await due.wait()


def test_the_acknowledgement_of_a_publisher_that_is_held_back_gets_through(run) -> None:
    async def program(server: Server, client: SocketClient) -> None:
        server.broker.vhosts["/"].tap = watching = Watching()
        client.send(1, Basic.Consume(queue="tasks", nowait=True))
        client.writer.write(publish_octets(1, TO_TASKS, b"hello"))
        await client.until(Connection.Blocked)
        await later(server, 0.05)
        client.send(1, Basic.Ack(delivery_tag=1))
        await watching.settled_.wait()
        assert server.broker.vhosts["/"].queues["tasks"].unacked == 0

    run(program)


def test_who_is_held_back_goes_on_where_it_was_when_the_alarm_is_over(run) -> None:
    async def program(server: Server, client: SocketClient) -> None:
        server.broker.vhosts["/"].tap = watching = Watching()
        client.send(1, Basic.Consume(queue="tasks", nowait=True))
        client.writer.write(publish_octets(1, TO_TASKS, bytes(10_000)) * 500)
        await client.until(Connection.Blocked)
        await later(server, 0.05)
        assert 0 < watching.published_count < 500
        server.alarms.watermark_bytes = 1 << 40
        server.broker.clear_alarm(MEMORY)
        await client.until(Connection.Unblocked)
        client.send(1, Basic.Qos())
        await client.until(Basic.QosOk)
        assert watching.published_count == 500

    run(program)


def test_who_is_held_back_with_nothing_to_acknowledge_waits(run) -> None:
    async def program(server: Server, client: SocketClient) -> None:
        client.writer.write(publish_octets(1, TO_TASKS, b"hello"))
        await client.until(Connection.Blocked)
        client.send(1, Basic.Qos())
        await later(server, 0.1)
        (connection,) = server.connections
        assert connection._session.unacked_count == 0
        server.alarms.watermark_bytes = 1 << 40
        server.broker.clear_alarm(MEMORY)
        assert await client.method() == Connection.Unblocked()
        assert await client.method() == Basic.QosOk()

    run(program)


def test_a_client_that_leaves_in_the_middle_of_a_step_leaves_nothing(run) -> None:
    async def program(server: Server, client: SocketClient) -> None:
        other = await SocketClient.opened(server.endpoints[0])
        other.send(1, Basic.Consume(queue="tasks", nowait=True))
        other.writer.write(publish_octets(1, TO_TASKS, b"hello"))
        await other.until(Connection.Blocked)
        await later(server, 0.05)
        other.writer.transport.abort()
        while len(server.connections) > 1:
            await later(server, 0.01)
        assert server.broker._on_unblock == {}
        assert server.broker.vhosts["/"].queues["tasks"].message_count == 1

    run(program)
