"""A broker with a journal on a simulated disk: it is killed, loses power, runs out of space, and starts again.

Everything is steps, as in `tests.simulation.run`; what has to hold is in `tests.simulation.ledger`. The writer is
stepped: a commit stays under way for as many turns as the run wants.

python -m tests.simulation.run --durable --first 1 --count 20000 --steps 120
"""

import random
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from typing import Any
from unittest.mock import patch

from amqpbroker.journal.format import BLOCK_BYTES
from amqpbroker.journal.opening import open_journal
from amqpbroker.journal.writer import NO_SPACE, SPARES, Commit
from amqpbroker.model.broker import DISK, Broker
from amqpbroker.model.dead_letter import REJECTED
from amqpbroker.model.message import COUNTED, DIED, OWN_FLAGS, Message, by_flags, split_address
from amqpbroker.model.queue import Queue as QueueModel
from amqpbroker.model.queue import Return
from amqpbroker.model.queues.paged import PagedQueue
from amqpbroker.model.queues.priority import PriorityQueue
from amqpbroker.model.queues.quorum import QuorumQueue, QuorumRules
from amqpbroker.model.queues.rules import Rules
from amqpbroker.model.restoring import restore
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.protocol.connection import Connection as WireConnection
from amqpbroker.session.batch import Batch
from amqpbroker.session.connection import Connection
from amqpbroker.wire.methods import Basic, Channel, Confirm, Exchange, Queue, Tx, encode_frame
from amqpbroker.wire.methods import Connection as ConnectionMethods
from tests.helpers.simulated_disk import PowerLost, SimulatedDisk
from tests.helpers.users import allow_all
from tests.simulation import commands as c
from tests.simulation import messages
from tests.simulation.ledger import Given, Group, Ledger, key_of
from tests.simulation.naive import Mismatch
from tests.simulation.naive_deaths import NaiveMessage
from tests.simulation.replaying import cut, line
from tests.simulation.world import Client, Event, World

PROFILE = "4.2"
DELIVER, GET_OK, GET_EMPTY, ACK, RETURN, CANCEL = (60, 60), (60, 71), (60, 72), (60, 80), (60, 50), (60, 30)
NACK = (60, 120)
CLOSE = (20, 40)
# Faults are not for what only looks: an octet that cannot be read is a message that is lost, and told.
READING = {"read", "open", "exists", "names", "size_bytes", "free_bytes"}
SIMULATED = "simulated"


@dataclass(frozen=True, slots=True)
class Sizes:
    """How small everything is in a run, so that it happens all the time."""

    segment_bytes: int = 8_192
    floor_bytes: int = 32_768
    head_bytes: int = 67_108_864
    refill_bytes: int = 1_048_576
    read_bytes: int = 262_144
    page_file_bytes: int = 67_108_864
    copy_bytes: int = 262_144
    retire_bytes: int = 67_108_864
    lease_first: int = 16
    lease_max: int = 8_192

    @contextmanager
    def patched(self) -> Iterator[None]:
        with ExitStack() as stack:
            for name, value in (
                ("model.queues.paged.HEAD_MAX_BYTES", self.head_bytes),
                ("model.queues.paged._REFILL_BYTES", self.refill_bytes),
                ("journal.paging.READ_BYTES", self.read_bytes),
                ("journal.paging._FILE_MAX_BYTES", self.page_file_bytes),
                ("journal.recovery._READ_BYTES", max(self.read_bytes, BLOCK_BYTES)),
                ("journal.compaction._STEP_MIN_BYTES", self.copy_bytes),
                ("journal.compaction._STEP_READ_BYTES", self.copy_bytes),
                ("journal.log._RETIRE_MIN_BYTES", self.retire_bytes),
                ("journal.queue_log._LEASE_FIRST", self.lease_first),
                ("journal.queue_log._LEASE_MAX", self.lease_max),
            ):
                stack.enter_context(patch(f"amqpbroker.{name}", value))
            yield


@dataclass(slots=True, eq=False)
class ClientChannel:
    """What a client knows of a channel. replies: what it waits for, oldest first: (method, what the answer proves).

    published: the numbers of its messages in confirm mode, by their sequence; confirmed: those sequences.
    """

    number: int
    mode: str = ""
    replies: deque[tuple[type[Any], Any]] = field(default_factory=deque)
    published: list[int] = field(default_factory=list)
    confirmed: set[int] = field(default_factory=set)
    unacked: dict[int, Given] = field(default_factory=dict)
    consumers: dict[str, str] = field(default_factory=dict)
    pending: list[int] = field(default_factory=list)
    settled: dict[int, tuple[Given, str]] = field(default_factory=dict)
    closing: bool = False
    closed: bool = False


