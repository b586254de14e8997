"""What a queue does with messages beyond keeping their order: deadlines, limits, dead letters, its own end.

A queue without any of these has no rules and pays nothing for them. Nothing here waits or polls: there is one timer for
the message at the head, as only that one can expire (RabbitMQ: "messages expire at the head of the queue"), and one for
the queue itself.

Source: RabbitMQ `rabbit_amqqueue_process` (drop_expired_msgs, maybe_drop_head, will_overflow, ensure_expiry_timer),
docs/behaviour/queues.md.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, Final

from amqpbroker.model.arguments import CLASSIC
from amqpbroker.model.dead_letter import EXPIRED, REJECTED, TOO_LONG
from amqpbroker.model.deduplication import QueueKeys, message_key
from amqpbroker.model.expiration import parse_expiration
from amqpbroker.model.message import DEADLINE_SHIFT, EXPIRES, FLAGS, Message, with_deadline
from amqpbroker.model.settings import DROP_HEAD, REJECT_PUBLISH_DLX, QueueSettings
from amqpbroker.model.timer import Timer
from amqpbroker.wire import properties
from amqpbroker.wire.runs import UniformRun

if TYPE_CHECKING:
    from amqpbroker.model.ports import Deadline
    from amqpbroker.model.queue import Queue
    from amqpbroker.model.vhost import VirtualHost

# Messages given up in one go: others wait meanwhile.
_STEP_MESSAGES: Final = 4_096


class Rules:
    """has_deadlines: whether messages of this queue may expire. keys: of the messages in it, if it takes none twice."""

    __slots__ = ("_end", "_queue", "_timer", "_used_s", "_vhost", "has_deadlines", "keys", "settings")

    def __init__(self, queue: "Queue", vhost: "VirtualHost", settings: QueueSettings) -> None:
        self.settings = settings
        self.has_deadlines = settings.message_ttl_ms is not None
        self.keys = QueueKeys() if settings.deduplicates else None
        self._queue = queue
        self._vhost = vhost
        # Of the message at the head.
        self._timer = Timer(vhost.clock, self._ring)
        # The timer of the queue's own end, and when the queue was used last.
        self._end: Deadline | None = None
        self._used_s = vhost.clock.now_s()
        self._plan_end()

    @staticmethod
    def needed_for(settings: QueueSettings) -> bool:
        """Whether a queue with these settings has any rules."""
        return (
            settings.message_ttl_ms is not None
            or settings.expires_ms is not None
            or settings.has_limit
            or settings.dead_letter_exchange is not None
            or settings.deduplicates
        )

    def begin(self, before: QueueSettings) -> None:
        """These are the first rules of a queue that may hold messages; see `change`."""
        if before.overflow == DROP_HEAD:
            self._drop_excess()
        self.enforce()

    def change(self, settings: QueueSettings) -> None:
        """Other rules from now on. What waits keeps the deadlines that it came with.

        A classic queue that dropped its head until now does so once more, by the new limits: so RabbitMQ, which takes
        in the limits before `overflow` (process_args_policy).
        """
        dropped_head = settings.kind == CLASSIC and self.settings.overflow == DROP_HEAD
        self.settings = settings
        self.has_deadlines = self.has_deadlines or settings.message_ttl_ms is not None
        self.keys = (self.keys or QueueKeys()) if settings.deduplicates else None
        self.used()
        self._plan_end()
        if dropped_head:
            self._drop_excess()
        self.enforce()

    def stop(self) -> None:
        """The queue is no more."""
        self._timer.set(0)
        if self._end is not None:
            self._end.cancel()
            self._end = None

    # Coming in

    def deadline_ms(self, messages: Sequence[Message]) -> int:
        """When messages that come now are to leave; 0: never. What has an expiration of its own comes alone."""
        ttl_ms = self.settings.message_ttl_ms
        if not isinstance(messages, UniformRun) and messages[0][3] & EXPIRES:
            own = properties.expiration(messages[0][1])
            if own is not None:
                own_ms = parse_expiration(own)
                ttl_ms = own_ms if ttl_ms is None else min(ttl_ms, own_ms)
        return 0 if ttl_ms is None else self._vhost.clock.unix_ms() + ttl_ms

    def admitted(self, messages: Sequence[Message]) -> Sequence[Message]:
        """The messages as they wait in this queue."""
        deadline_ms = self.deadline_ms(messages)
        if self.keys is not None:
            for message in messages:
                key = message_key(message)
                if key is not None:
                    self.keys.add(key, deadline_ms)
        return with_deadline(messages, deadline_ms) if deadline_ms else messages

    def takes(self, message: Message) -> bool:
        """Whether a message may go in: there is room for it, and it is not there already."""
        return not self.refuses(len(message[2])) and not self._has(message)

    def _has(self, message: Message) -> bool:
        """Whether a message of the same key is in the queue."""
        key = None if self.keys is None else message_key(message)
        return self.keys is not None and key is not None and self.keys.seen(key, self._vhost.clock.unix_ms())

    def refuses(self, body_bytes: int) -> bool:
        """Whether a message of that size is one too many."""
        settings = self.settings
        if not settings.refuses:
            return False
        queue = self._queue
        return (settings.max_length is not None and queue.message_count + 1 > settings.max_length) or (
            settings.max_length_bytes is not None and queue.ready_bytes + body_bytes > settings.max_length_bytes
        )

    def refused(self, message: Message) -> None:
        """A message was not taken: with `reject-publish-dlx` it dies all the same; a repeated one does since 4.0.

        Source: RabbitMQ `rabbit_amqqueue_process:maybe_deliver_or_enqueue`.
        """
        if self._has(message) and not self.refuses(len(message[2])):
            dies = self._vhost.profile.series >= (4, 0)
        else:
            dies = self.settings.overflow == REJECT_PUBLISH_DLX
        if dies:
            self.dead_letter(TOO_LONG, [message])

    # Waiting

    def enforce(self, came: Sequence[Message] = ()) -> None:
        """The queue has grown: what is too much goes off the head, and what has expired. came: in one go, just now."""
        settings = self.settings
        if settings.has_limit and settings.overflow == DROP_HEAD:
            if len(came) > 1 and self.has_deadlines:
                self._enforce_singly(came)
            self._drop_excess()
        self.expire()

    def _enforce_singly(self, came: Sequence[Message]) -> None:
        """As if messages had come one after the other.

        What one of them pushes out may have an expired one behind it: that dies of its age, not of the next one.
        """
        queue = self._queue
        most, most_bytes = self.settings.max_length, self.settings.max_length_bytes
        later, later_bytes = len(came), sum(len(message[2]) for message in came)
        for message in came:
            later -= 1
            later_bytes -= len(message[2])
            while (there := queue.message_count - later) > 0:
                count, size_bytes = self._load()
                if (most is None or count - later <= most) and (
                    most_bytes is None or size_bytes - later_bytes <= most_bytes
                ):
                    break
                self.dead_letter(TOO_LONG, queue.drop(1))
            if there > 0:
                self.dead_letter(EXPIRED, queue.drop(there, due_by_ms=self._vhost.clock.unix_ms()))

    def _load(self) -> tuple[int, int]:
        """Messages, and octets of bodies, that count for the limits."""
        return self._queue.message_count, self._queue.ready_bytes

    def _drop_excess(self) -> None:
        queue = self._queue
        most = self.settings.max_length
        while most is not None and (excess := queue.message_count - most) > 0:
            self.dead_letter(TOO_LONG, queue.drop(min(excess, _STEP_MESSAGES)))
        most_bytes = self.settings.max_length_bytes
        while most_bytes is not None and queue.message_count and queue.ready_bytes > most_bytes:
            self.dead_letter(TOO_LONG, queue.drop(1))

    def expire(self) -> bool:
        """Gives up what has expired at the head; whether what stands there now may be handed out."""
        if not self.has_deadlines:
            return True
        due_ms = self._head_due_ms()
        if not due_ms:
            return True
        now_ms = self._vhost.clock.unix_ms()
        if due_ms <= now_ms:
            self.dead_letter(EXPIRED, self._queue.drop(_STEP_MESSAGES, due_by_ms=now_ms))
            due_ms = self._head_due_ms()
        if due_ms and not 0 < self._timer.due_ms <= due_ms:
            # One that rings too early costs a look; one for each message would cost more.
            self._timer.set(due_ms)
        return not 0 < due_ms <= now_ms

    def clear_head(self) -> None:
        """Gives up all that has expired at the head, however much that is: somebody asks what stands behind."""
        while not self.expire():
            pass

    def fresh_count(self, messages: Sequence[Message]) -> int:
        """How many messages stand before the first that has expired."""
        if not self.has_deadlines:
            return len(messages)
        first_late = (self._vhost.clock.unix_ms() + 1) << DEADLINE_SHIFT
        if min(map(FLAGS, messages)) >= first_late:
            return len(messages)
        for place, message in enumerate(messages):
            if 1 << DEADLINE_SHIFT <= message[3] < first_late:
                return place
        return len(messages)

    def _head_due_ms(self) -> int:
        head = self._queue.first()
        return head[3] >> DEADLINE_SHIFT if head is not None else 0

    def _ring(self) -> None:
        if self.expire():
            # It may have kept from consumers what stood behind.
            self._queue.drain()

    # Leaving

    def left(self, messages: Iterable[Message]) -> None:
        """Messages are no longer in the queue, nor with a client who may give them back: their keys are free."""
        if self.keys is not None:
            for message in messages:
                key = message_key(message)
                if key is not None:
                    self.keys.forget(key, message[3] >> DEADLINE_SHIFT)

    def emptied(self) -> None:
        """The queue was purged: all keys are free, those of messages with clients too."""
        if self.keys is not None:
            self.keys.clear()

    def rejected(self, messages: Sequence[Message]) -> None:
        """A client has rejected messages, and does not want them back."""
        self.dead_letter(REJECTED, messages)

    def dead_letter(self, reason: str, messages: Sequence[Message]) -> None:
        """The queue has given up messages. Called when the queue is whole: it may get others by this."""
        if not messages:
            return
        self._vhost.dead_letters.count(self._queue, reason, len(messages))
        tap = self._vhost.tap
        if tap is not None:
            tap.given_up(self._queue, reason, messages)
        self._pass_on(reason, messages)

    def _pass_on(self, reason: str, messages: Sequence[Message]) -> None:
        if messages and self.settings.dead_letter_exchange is not None:
            self._vhost.dead_letters.add(self._queue, reason, messages)

    def undeliverable(self, reason: str, message: Message) -> None:
        """A dead letter of this queue has found no other: it is gone."""

    # The queue's own end

    def used(self) -> None:
        """Somebody declared the queue again, asked it for a message, or consumed from it until now."""
        self._used_s = self._vhost.clock.now_s()

    def _plan_end(self) -> None:
        if self._end is not None:
            self._end.cancel()
            self._end = None
        if self.settings.expires_ms is not None:
            self._end = self._vhost.clock.at(self._used_s + self.settings.expires_ms / 1000, self._look_at_end)

    def _look_at_end(self) -> None:
        """x-expires: nobody has used the queue for so long."""
        self._end = None
        assert self.settings.expires_ms is not None
        if self._queue.consumers:
            self.used()
        if self._vhost.clock.now_s() >= self._used_s + self.settings.expires_ms / 1000:
            self._vhost.delete_queue(self._queue)
        else:
            self._plan_end()
