"""The ring of the last messages, and how it is filled without slowing down who publishes.

There is room for a thousand messages, which are taken in as references, and in each window of time for a few dozen
more; so many are followed, too. Of whatever comes beyond that only the number is noted, and while nobody has the page
open not even that: nothing watches the traffic any more until the window is over. So a fast publisher pays for a few
dozen messages in each window, and what a test or a person sends is all seen, also before anybody looks.
"""

from collections import deque
from collections.abc import Sequence
from itertools import islice
from typing import TYPE_CHECKING, Final

from amqpbroker.management.inbox.entry import ACKED, DEAD, GONE, QUEUES_MAX, READY, UNACKED, Entry, key_of
from amqpbroker.management.inbox.watcher import News, Watcher
from amqpbroker.model.dead_letter import REJECTED
from amqpbroker.model.message import Message
from amqpbroker.model.ports import Client, Deadline, Sink, Tap
from amqpbroker.model.queues.paged import PagedQueue

if TYPE_CHECKING:
    from amqpbroker.model.broker import Broker
    from amqpbroker.model.consumer import Consumer
    from amqpbroker.model.exchange import Exchange
    from amqpbroker.model.queue import Entry as Settled
    from amqpbroker.model.queue import Queue
    from amqpbroker.model.vhost import VirtualHost

WINDOW_S: Final = 0.05
# At once, after a quiet time; and in each window of a flood, which is more than a person can read.
BURST_MAX: Final = 1_000
TAKEN_MAX: Final = 30
# Of one run of a flood, so that it leaves room for others.
TAKEN_OF_RUN_MAX: Final = 10
# The same of what is followed; in a window while somebody watches, and while nobody does.
FOLLOWED_BURST_MAX: Final = 4_000
FOLLOWED_MAX: Final = 1_000
FOLLOWED_UNSEEN_MAX: Final = 500
ENTRIES_MAX: Final = 5_000
BYTES_MAX: Final = 16_777_216
# While somebody watches, queues are asked so often whether they still have what was put there, of so many entries.
_LOOK_S: Final = 1.0
_LOOKED_AT_MAX: Final = 500
# The same octets may have been dead-lettered again and again.
_OLDER_MAX: Final = 8
_OWN_EXCHANGES: Final = "amq.rabbitmq."
_AFTER_ACK: Final = {"ack": ACKED, "requeue": READY, "discard": DEAD}