class DurableClient(Client):
    """Looks at everything when it comes."""

    channels: dict[int, ClientChannel]
    world: "DurableWorld"

    def _whole(self, event: Event) -> None:
        if self.lost:
            return
        if event.channel == 0:
            super()._whole(event)
        else:
            self.world.received(self, event)


class DurableWorld(World):
    """pending: the commit under way and the index of its list. told: what every number's message looks like."""

    def __init__(self, sizes: Sizes = Sizes()) -> None:
        super().__init__(PROFILE, small=False)
        self.sizes = sizes
        self.disk = SimulatedDisk(random.Random(1))
        self.random = random.Random(2)
        self.sent: dict[int, NaiveMessage] = {}
        self.pending: tuple[Commit, int] | None = None
        self.broken = False
        self._stack = ExitStack()
        self.ledger = Ledger(self.vhost)

    def __enter__(self) -> "DurableWorld":
        self._stack.enter_context(self.sizes.patched())
        self._watch()
        self.start(None)
        return self

    def __exit__(self, *_: object) -> None:
        self._stack.close()

    def _watch(self) -> None:
        """The ledger hears of what no tap is told: of what queues give up, and what the broker itself puts there."""
        for kind in (PagedQueue, PriorityQueue, QuorumQueue):
            self._watch_queue(kind)
        dead_letter, put = Rules.dead_letter, VirtualHost._put

        def died(rules: Rules, reason: str, messages: Sequence[Message]) -> None:
            if messages and reason != REJECTED:
                self.ledger.died(rules._queue, reason, messages)
            self.ledger.dies(rules._queue, reason, messages)
            dead_letter(rules, reason, messages)

        def put_by_server(vhost: VirtualHost, queues: Sequence[QueueModel], messages: Sequence[Message]) -> None:
            for part in by_flags(messages, OWN_FLAGS):
                if vhost.tap is not None:
                    self.ledger.put(queues, part)
                put(vhost, queues, part)

        self._stack.enter_context(patch.object(Rules, "dead_letter", died))
        self._stack.enter_context(patch.object(VirtualHost, "_put", put_by_server))

    def _watch_queue(self, kind: type[QueueModel]) -> None:
        purge: Any = kind.purge
        requeue: Any = kind.requeue
        take: Any = kind.take

        def purged(queue: Any) -> int:
            if type(queue) is not kind:
                return int(purge(queue))
            waiting = queue.message_count
            count = purge(queue)
            self.ledger.purged(queue, waiting)
            return int(count)

        def came_back(queue: Any, entries: Iterable[tuple[int, Message]], how: Return = Return.REQUEUED) -> None:
            back = list(entries)
            if type(queue) is kind:
                self.ledger.comes_back(queue, [message for _, message in back])
            requeue(queue, back, how)

        def taken(queue: Any) -> Any:
            if type(queue) is not kind:
                return take(queue)
            self.ledger.taking = queue
            found = take(queue)
            self.ledger.taking = None
            return found

        self._stack.enter_context(patch.object(kind, "take", taken))
        self._stack.enter_context(patch.object(kind, "purge", purged))
        self._stack.enter_context(patch.object(kind, "requeue", came_back))

    # Starts and ends

    def start(self, over_flagging: int | None) -> None:
        """Opens the data directory and compares what is there. Raises PowerLost, and whatever the broker raises."""
        self.disk.make_folder("")
        self.disk.lock()
        opened = open_journal(
            self.disk, self.random.randbytes, self._damaged, self.sizes.segment_bytes, self.sizes.floor_bytes
        )
        broker = Broker(self.broker.profile, self.broker.users, self.random.randbytes, self.clock)
        vhost = broker.add_vhost("/")
        allow_all(broker)
        # What has expired meanwhile is looked at when all is compared.
        with patch.object(Rules, "enforce", _do_nothing), patch.object(QuorumRules, "enforce", _do_nothing):
            left = restore(broker, opened.log, opened.log.contents, opened.revive)
        if left:
            raise Mismatch(f"bindings that lead nowhere: {left}")
        self.broker, self.vhost, self.log, self.writer = broker, vhost, opened.log, opened.writer
        self.ledger.restarted(vhost, over_flagging)
        # What was read for the comparison is read again when it is wanted.
        self.log.pages.close()
        vhost.tap = self.ledger
        self.clients = {}
        self.pending = None
        self.broken = False
        self.batch = Batch()
        self.batch.turn_ended = self._turn_ended
        self._soon.clear()
        self._note_space(self.writer.short)
        for queue in list(vhost.queues.values()):
            if queue.rules is not None:
                queue.rules.enforce()
        self.finish()

    def _damaged(self, text: str) -> None:
        if SIMULATED not in text:
            raise Mismatch(f"damage on a disk that is whole: {text}")

    def crash(self, step: c.Crash) -> None:
        disk = self.disk
        disk.random.seed(step.seed)
        if step.in_write and self.pending is not None:
            with self._dying(step.in_write), suppress(PowerLost, OSError):
                self.writer.commit_once(self.pending[0])
        disk.before = None
        self._die(step.power)
        for call, power in step.openings:
            with self._dying(call), suppress(PowerLost, OSError):
                self.start(self.sizes.lease_max)
            self._die(power)
        self._start_again(self.sizes.lease_max)

    def _start_again(self, over_flagging: int | None) -> None:
        """A start that the disk fails is done again when the disk is whole, and has room."""
        names = self.disk.names("log")
        sizes = [self.disk.size_bytes(f"log/{name}") for name in names]
        spares = sum(name.endswith(".spare") for name in names)
        try:
            self.start(over_flagging)
        except OSError as error:
            # A spare takes the last commit once more, unless that was larger than any spare.
            if error.strerror != SIMULATED and spares == SPARES and max(sizes) == self.sizes.segment_bytes:
                raise
            self.room(-1)
            self.disk.before = None
            self._die(False)
            self.start(over_flagging)

    def _die(self, power: bool) -> None:
        self.clock.forget()
        if power:
            self.disk.power_cut()
        else:
            self.disk.kill()

    @contextmanager
    def _dying(self, call: int) -> Iterator[None]:
        """The process ends in the middle of this call of the disk."""
        last = self.disk.calls + call

        def before(number: int, _operation: str, _name: str) -> None:
            if number >= last:
                raise PowerLost

        self.disk.before = before
        try:
            yield
        finally:
            self.disk.before = None

    def stop(self, step: c.Stop) -> None:
        """As a server stops: clients first."""
        self.disk.random.seed(step.seed)
        for number, client in self.clients.items():
            if not client.lost:
                self.lose(number)
        self.batch.turn_ended = None
        self.ledger.turn_ended()
        self.write()
        if self.pending is None:
            self.log.mark_clean()
            for seal in (False, True):
                self._close(seal)
                self.write()
        if self.pending is not None:
            self.crash(c.Crash(step.seed, step.power))
            return
        self.writer.close()
        self.log.pages.close()
        self.disk.unlock()
        self._die(step.power)
        self._start_again(None)

    # Lists and commits

    def _turn_ended(self) -> None:
        self.ledger.turn_ended()
        self._close(False)

    def _close(self, seal: bool) -> Commit | None:
        if self.pending is not None:
            if self.log.close(seal) is not None:
                raise Mismatch("two commits are under way")
            return None
        ledger = self.ledger
        state = ledger.state()
        last = ledger.states[max(ledger.states)]
        # What the log tells while it closes the list belongs to the next one.
        index = ledger.close(state)
        commit = self.log.close(seal)
        if commit is None:
            self._check_unchanged(last, state)
            ledger.written(index)
        else:
            self.pending = commit, index
        return commit

    def _check_unchanged(self, last: Any, state: Any) -> None:
        if (last.definitions, last.keys()) != (state.definitions, state.keys()):
            raise Mismatch(f"nothing is to be written, and this has changed: {last.keys()}, now {state.keys()}")

    def write(self) -> None:
        """Does the commit under way, and tells the loop."""
        if self.broken:
            return
        if self.pending is None:
            # Reserves are looked for though nothing is to be written.
            if self.writer.short:
                self._commit(Commit(0, 0, []))
            return
        commit, index = self.pending
        if self._commit(commit):
            self.ledger.written(index)
            self.pending = None
            self.log.committed(commit)
            self.finish()

    def _commit(self, commit: Commit) -> bool:
        error = None
        try:
            self.writer.commit_once(commit)
        except OSError as fault:
            error = fault
        if error is not None and error.errno not in NO_SPACE:
            if error.strerror != SIMULATED:
                raise error
            self.broken = True
            return False
        self._note_space(error is not None or self.writer.short)
        return error is None

    def _note_space(self, full: bool) -> None:
        self.log.run_short(full)
        if full:
            self.broker.raise_alarm(DISK)
        else:
            self.broker.clear_alarm(DISK)

    def seal(self) -> None:
        if self.pending is None and not self.broken:
            self._close(True)
            self.finish()

    def room(self, size_bytes: int) -> None:
        used = (self.disk.capacity_bytes or 0) - self.disk.free_now_bytes() if self.disk.capacity_bytes else None
        if size_bytes < 0:
            self.disk.capacity_bytes = None
            return
        self.disk.capacity_bytes = 1 << 40
        used = self.disk.capacity_bytes - self.disk.free_now_bytes()
        self.disk.capacity_bytes = used + size_bytes

    def fault(self, step: c.Fault) -> None:
        left = [step.call]

        def before(_call: int, operation: str, name: str) -> None:
            if operation == step.operation or (not step.operation and operation not in READING):
                left[0] -= 1
                if left[0] == 0:
                    raise OSError(step.number, SIMULATED, name)

        self.disk.before = before

    # Clients

    def new_client(self, number: int, wire: WireConnection, session: Connection) -> Client:
        client = DurableClient(wire, session)
        client.channels = {}
        client.world = self
        return client

    def received(self, client: DurableClient, event: Event) -> None:
        method: Any = event.method
        channel = client.channels.get(event.channel)
        if channel is None:
            raise Mismatch(f"{method} on a channel that is not open")
        if method.id == DELIVER:
            self._delivered(client, channel, event, method.consumer_tag)
        elif method.id in (ACK, NACK):
            self._confirmed(channel, method)
        elif method.id == RETURN:
            self._compare(event)
        elif method.id == CANCEL and method.nowait:
            channel.consumers.pop(method.consumer_tag, None)
        elif method.id == CLOSE:
            channel.closed = True
        else:
            self._answered(client, channel, event)

    def _given(self, client: DurableClient, channel: ClientChannel, tag: str, body: bytes) -> Given:
        """What the queue has said of a delivery. A channel may be closed and opened again before it comes."""
        for sink, given in self.ledger.given.items():
            if sink.connection is client.session and sink.number == channel.number:
                place = next((place for place, one in enumerate(given) if one.tag == tag), None)
                if place is not None and given[place].message[2] == body:
                    return given.pop(place)
        raise Mismatch(f"a delivery of {body!r} to {tag!r} that no queue has made")

    def _compare(self, event: Event, dead_letter: Message | None = None) -> None:
        method: Any = event.method
        got = NaiveMessage(method.exchange, method.routing_key, event.header, event.body)
        expected = self.sent[int(event.body[:6])]
        if dead_letter is not None:
            if expected.body != event.body:
                raise Mismatch(f"{got} was published as {expected}")
            expected = NaiveMessage(*split_address(dead_letter[0]), dead_letter[1], dead_letter[2])
        if got != expected:
            raise Mismatch(f"{got} was published as {expected}")

    def _delivered(self, client: DurableClient, channel: ClientChannel, event: Event, tag: str) -> None:
        method: Any = event.method
        given = self._given(client, channel, tag, event.body)
        self._compare(event, given.message if given.message[3] & (DIED | COUNTED) else None)
        if method.redelivered != given.redelivered:
            raise Mismatch(f"{method} {event.body!r} of {given}")
        given.record.seen = True
        if given.record.with_client and given.record.settled is None:
            channel.unacked[method.delivery_tag] = given

    def _confirmed(self, channel: ClientChannel, method: Any) -> None:
        last = method.delivery_tag
        if not 0 < last <= len(channel.published):
            raise Mismatch(f"{method} of {len(channel.published)}")
        sequences = range(1, last + 1) if method.multiple else (last,)
        if all(sequence in channel.confirmed for sequence in sequences):
            raise Mismatch(f"{method} confirms nothing new")
        for sequence in sequences:
            if sequence not in channel.confirmed:
                channel.confirmed.add(sequence)
                if method.id == ACK:
                    self.ledger.check_told(channel.published[sequence - 1])

    def _answered(self, client: DurableClient, channel: ClientChannel, event: Event) -> None:
        method: Any = event.method
        if isinstance(method, Channel.CloseOk):
            # What waited for the disk is not told any more.
            channel.closed = True
            return
        if not channel.replies:
            raise Mismatch(f"{method}, and nothing was asked")
        kind, proof = channel.replies.popleft()
        if method.id != kind.id and not (kind is Basic.GetOk and method.id == GET_EMPTY):
            raise Mismatch(f"{method}, and {kind.name} is next")
        if method.id == GET_OK:
            self._delivered(client, channel, event, "")
        elif method.name == "Tx.CommitOk":
            numbers, settled = proof
            for number in numbers:
                self.ledger.check_told(number)
            for record in settled:
                if record.persistent and record.settled is not None and record.settled > self.ledger.done:
                    raise Mismatch(f"a transaction is committed, and {record} is not on disk as settled")
        elif method.name == "Tx.RollbackOk":
            channel.unacked = dict(sorted((channel.unacked | proof).items()))
        elif method.name == "Basic.ConsumeOk":
            channel.consumers[method.consumer_tag] = method.consumer_tag
        elif proof is not None:
            self._check_defined(method.name, *proof)

    def _check_defined(self, what: str, name: str, index: int) -> None:
        """Something durable is said to be there, or to be gone. index: of the list that was open when it was asked for;
        when that is on disk, it may have changed again."""
        on_disk = name in self.ledger.states[self.ledger.done].definitions
        now = name in self.ledger.state().definitions
        wanted = "Delete" not in what
        if now == wanted and on_disk != wanted and self.ledger.done < index:
            raise Mismatch(f"{what} is told, and {name} is not so on disk")


