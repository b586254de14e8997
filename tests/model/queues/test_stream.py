"""A stream: an append-only list that everybody reads from where they want, on disk and a little of it in memory."""

from collections.abc import Iterator, Sequence
from itertools import islice
from random import Random

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from amqpbroker.errors import AMQPError
from amqpbroker.model.consumer import ChannelBudget, Consumer
from amqpbroker.model.message import PERSISTENT, Message
from amqpbroker.model.queues import stream as stream_module
from amqpbroker.model.queues.stream import FILTER, FILTER_VALUE, MATCH_UNFILTERED, OFFSET, StreamQueue, check_consume
from amqpbroker.profiles import PROFILES
from amqpbroker.wire import properties
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.runs import UniformRun
from amqpbroker.wire.tables import Field, Table, from_python, long_string
from tests.helpers.durable import DurableServer
from tests.helpers.outlet import Outlet
from tests.helpers.wire_client import MemoryServer

ADDRESS = b"\x00\x03log"
FIRST: Table = {OFFSET: long_string("first")}


class Reader(Outlet):
    """Notes offsets and bodies."""

    def __init__(self) -> None:
        super().__init__()
        self.reads: list[tuple[int, str]] = []

    def deliver(
        self, consumer: Consumer, positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        super().deliver(consumer, positions, messages, redelivered)
        assert not redelivered
        for position, (address, header, body, _) in zip(positions, messages, strict=True):
            offset = (properties.headers(header) or {})[OFFSET]
            assert (address, offset) == (ADDRESS, Field("l", position - 1))
            self.reads.append((position - 1, body.decode()))


def header_of(value: str | None = None) -> bytes:
    table = {FILTER_VALUE: long_string(value)} if value is not None else None
    return properties.encode(Properties(headers=table, delivery_mode=2), 1)


def messages_of(*bodies: object, value: str | None = None, flags: int = PERSISTENT) -> list[Message]:
    return [(ADDRESS, header_of(value), str(body).encode(), flags) for body in bodies]


def declared(server: MemoryServer, **arguments: object) -> StreamQueue:
    """The stream 'log', arguments with underscores; nothing is written."""
    found = server.vhost.queues.get("log")
    if found is None:
        wanted = {name.replace("_", "-"): from_python(value) for name, value in arguments.items()}
        table = {"x-queue-type": long_string("stream")} | wanted
        found = server.vhost.new_queue("log", durable=True, auto_delete=False, owner=None, arguments=table)
    assert isinstance(found, StreamQueue)
    return found


def put(server: MemoryServer, *bodies: object, value: str | None = None) -> None:
    """Each in a run of its own."""
    for message in messages_of(*bodies, value=value):
        server.vhost.put([declared(server)], [message])


def subscribe(
    queue: StreamQueue, arguments: Table | None = None, prefetch: int = 100, tag: str = "ctag"
) -> tuple[Reader, Consumer]:
    reader = Reader()
    consumer = Consumer(tag, queue, reader, ChannelBudget(), number=1, prefetch=prefetch, arguments=arguments)
    queue.add_consumer(consumer)
    queue.drain()
    return reader, consumer


def read(queue: StreamQueue, offset: object = "first", count: int = 100) -> list[tuple[int, str]]:
    """What a consumer gets at once."""
    field = offset if isinstance(offset, Field) else from_python(offset)
    reader, consumer = subscribe(queue, {OFFSET: field}, count)
    queue.remove_consumer(consumer)
    return reader.reads


def acknowledge(queue: StreamQueue, consumer: Consumer, count: int) -> None:
    queue.settle(consumer, count)
    queue.drain()


def there(queue: StreamQueue) -> list[str]:
    return [body.decode() for _, (_, _, body, _), _ in queue.messages()]


@pytest.fixture
def server() -> MemoryServer:
    return MemoryServer()


@pytest.fixture
def small_cache(monkeypatch: pytest.MonkeyPatch) -> None:
    """Chunks of two messages, and nearly nothing in memory."""
    monkeypatch.setattr(stream_module, "CACHE_MAX_BYTES", 500)
    monkeypatch.setattr(stream_module, "_CHUNK_MESSAGES", 2)


# Where a consumer begins


@pytest.mark.parametrize(
    ("offset", "expected"),
    [
        ("first", [0, 1, 2, 3]),
        ("last", [3]),
        ("next", []),
        (0, [0, 1, 2, 3]),
        (2, [2, 3]),
        (-1, [0, 1, 2, 3]),
        (4, []),
        (1_000, []),
    ],
)
def test_a_consumer_begins_at_its_offset(server: MemoryServer, offset: object, expected: list[int]) -> None:
    put(server, *"abcd")
    assert [one for one, _ in read(declared(server), offset)] == expected


def test_last_is_the_run_that_came_last(server: MemoryServer) -> None:
    queue = declared(server)
    server.vhost.put([queue], messages_of("a", "b"))
    server.vhost.put([queue], messages_of("c", "d", "e"))
    assert read(queue, "last") == [(2, "c"), (3, "d"), (4, "e")]


def test_of_an_empty_stream_every_offset_is_the_first_message_to_come(server: MemoryServer) -> None:
    queue = declared(server)
    readers = [subscribe(queue, {OFFSET: from_python(offset)})[0] for offset in ("first", "last", "next", "1h", 0)]
    put(server, "a")
    assert [reader.reads for reader in readers] == [[(0, "a")]] * 5


def test_an_offset_that_is_not_there_yet_is_waited_for(server: MemoryServer) -> None:
    reader, _ = subscribe(declared(server), {OFFSET: Field("l", 2)})
    put(server, *"abcd")
    assert reader.reads == [(2, "c"), (3, "d")]


def test_an_offset_that_is_not_on_disk_yet_is_where_a_consumer_begins() -> None:
    server = DurableServer()
    put(server, *"abc")
    reader, _ = subscribe(declared(server), {OFFSET: Field("l", 1)})
    server.commit()
    assert reader.reads == [(1, "b"), (2, "c")]


def test_a_time_is_the_first_run_from_then_on(server: MemoryServer) -> None:
    queue = declared(server)
    now_s = server.clock.unix_ms() // 1_000
    for body in "abc":
        put(server, body)
        server.clock.advance(10)
    found = [[body for _, body in read(queue, Field("T", now_s + after))] for after in (-5, 0, 1, 10, 20, 21)]
    assert ["".join(bodies) for bodies in found] == ["abc", "abc", "bc", "bc", "c", ""]
    assert ["".join(body for _, body in read(queue, age)) for age in ("9s", "10s", "25s", "1m")] == [
        "",
        "c",
        "bc",
        "abc",
    ]


# What a consumer gets


def test_credit_is_what_a_consumer_may_have_and_acks_give_it_back(server: MemoryServer) -> None:
    queue = declared(server)
    put(server, *"abcde")
    reader, consumer = subscribe(queue, FIRST, prefetch=2)
    assert [body for _, body in reader.reads] == ["a", "b"]
    acknowledge(queue, consumer, 1)
    assert [body for _, body in reader.reads] == ["a", "b", "c"]
    assert queue.unacked == 2


def test_who_has_no_credit_holds_nobody_up(server: MemoryServer) -> None:
    queue = declared(server)
    slow, _ = subscribe(queue, FIRST, prefetch=1)
    quick, _ = subscribe(queue, FIRST)
    put(server, *"abc")
    assert (len(slow.reads), len(quick.reads)) == (1, 3)


def test_a_connection_that_is_full_gets_no_more_until_it_takes_more(server: MemoryServer) -> None:
    queue = declared(server)
    reader, consumer = subscribe(queue, FIRST)
    consumer.budget.writable = False
    put(server, *"abc")
    assert reader.reads == []
    consumer.budget.writable = True
    queue.ready_to_take(consumer)
    queue.drain()
    assert len(reader.reads) == 3


def test_what_comes_back_changes_nothing(server: MemoryServer) -> None:
    queue = declared(server)
    put(server, *"ab")
    subscribe(queue, FIRST)
    queue.requeue([(1, messages_of("a")[0])])
    queue.discard([(2, messages_of("b")[0], 1)])
    assert (there(queue), queue.message_count) == (["a", "b"], 2)


def test_one_turn_sends_no_more_octets_than_fit(server: MemoryServer, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(stream_module, "OUTBOX_MAX_BYTES", 25)
    queue = declared(server)
    reader = Outlet(full_after=1)
    consumer = Consumer("ctag", queue, reader, ChannelBudget(), number=1, prefetch=100, arguments=FIRST)
    reader.budgets.append(consumer.budget)
    queue.add_consumer(consumer)
    server.vhost.put([queue], messages_of(*["x" * 10] * 5))
    assert len(reader.deliveries) == 3


def test_a_uniform_run_is_stamped_and_shared(server: MemoryServer) -> None:
    queue = declared(server)
    readers = [subscribe(queue, FIRST)[0] for _ in range(3)]
    server.vhost.put([queue], UniformRun(ADDRESS, header_of(), [b"a", b"b", b"c"], PERSISTENT))
    assert [reader.reads for reader in readers] == [[(0, "a"), (1, "b"), (2, "c")]] * 3


def test_a_stream_that_is_deleted_holds_nothing(server: MemoryServer) -> None:
    queue = declared(server)
    put(server, *"abc")
    assert server.vhost.delete_queue(queue) == 0
    assert (queue.held_bytes, queue.message_count, there(queue)) == (0, 0, [])


# Filters


def test_a_filter_lets_through_what_has_its_value(server: MemoryServer) -> None:
    queue = declared(server)
    for value in ("red", "blue", None, "green", "red"):
        put(server, value, value=value)
    found = []
    for arguments in (
        {FILTER: "red"},
        {FILTER: ["red", "green", 5]},
        {FILTER: "blue", MATCH_UNFILTERED: True},
        {MATCH_UNFILTERED: True},
        {FILTER: 5},
    ):
        reader, _ = subscribe(queue, FIRST | {name: from_python(value) for name, value in arguments.items()})
        found.append([offset for offset, _ in reader.reads])
    assert found == [[0, 4], [0, 3, 4], [1, 2], [0, 1, 2, 3, 4], [0, 1, 2, 3, 4]]


def test_what_is_filtered_out_takes_no_credit(server: MemoryServer) -> None:
    queue = declared(server)
    put(server, *range(10), value="blue")
    put(server, "a", "b", value="red")
    reader, _ = subscribe(queue, FIRST | {FILTER: long_string("red")}, prefetch=2)
    assert reader.reads == [(10, "a"), (11, "b")]


def test_a_filter_that_finds_nothing_lets_others_go_first(
    server: MemoryServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stream_module, "_LEFT_OUT_MAX_MESSAGES", 4)
    monkeypatch.setattr(stream_module, "_CHUNK_MESSAGES", 2)
    queue = declared(server)
    put(server, *range(10), value="blue")
    put(server, "found", value="red")
    reader, _ = subscribe(queue, FIRST | {FILTER: long_string("red")})
    assert reader.reads == []
    other, _ = subscribe(queue, FIRST)
    assert len(other.reads) > 0
    server.clock.advance(1)
    assert (reader.reads, len(other.reads)) == ([(10, "found")], 11)


# What is refused


@pytest.mark.parametrize("profile", PROFILES.values())
def test_a_stream_is_consumed_with_prefetch_and_acknowledgements(profile: object) -> None:
    good = {"no_ack": False, "prefetch": 1, "global_prefetch": 0}
    arguments: Table = {}
    check_consume("q", "/", arguments, **good, profile=profile)  # type: ignore[arg-type]
    for change, code in (({"prefetch": 0}, 406), ({"no_ack": True}, 540), ({"global_prefetch": 1}, 540)):
        with pytest.raises(AMQPError) as refused:
            check_consume("q", "/", arguments, **good | change, profile=profile)  # type: ignore[arg-type]
        assert refused.value.code == code


@pytest.mark.parametrize(
    "arguments",
    [
        {OFFSET: Field("t", True)},
        {OFFSET: Field("V", None)},
        {OFFSET: Field("F", {})},
        {OFFSET: Field("d", 2.5)},
        {OFFSET: Field("x", b"1h")},
        {FILTER: Field("A", [])},
        {FILTER: Field("A", [Field("I", 1)])},
    ],
)
def test_what_rabbitmq_fails_on_ends_the_connection(arguments: Table) -> None:
    with pytest.raises(AMQPError) as refused:
        check_consume("q", "/", arguments, no_ack=False, prefetch=1, global_prefetch=0, profile=PROFILES["4.2"])
    assert (refused.value.code, refused.value.method_id) == (541, (0, 0))


# Retention


def test_a_stream_over_its_length_loses_whole_segments(server: MemoryServer) -> None:
    queue = declared(server, x_max_length_bytes=400, x_stream_max_segment_size_bytes=100)
    put(server, *("x" * 20 for _ in range(100)))
    size_bytes = sum(len(address) + len(header) + len(body) for address, header, body, _ in messages_of("x" * 20))
    assert 200 <= queue.message_count * size_bytes <= 400 + size_bytes
    assert read(queue, 3)[0][0] == read(queue, "first")[0][0] == 100 - queue.message_count


def test_old_segments_go_when_another_begins_and_not_before(server: MemoryServer) -> None:
    queue = declared(server, x_max_age="10s", x_stream_max_segment_size_bytes=1)
    put(server, *"abc")
    server.clock.advance(3_600)
    assert queue.message_count == 3
    put(server, "d")
    assert there(queue) == ["d"]


def test_a_consumer_behind_what_is_gone_goes_on_with_the_first(server: MemoryServer) -> None:
    queue = declared(server, x_max_length_bytes=1, x_stream_max_segment_size_bytes=1)
    put(server, "a")
    reader, consumer = subscribe(queue, FIRST, prefetch=1)
    put(server, *"bcd")
    acknowledge(queue, consumer, 1)
    assert reader.reads == [(0, "a"), (3, "d")]


def test_what_is_gone_is_gone_from_disk(small_cache: None) -> None:
    server = DurableServer()
    queue = declared(server, x_max_length_bytes=1, x_stream_max_segment_size_bytes=1)
    put(server, *"abc")
    server.commit()
    put(server, "d")
    server.commit()
    assert (there(queue), queue.on_disk.message_count) == (["d"], 1)
    assert there(declared(server.after_a_power_cut())) == ["d"]


# Disk


def test_nothing_is_delivered_before_it_is_on_disk() -> None:
    server = DurableServer()
    reader, _ = subscribe(declared(server))
    put(server, "a")
    server.finish_turn()
    assert reader.reads == []
    server.commit()
    assert reader.reads == [(0, "a")]


def test_what_is_published_while_a_commit_is_written_is_delivered_with_the_next() -> None:
    server = DurableServer()
    reader, _ = subscribe(declared(server))
    server.commit()
    put(server, "a")
    server.finish_turn()
    put(server, "b")
    server.finish_turn()
    server.commit_one()
    assert reader.reads == [(0, "a")]
    server.commit_one()
    assert reader.reads == [(0, "a"), (1, "b")]


def test_transient_messages_stay_over_a_restart_too() -> None:
    server = DurableServer()
    server.vhost.put([declared(server)], messages_of("a", "b", flags=0))
    server.commit()
    assert read(declared(server.after_a_power_cut())) == [(0, "a"), (1, "b")]


def test_what_left_memory_is_read_back_once_for_all_who_are_behind(small_cache: None) -> None:
    server = DurableServer()
    queue = declared(server)
    put(server, *range(20))
    server.commit()
    assert queue.held_bytes <= 1_000
    everything = [(place, str(place)) for place in range(20)]
    assert [read(queue) for _ in range(3)] == [everything] * 3
    reader, _ = subscribe(queue, {OFFSET: Field("l", 7)})
    assert reader.reads == everything[7:]
    assert queue.held_bytes <= 2_000


def test_after_a_restart_times_and_last_are_known() -> None:
    server = DurableServer()
    for body in "abc":
        put(server, body)
        server.clock.advance(10)
    now_s = server.clock.unix_ms() // 1_000
    server.commit()
    queue = declared(server.after_a_kill())
    assert read(queue, "last") == [(2, "c")]
    assert read(queue, Field("T", now_s - 20)) == [(1, "b"), (2, "c")]
    assert read(queue, Field("T", now_s)) == []


def test_after_a_restart_retention_goes_on() -> None:
    server = DurableServer()
    declared(server, x_max_length_bytes=400, x_stream_max_segment_size_bytes=100)
    put(server, *("x" * 20 for _ in range(10)))
    server.commit()
    before = declared(server).message_count
    server = server.after_a_kill()
    assert declared(server).message_count == before
    put(server, *("y" * 20 for _ in range(13)))
    server.commit()
    assert set(there(declared(server))) == {"y" * 20}


@pytest.mark.parametrize("bad", [0, 1, 2, 3])
def test_a_damaged_message_is_left_out_and_told(bad: int) -> None:
    server = DurableServer()
    server.vhost.put([declared(server)], messages_of(*(f"<{number}>" for number in range(4))))
    server.commit()
    server = server.after_a_kill()
    name = server.log.segments[-1].name
    octets = server.disk.open(name).read(0, server.log.segments[-1].end)
    server.disk.flip(name, octets.index(f"<{bad}>".encode()), 0)
    assert [offset for offset, _ in read(declared(server))] == [one for one in range(4) if one != bad]
    assert len(server.damage) == 1


# Beside a list


class StreamBesideAList(RuleBasedStateMachine):
    """A stream with tiny chunks and segments, its consumers, and a disk that is written when it happens to be."""

    values = st.sampled_from([None, "red", "blue"])

    @initialize(seed=st.integers(0, 1 << 16), limited=st.booleans())
    def begin(self, seed: int, limited: bool) -> None:
        self.patch = pytest.MonkeyPatch()
        self.patch.setattr(stream_module, "CACHE_MAX_BYTES", 1_500)
        self.patch.setattr(stream_module, "_CHUNK_MESSAGES", 3)
        self.patch.setattr(stream_module, "_LEFT_OUT_MAX_MESSAGES", 4)
        self.server = DurableServer(random=Random(seed), segment_bytes=8_192, space_floor_bytes=65_536)
        limits: dict[str, object] = {"x_max_length_bytes": 1_000, "x_max_age": "60s"} if limited else {}
        self.queue = declared(self.server, x_stream_max_segment_size_bytes=200, **limits)
        self.server.commit()
        self.all: list[tuple[str, str | None]] = []
        self.readers: list[tuple[Reader, Consumer, int, set[str | None]]] = []
        self.limited = limited

    def teardown(self) -> None:
        self.patch.undo()

    @rule(values=st.lists(values, min_size=1, max_size=5), in_one_run=st.booleans(), flags=st.integers(0, 1))
    def publish(self, values: list[str | None], in_one_run: bool, flags: int) -> None:
        messages = []
        for value in values:
            messages += messages_of(f"{len(self.all):04}", value=value, flags=flags)
            self.all.append((f"{len(self.all):04}", value))
        if in_one_run:
            self.server.vhost.put([self.queue], messages)
        else:
            for message in messages:
                self.server.vhost.put([self.queue], [message])
        self.server.finish_turn()

    @rule(seconds=st.sampled_from([0.5, 100.0]))
    def wait(self, seconds: float) -> None:
        self.server.clock.advance(seconds)

    @rule()
    def commit(self) -> None:
        self.server.commit()

    @rule(
        offset=st.integers(0, 30) | st.sampled_from(["first", "next"]),
        prefetch=st.integers(1, 6),
        wanted=st.sampled_from([(None, "red", "blue"), ("red",), ("red", None), ("blue",)]),
    )
    @precondition(lambda self: len(self.readers) < 5)
    def consume(self, offset: object, prefetch: int, wanted: tuple[str | None, ...]) -> None:
        arguments: Table = {OFFSET: from_python(offset)}
        if len(wanted) < 3:
            arguments[FILTER] = from_python([value for value in wanted if value is not None])
            arguments[MATCH_UNFILTERED] = Field("t", None in wanted)
        begin = {"first": self.queue.head - 1, "next": len(self.all)}.get(str(offset), offset)
        assert isinstance(begin, int)
        reader, consumer = subscribe(self.queue, arguments, prefetch, f"c{len(self.readers)}")
        self.readers.append((reader, consumer, begin, set(wanted)))

    @rule(which=st.integers(0, 4), count=st.integers(1, 6))
    @precondition(lambda self: self.readers)
    def acknowledge(self, which: int, count: int) -> None:
        _, consumer, _, _ = self.readers[which % len(self.readers)]
        if consumer.outstanding:
            acknowledge(self.queue, consumer, min(count, consumer.outstanding))

    @rule(which=st.integers(0, 4))
    @precondition(lambda self: self.readers)
    def cancel(self, which: int) -> None:
        _, consumer, _, _ = self.readers.pop(which % len(self.readers))
        self.queue.remove_consumer(consumer)
        self.queue.settle(consumer, consumer.outstanding)

    @rule(how=st.sampled_from(["after_a_kill", "after_a_stop"]))
    def restart(self, how: str) -> None:
        kept = len(self.all) if how == "after_a_stop" else self.queue.limit - 1
        head = self.queue.head if how == "after_a_stop" else None
        self.server = getattr(self.server, how)()
        self.queue = declared(self.server)
        del self.all[kept:]
        assert self.queue.tail == kept + 1
        # Whether a crash has forgotten that something is gone is chance; limits are looked at anew.
        assert 1 <= self.queue.head <= kept + 1
        assert head is None or self.queue.head >= head
        assert self.limited or self.queue.head == 1
        self.readers.clear()

    @invariant()
    def all_that_is_there_can_be_read(self) -> None:
        if hasattr(self, "queue"):
            assert there(self.queue) == [body for body, _ in self.all[self.queue.head - 1 :]]
            assert self.server.damage == []

    @invariant()
    def everybody_has_what_there_is_for_them(self) -> None:
        for reader, consumer, begin, wanted in getattr(self, "readers", ()):
            self.server.clock.advance(0.01)
            limit = self.queue.limit - 1
            matching = [
                (offset, body) for offset, (body, value) in islice(enumerate(self.all), begin, limit) if value in wanted
            ]
            # What went before a consumer came to it is all that may be missing, and only if others are there.
            missing = [one for one in matching if one not in reader.reads]
            assert [one for one in matching if one in reader.reads] == reader.reads
            last = reader.reads[-1][0] if reader.reads else -1
            assert all(offset < self.queue.head - 1 or offset > last for offset, _ in missing)
            waiting = [offset for offset, _ in missing if offset > last and offset >= self.queue.head - 1]
            assert not waiting or consumer.credit == 0
            assert consumer.credit >= 0


TestStreamBesideAList = StreamBesideAList.TestCase
TestStreamBesideAList.settings = settings(max_examples=150, stateful_step_count=50, deadline=None)


def chunks(queue: StreamQueue) -> Iterator[int]:
    for chunk in queue.recent:
        yield chunk.end - chunk.first


def test_chunks_are_no_larger_than_is_read_at_once(server: MemoryServer) -> None:
    put(server, *range(3_000))
    assert list(chunks(declared(server))) == [1_024, 1_024, 952]