class Inbox:
    """entries: the last ones, the oldest first. next_id: of the next one.

    room: how many messages it still takes; looks: how many it still follows. skipped_count: how many were
    counted and not taken in since the start.
    """

    def __init__(self, broker: "Broker") -> None:
        self.entries: deque[Entry] = deque()
        self.next_id = 1
        self.room = BURST_MAX
        self.looks = FOLLOWED_BURST_MAX
        self.skipped_count = 0
        self._broker = broker
        self._size_bytes = 0
        self._by_key: dict[int, Entry] = {}
        self._taps: list[InboxTap] = []
        self._watchers: set[Watcher] = set()
        self._news = News()
        self._deadline: Deadline | None = None
        self._due_s = 0.0
        self._is_open = False
        self._told_skipped_count = 0
        self._look_at_s = 0.0
        broker.watch_vhosts(self._watch_vhost)

    # Who watches

    def watch(self) -> Watcher:
        """From now on somebody is told what happens, until `unwatch`."""
        watcher = Watcher()
        self._watchers.add(watcher)
        self._plan(_LOOK_S)
        return watcher

    def unwatch(self, watcher: Watcher) -> None:
        """That one is told nothing more."""
        self._watchers.discard(watcher)

    def close(self) -> None:
        """Ends what is told to whom, and watches no more."""
        for watcher in self._watchers:
            watcher.end()
        self._detach()
        if self._deadline is not None:
            self._deadline.cancel()

    # What the taps tell

    def take(
        self,
        vhost: "VirtualHost",
        client: Client | None,
        queues: Sequence["Queue"],
        messages: Sequence[Message],
    ) -> None:
        """Messages come. Takes in the first of them."""
        count = min(len(messages), self.room if self.room > TAKEN_MAX else min(self.room, TAKEN_OF_RUN_MAX))
        time_ms = vhost.clock.unix_ms()
        names = [queue.name for queue in queues[:QUEUES_MAX]]
        places = [queue.tail if type(queue) is PagedQueue else 0 for queue in queues[:QUEUES_MAX]]
        for nth in range(count):
            entry = Entry(self.next_id, time_ms, vhost.name, vhost.version, client, messages[nth])
            self.next_id += 1
            entry.queue_count = len(queues)
            entry.states = dict.fromkeys(names, READY)
            entry.places, entry.nth = places, nth
            self._add(entry)
        self.room -= count
        self.skipped_count += len(messages) - count
        if self.room <= 0 and not self._watchers:
            self._detach()
        self._open_window()

    def follow(self, queue: str, messages: Sequence[Message], state: str, reason: str = "") -> None:
        """Something has become of messages in a queue."""
        if self.looks <= 0 or not self._by_key:
            return
        find = self._by_key.get
        for message in islice(messages, self.looks):
            entry = find(key_of(message))
            for _ in range(_OLDER_MAX):
                if entry is None:
                    break
                if entry.becomes(queue, state, reason):
                    self._changed(entry)
                    break
                entry = entry.older
        self.looks -= len(messages)
        self._open_window()

    def returned(self, messages: Sequence[Message]) -> None:
        """Messages that were just taken in, if they were, go back."""
        for message in messages[:BURST_MAX]:
            entry = self._by_key.get(key_of(message))
            if entry is not None and not entry.queue_count:
                entry.is_returned = True

    def _add(self, entry: Entry) -> None:
        self.entries.append(entry)
        self._news.entries.append(entry)
        self._size_bytes += entry.size_bytes
        if entry.can_be_followed:
            entry.older = self._by_key.get(entry.key)
            self._by_key[entry.key] = entry
        while len(self.entries) > ENTRIES_MAX or (self._size_bytes > BYTES_MAX and len(self.entries) > 1):
            oldest = self.entries.popleft()
            self._size_bytes -= oldest.size_bytes
            oldest.older = None
            if self._by_key.get(oldest.key) is oldest:
                del self._by_key[oldest.key]

    def _changed(self, entry: Entry) -> None:
        if self._watchers:
            self._news.changed[entry] = None

    # Windows

    def _open_window(self) -> None:
        if not self._is_open:
            self._is_open = True
            self._plan(WINDOW_S)

    def _plan(self, after_s: float) -> None:
        """The window is over, or it is time to look, no later than that."""
        clock = self._broker.clock
        due_s = clock.now_s() + after_s
        if self._deadline is not None:
            if self._due_s <= due_s:
                return
            self._deadline.cancel()
        self._due_s = due_s
        self._deadline = clock.at(due_s, self._turn)

    def _turn(self) -> None:
        self._deadline = None
        self._is_open = False
        self.room = min(max(self.room, 0) + TAKEN_MAX, BURST_MAX)
        more_looks = FOLLOWED_MAX if self._watchers else FOLLOWED_UNSEEN_MAX
        self.looks = min(max(self.looks, 0) + more_looks, FOLLOWED_BURST_MAX)
        self._attach()
        if self.room < BURST_MAX or self.looks < FOLLOWED_BURST_MAX:
            self._open_window()
        if self._watchers:
            now_s = self._broker.clock.now_s()
            if now_s >= self._look_at_s:
                self._look_at_s = now_s + _LOOK_S
                self._look()
            self._news.skipped_count = self.skipped_count - self._told_skipped_count
            if self._news:
                for watcher in self._watchers:
                    watcher.tell(self._news)
            self._plan(_LOOK_S)
        self._told_skipped_count = self.skipped_count
        self._news = News()

    def _look(self) -> None:
        """What was seen to come into a queue may have left it in a way that nobody tells of: a purge, its end."""
        for nth, entry in enumerate(reversed(self.entries)):
            if nth >= _LOOKED_AT_MAX:
                break
            if self.look_at(entry):
                self._changed(entry)

    def look_at(self, entry: Entry) -> bool:
        """Whether a message is found to have left a queue without being seen."""
        vhost = self._broker.vhosts.get(entry.vhost)
        left = [
            name
            for (name, state), place in zip(entry.states.items(), entry.places, strict=True)
            if state in (READY, UNACKED) and not _may_be_there(vhost, name, place and place + entry.nth, state)
        ]
        return any([entry.becomes(name, GONE) for name in left])

    def _watch_vhost(self, vhost: "VirtualHost") -> None:
        tap = InboxTap(self, vhost)
        self._taps.append(tap)
        tap.attach()

    def _attach(self) -> None:
        self._taps = [tap for tap in self._taps if self._broker.vhosts.get(tap.vhost.name) is tap.vhost]
        for tap in self._taps:
            tap.attach()

    def _detach(self) -> None:
        for tap in self._taps:
            tap.detach()