class DurableRun:
    """Steps one after the other, each checked."""

    def __init__(self, sizes: Sizes = Sizes()) -> None:
        self.world = DurableWorld(sizes)
        self._next_message = 1

    def __enter__(self) -> "DurableRun":
        self.world.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self.world.__exit__()

    def client(self, number: int) -> DurableClient | None:
        client = self.world.clients.get(number)
        assert client is None or isinstance(client, DurableClient)
        return None if client is None or client.lost else client

    def step(self, step: c.Step) -> None:
        """Raises Mismatch, or whatever the broker raises. What makes no sense (any more) is left out."""
        world = self.world
        match step:
            case c.Connect(number, cancel_notify):
                if number not in world.clients:
                    world.connect(number, cancel_notify)
            case c.Send():
                self._send(step)
            case c.Lose(number):
                if self.client(number):
                    world.lose(number)
            case c.Pause(number):
                if (client := self.client(number)) and not client.paused:
                    world.pause(number)
            case c.Resume(number):
                if (client := self.client(number)) and client.paused:
                    world.resume(number)
            case c.Wait(ms):
                world.wait(ms)
            case c.Write():
                world.write()
            case c.Seal():
                world.seal()
            case c.Crash():
                world.crash(step)
            case c.Stop():
                world.stop(step)
            case c.Room(size_bytes):
                world.room(size_bytes)
            case c.Fault():
                world.fault(step)
        self._answer_closes()

    def _send(self, step: c.Send) -> None:
        world = self.world
        client = self.client(step.connection)
        if client is None:
            return
        octets: list[bytes] = []
        for command in step.commands:
            channel = client.channels.get(command.channel)
            if isinstance(command, c.OpenChannel):
                if channel is None:
                    client.channels[command.channel] = ClientChannel(
                        command.channel, replies=deque([(Channel.OpenOk, None)])
                    )
                    octets.append(encode_frame(command.channel, Channel.Open()))
                continue
            if channel is None or channel.closing:
                continue
            if isinstance(command, c.CloseChannel):
                channel.closing = True
            octets += self._command(channel, command)
        world.feed(step.connection, cut(b"".join(octets), step.cuts))

    def _answer_closes(self) -> None:
        """What the broker has closed is closed."""
        world = self.world
        for number in list(world.clients):
            client = self.client(number)
            if client is None:
                continue
            if any(isinstance(event.method, ConnectionMethods.Close) for event in client.events.get(0, ())):
                world.feed(number, [encode_frame(0, ConnectionMethods.CloseOk())])
                world.lose(number)
                continue
            for channel in [one for one in client.channels.values() if one.closed]:
                del client.channels[channel.number]
                if not channel.closing:
                    world.feed(number, [encode_frame(channel.number, Channel.CloseOk())])

    def _command(self, channel: ClientChannel, command: c.Command) -> list[bytes]:
        if isinstance(command, c.Publish):
            octets, sent = messages.publish(command, self._next_message)
            for number, message in enumerate(sent, self._next_message):
                self.world.sent[number] = message
                if channel.mode == "confirm":
                    channel.published.append(number)
                elif channel.mode == "transaction":
                    channel.pending.append(number)
            self._next_message += command.count
            return [octets]
        tag = 0
        reply: tuple[type[Any], Any] | None = None
        match command:
            case c.Settle():
                tags = list(channel.unacked)
                if not tags:
                    return []
                tag = tags[command.which % len(tags)]
                multiple = command.multiple and command.by != "reject"
                for one in [one for one in tags if one == tag or (multiple and one < tag)]:
                    given = channel.unacked.pop(one)
                    if channel.mode == "transaction":
                        channel.settled[one] = given, command.how
            case c.Recover(_, waited):
                channel.unacked.clear()
                reply = (Basic.RecoverOk, None) if waited else None
            case c.SelectConfirms():
                if channel.mode == "transaction":
                    return []
                channel.mode = "confirm"
                reply = Confirm.SelectOk, None
            case c.SelectTransaction():
                if channel.mode == "confirm":
                    return []
                channel.mode = "transaction"
                reply = Tx.SelectOk, None
            case c.Commit():
                if channel.mode != "transaction":
                    return []
                settled = [given.record for given, how in channel.settled.values() if how != "requeue"]
                reply = Tx.CommitOk, (channel.pending, settled)
                self.world.ledger.groups.append(Group(channel.pending, settled))
                channel.pending, channel.settled = [], {}
            case c.Rollback():
                if channel.mode != "transaction":
                    return []
                reply = Tx.RollbackOk, {one: given for one, (given, _) in channel.settled.items()}
                channel.pending, channel.settled = [], {}
            case c.Consume(_, queue, consumer_tag):
                if consumer_tag in channel.consumers or (Basic.ConsumeOk, consumer_tag) in channel.replies:
                    return []
                if command.nowait:
                    channel.consumers[consumer_tag] = queue
                else:
                    reply = Basic.ConsumeOk, consumer_tag
            case c.Cancel(_, consumer_tag):
                channel.consumers.pop(consumer_tag, None)
                reply = None if command.nowait else (Basic.CancelOk, None)
            case _:
                reply = self._plain_reply(command)
        if reply is not None:
            channel.replies.append(reply)
        return [encode_frame(channel.number, messages.method(command, tag))]

    def _plain_reply(self, command: c.Command) -> tuple[type[Any], Any] | None:
        """The answer to what changes nothing of what the client keeps of its channel, and what it proves."""
        match command:
            case c.DeclareQueue():
                return (
                    None if command.nowait else (Queue.DeclareOk, self._proof(command.durable, "queue", command.name))
                )
            case c.DeleteQueue():
                return Queue.DeleteOk, self._proof(True, "queue", command.name)
            case c.DeclareExchange():
                return Exchange.DeclareOk, self._proof(command.durable, "exchange", command.name)
            case c.DeleteExchange():
                return Exchange.DeleteOk, self._proof(True, "exchange", command.name)
            case c.BindQueue(_, _, _, _, _, undo):
                return (Queue.UnbindOk if undo else Queue.BindOk), None
            case c.BindExchange(_, _, _, _, _, undo):
                return (Exchange.UnbindOk if undo else Exchange.BindOk), None
            case c.PurgeQueue():
                return Queue.PurgeOk, None
            case c.Get():
                return Basic.GetOk, None
            case c.Qos():
                return Basic.QosOk, None
            case c.Flow():
                return Channel.FlowOk, None
        return None

    def _proof(self, durable: bool, kind: str, name: str) -> tuple[str, int] | None:
        """What the answer to a declare or delete says of the disk."""
        return (f"{kind} {name}", self.world.ledger.index) if durable else None

    # The end

    def give_back_space(self) -> None:
        """All is acknowledged and some time goes by: the disk has its space again."""
        self.settle_down()
        world = self.world
        for number in list(world.clients):
            if self.client(number):
                world.lose(number)
        queues = [queue.name for queue in world.vhost.queues.values() if queue.durable]
        number = max(world.clients, default=-1) + 1
        self.step(c.Connect(number))
        purges = tuple(c.PurgeQueue(1, name) for name in world.vhost.queues)
        self.step(c.Send(number, (c.OpenChannel(1), c.DeclareQueue(1, "last", True), *purges)))
        for _ in range(3 * self.world.sizes.floor_bytes // 4_000):
            publish = c.Publish(1, "", (queues or ["last"])[0], 2, style="persistent", size=1_000)
            self.step(c.Send(number, (publish,)))
            self.step(c.Write())
            self.step(c.Send(number, tuple(c.PurgeQueue(1, name) for name in world.vhost.queues)))
        self.settle_down()
        # What a commit makes free goes with the next one.
        for _ in range(3):
            self.step(c.Send(number, (c.DeclareQueue(1, "more", True),)))
            self.step(c.Write())
            self.step(c.Send(number, (c.DeleteQueue(1, "more"),)))
            self.step(c.Write())
        sizes = world.sizes
        used_bytes = sum(world.disk.size_bytes(f"log/{name}") for name in world.disk.names("log"))
        live_bytes = sum(segment.live_bytes for segment in world.log.segments)
        if used_bytes > max(2 * live_bytes, sizes.floor_bytes) + SPARES * sizes.segment_bytes:
            raise Mismatch(f"{used_bytes} octets are taken for {live_bytes} that are needed")
        pages = world.disk.names("paging")
        if len(pages) > 1:
            raise Mismatch(f"nobody waits for what is in {pages}")

    def settle_down(self) -> None:
        """All that is under way is done; nobody waits for anything then."""
        world = self.world
        world.room(-1)
        world.disk.before = None
        if world.broken:
            world.crash(c.Crash(0, power=True))
        for number in list(world.clients):
            if (client := self.client(number)) and client.paused:
                world.resume(number)
        world.finish()
        for _ in range(1_000):
            if world.pending is None and not world.log.is_compacting:
                break
            world.write()
            world.finish()
        else:
            raise Mismatch("there is always one more commit")
        self._answer_closes()
        for number in world.clients:
            client = self.client(number)
            for channel in client.channels.values() if client is not None else ():
                where = f"connection {number} channel {channel.number}"
                if channel.closing:
                    raise Mismatch(f"{where} is never closed")
                if channel.replies:
                    raise Mismatch(f"{where} is never answered {channel.replies}")
                if len(channel.confirmed) != len(channel.published):
                    raise Mismatch(f"{where} has {len(channel.confirmed)} of {len(channel.published)} confirms")
        for queue in world.vhost.queues.values():
            if (
                queue.message_count
                and queue.levels
                and any(consumer.capacity > 0 for level in queue.levels.values() for consumer in level)
            ):
                raise Mismatch(f"{queue.name} keeps {queue.message_count} messages from its consumers")
            known = world.ledger.queue(queue)
            waiting = [key_of(message) for _, message, _ in queue.messages()]
            ready = [record.key for record in known.ready()]
            if waiting != ready:
                raise Mismatch(f"{queue.name} holds {waiting}, expected {ready}")


def _do_nothing(rules: Rules, came: Sequence[Message] = ()) -> None:
    pass


def replay(steps: Iterable[c.Step], sizes: Sizes = Sizes()) -> None:
    """Does the steps, and settles down; raises what a failure raises."""
    with DurableRun(sizes) as run:
        for step in steps:
            run.step(step)
        run.settle_down()


def failure_of(steps: Sequence[c.Step], sizes: Sizes) -> Exception | None:
    """How a run fails, if it does."""
    try:
        replay(steps, sizes)
    except Exception as failure:
        return failure
    return None


def program(steps: Sequence[c.Step], sizes: Sizes) -> str:
    """The steps as Python that does them again."""
    lines = "\n".join(f"        {line(step)}," for step in steps)
    return (
        "from tests.simulation.commands import *\nfrom tests.simulation.durable import Sizes, replay\n\n"
        f"replay(\n    [\n{lines}\n    ],\n    {line(sizes)},\n)"
    )