def _may_be_there(vhost: "VirtualHost | None", name: str, place: int, state: str) -> bool:
    """Whether a queue may have a message that was at this place in it, or a client from there."""
    queue = vhost.queues.get(name) if vhost is not None else None
    if queue is None:
        return False
    if state == UNACKED or (queue.unacked and not place):
        return queue.unacked > 0
    if type(queue) is not PagedQueue or not place:
        return queue.message_count > 0
    if place >= queue.tail:
        return False  # it is another queue of that name
    if place >= queue.head:
        return queue.message_count > 0
    return queue.unacked > 0 or any(position == place for position, _ in queue.requeued)


class InboxTap(Tap):
    """The inbox at one virtual host."""

    in_order = False

    def __init__(self, inbox: Inbox, vhost: "VirtualHost") -> None:
        self.vhost = vhost
        self._inbox = inbox
        self._is_attached = False

    def attach(self) -> None:
        """It is told of the traffic."""
        if not self._is_attached:
            self._is_attached = True
            self.vhost.watch(self)

    def detach(self) -> None:
        """It is told of nothing."""
        if self._is_attached:
            self._is_attached = False
            self.vhost.unwatch(self)

    def published(
        self, sink: Sink, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Message]
    ) -> None:
        inbox = self._inbox
        if inbox.room > 0:
            inbox.take(self.vhost, sink.client(), queues, messages)
        else:
            inbox.skipped_count += len(messages)  # the window is open, as its room is taken

    def returned(self, messages: Sequence[Message]) -> None:
        self._inbox.returned(messages)

    def forwarded(self, exchange: "Exchange", queues: Sequence["Queue"], messages: Sequence[Message]) -> None:
        if exchange.name.startswith(_OWN_EXCHANGES):
            return
        inbox = self._inbox
        if inbox.room > 0:
            inbox.take(self.vhost, None, queues, messages)
        else:
            inbox.skipped_count += len(messages)  # the window is open, as its room is taken

    def delivered(
        self, consumer: "Consumer", positions: Sequence[int], messages: Sequence[Message], redelivered: bool
    ) -> None:
        if self._inbox.looks > 0:
            self._inbox.follow(consumer.queue.name, messages, ACKED if consumer.no_ack else UNACKED)

    def settled(self, consumer: "Consumer", entries: "Sequence[Settled]", how: str) -> None:
        if self._inbox.looks > 0:
            messages = [message for _, message, _ in islice(entries, self._inbox.looks)]
            self._inbox.follow(consumer.queue.name, messages, _AFTER_ACK[how], REJECTED if how == "discard" else "")

    def given_up(self, queue: "Queue", reason: str, messages: Sequence[Message]) -> None:
        if self._inbox.looks > 0:
            self._inbox.follow(queue.name, messages, DEAD, reason)
