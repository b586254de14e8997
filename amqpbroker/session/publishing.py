"""basic.publish: from the octets of a method to queues.

The lane (`wire.hot`) brings runs of messages whose decision is known. What it leaves comes one by one through
`publish_one`, in the order in which RabbitMQ checks: immediate, exchange, properties, expiration, CC, user-id.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final

from amqpbroker.errors import (
    ACCESS_REFUSED,
    INTERNAL_ERROR,
    NO_ROUTE,
    NOT_IMPLEMENTED,
    PRECONDITION_FAILED,
    AMQPError,
)
from amqpbroker.limits import ROUTE_MEMO_MAX
from amqpbroker.model.counters import Counters
from amqpbroker.model.exchange import Exchange, Kept
from amqpbroker.model.expiration import parse_expiration
from amqpbroker.model.message import EXPIRES, PERSISTENT, Message, address_of, flags_of
from amqpbroker.model.queue import Queue
from amqpbroker.model.queues.priority import PriorityQueue
from amqpbroker.session.authorize import authorize, authorize_topics, has_topics
from amqpbroker.session.reply_to import REPLY_TO, is_reply_to
from amqpbroker.wire import properties
from amqpbroker.wire.constants import RETURN
from amqpbroker.wire.frames import content_frames, method_frame
from amqpbroker.wire.methods import Basic, MethodError, decode
from amqpbroker.wire.tables import Table, texts, type_name

if TYPE_CHECKING:
    from amqpbroker.session.channel import Channel

# What routing by keys alone looks at.
_NO_PROPERTIES: Final = properties.Properties()
_RETURN: Final = RETURN + NO_ROUTE.to_bytes(2, "big") + b"\x08NO_ROUTE"
_DELIVERY_MODES: Final = (None, properties.TRANSIENT, properties.PERSISTENT)
_PROPERTY_FLAGS: Final = slice(12, 14)
_OUT_OF_THE_LANE: Final = properties.HEADERS | properties.EXPIRATION | properties.USER_ID | properties.REPLY_TO


class RouteGroup:
    """Where messages go: what a run has in common. mandatory: they come back if there are no queues.

    logged: those of the queues that record what is persistent; all_logged: those that record everything. by_level: one
    of those keeps messages by their priority. refusing: those that may not take a message. count: how many messages
    went this way that neither exchange nor queues nor channel have counted yet.
    """

    __slots__ = (
        "_counters",
        "all_logged",
        "by_level",
        "count",
        "exchange",
        "kept",
        "logged",
        "mandatory",
        "may_keep_waiting",
        "queues",
        "refusing",
    )

    def __init__(
        self, exchange: Exchange, queues: tuple[Queue, ...], mandatory: bool, channel_counters: Counters
    ) -> None:
        self.count = 0
        self._counters = channel_counters
        self.exchange = exchange
        self.queues = queues
        self.logged = [queue for queue in queues if queue.log is not None]
        self.all_logged = [queue for queue in self.logged if queue.records_transient]
        self.by_level = any(isinstance(queue, PriorityQueue) for queue in self.logged)
        self.refusing = [queue for queue in queues if queue.settings.may_refuse]
        self.mandatory = mandatory
        # Whether a publisher may get his confirms later than others, or a nack.
        self.may_keep_waiting = bool(self.logged or self.refusing)
        # Whether an exchange on the way has the message recorded, too.
        self.kept = False

    def recording(self, flags: int) -> list[Queue]:
        """The queues that record messages with these flags."""
        return self.logged if flags & PERSISTENT else self.all_logged

    def refusers(self, message: Message) -> list[Queue]:
        """The queues that do not take this message."""
        return [queue for queue in self.refusing if queue.rules is not None and not queue.rules.takes(message)]

    def without(self, refusers: Sequence[Queue]) -> "RouteGroup":
        """The same without some of the queues."""
        return RouteGroup(
            self.exchange, tuple(queue for queue in self.queues if queue not in refusers), False, self._counters
        )

    def count_up(self) -> None:
        """What went this way is counted, see `VirtualHost.count_up`."""
        count, self.count = self.count, 0
        self._counters.publish += count
        self.exchange.counters.publish_in += count
        self.exchange.counters.publish_out += count * len(self.queues)
        for queue in self.queues:
            queue.counters.publish += count
        if self.mandatory:
            self._counters.return_unroutable += count
        elif not self.queues:
            self._counters.drop_unroutable += count


class Route:
    """The decision for one publish method: the address that the message carries, and where it goes."""

    __slots__ = ("address", "group")

    def __init__(self, address: bytes, group: RouteGroup) -> None:
        self.address = address
        self.group = group


class Publisher:
    """The publishing side of a channel; what `wire.hot.PublishSink` asks for."""

    def __init__(self, channel: "Channel") -> None:
        self._channel = channel
        self._vhost = channel.connection.vhost
        self._interceptors = channel.connection.broker.interceptors
        self._version = -1
        self._groups: dict[tuple[str, tuple[str, ...], bool], RouteGroup] = {}
        # The exchanges that the user may publish to, of those that were asked for.
        self._writable: set[str] = set()

    def refresh(self) -> None:
        """Forgets the decisions if the topology, or what users may, has changed since they were made."""
        if self._version != self._vhost.version:
            self._version = self._vhost.version
            self._writable.clear()
            self._forget()

    def _forget(self) -> None:
        self._groups.clear()
        self._channel.lane.forget()

    # The lane's questions

    def resolve(self, method: bytes) -> Route | None:
        """Decides for a whole publish frame; None for what has to be looked at message by message."""
        if self._interceptors is not None:
            return None
        try:
            publish = decode(method[7:-1])
        except MethodError:
            return None
        assert isinstance(publish, Basic.Publish)
        exchange = self._vhost.exchanges.get(publish.exchange)
        if publish.immediate or exchange is None or exchange.internal or is_reply_to(publish.routing_key):
            return None
        if not exchange.pure or not self._may_publish(exchange, publish):
            return None
        routing = self._vhost.route(exchange, (publish.routing_key,), _NO_PROPERTIES)
        if not routing.pure:
            return None
        group = self._group(exchange, routing.queue_names, publish.mandatory)
        route = Route(address_of(publish.exchange, publish.routing_key), group)
        routes = self._channel.lane.routes
        if len(routes) >= ROUTE_MEMO_MAX:
            self._forget()
        routes[method] = route
        return route

    def _may_publish(self, exchange: Exchange, publish: Basic.Publish) -> bool:
        """Whether the user may; who may not is told so by `publish_one`, when it is its turn."""
        try:
            if exchange.name not in self._writable:
                authorize(self._channel.connection, publish, exchange=exchange.name)
                self._writable.add(exchange.name)
            if has_topics(exchange):
                authorize_topics(self._channel.connection, exchange.name, (publish.routing_key,))
        except AMQPError:
            return False
        return True

    def inspect(self, header: bytes) -> int:
        """The flags of a header without rules of its own; negative for one that has any, or is malformed."""
        word = int.from_bytes(header[_PROPERTY_FLAGS], "big")
        if word & _OUT_OF_THE_LANE:
            if word & (properties.EXPIRATION | properties.USER_ID) or REPLY_TO.encode() in header:
                return -1
            if word & properties.HEADERS and (b"\x02CC" in header or b"\x03BCC" in header):
                return -1
        try:
            mode, priority = properties.check(header)
        except properties.PropertiesError:
            return -1
        return flags_of(mode, priority) if mode in _DELIVERY_MODES else -1

    def publish(self, group: object, messages: Sequence[Message]) -> None:
        """Takes a run from the lane."""
        assert isinstance(group, RouteGroup)
        self._channel.publish_run(group, messages)

    def are_apart(self, group: object, other: object) -> bool:
        """Of one exchange, to one queue each, and nothing that has to be told or recorded in the order of both."""
        assert isinstance(group, RouteGroup) and isinstance(other, RouteGroup)
        channel = self._channel
        tap = self._vhost.tap
        return (
            group.exchange is other.exchange
            and len(group.queues) == len(other.queues) == 1
            and channel.transaction is None
            and (tap is None or not tap.in_order)
            and (channel.confirms is None or not (group.may_keep_waiting or other.may_keep_waiting))
        )

    # The general path

    def publish_one(self, method: bytes, header: bytes, body: bytes) -> None:
        """A message that the lane left. Raises AMQPError, of the channel or of the connection."""
        publish = decode(method)
        assert isinstance(publish, Basic.Publish)
        if publish.immediate:
            raise AMQPError(NOT_IMPLEMENTED, "immediate=true")
        vhost = self._vhost
        channel = self._channel
        if publish.exchange not in self._writable:
            authorize(channel.connection, publish, exchange=publish.exchange)
        exchange = vhost.exchange(publish.exchange)
        self._writable.add(exchange.name)
        if exchange.internal:
            raise AMQPError(ACCESS_REFUSED, f"cannot publish to internal {vhost.describe('exchange', exchange.name)}")
        if vhost.profile.series < (4, 0):
            authorize_topics(channel.connection, exchange.name, (publish.routing_key,))
        try:
            values = properties.decode(header)
        except properties.PropertiesError as fault:
            raise AMQPError(INTERNAL_ERROR, "", (0, 0)) from fault
        if values.reply_to == REPLY_TO:
            header = properties.replace(header, reply_to=channel.reply_consumer_name())
        if vhost.profile.series < (4, 0):
            self._check_user_id(values)
        if values.expiration is not None:
            parse_expiration(values.expiration)
        # Since 4.0 what is not persistent is transient.
        if values.delivery_mode not in _DELIVERY_MODES and vhost.profile.series < (4, 0):
            raise AMQPError(PRECONDITION_FAILED, f"invalid message: {{delivery_mode_unknown,{values.delivery_mode}}}")
        if self._interceptors is not None:
            values = self._interceptors.incoming(values, vhost.clock.unix_ms())
            header = properties.replace(header, headers=values.headers, timestamp=values.timestamp)
        headers = values.headers or {}
        keys = [publish.routing_key, *_extra_keys(headers, "CC"), *_extra_keys(headers, "BCC")]
        if vhost.profile.series >= (4, 0):
            authorize_topics(channel.connection, exchange.name, keys)
        self._check_user_id(values)
        if "BCC" in headers:
            header = properties.replace(header, headers={name: headers[name] for name in headers if name != "BCC"})
        routing = vhost.route(exchange, keys, values)
        queues, routed = self._queues(exchange, keys, routing.queue_names)
        group = RouteGroup(exchange, queues, publish.mandatory and not routed, channel.counters)
        flags = flags_of(values.delivery_mode, values.priority, values.expiration is not None)
        if flags & EXPIRES:
            vhost.expect_deadlines(queues)
        message = (address_of(publish.exchange, publish.routing_key), header, body, flags)
        for keeper in routing.keepers:
            group.kept |= keeper.keep(Kept(keys, values, message))
        channel.publish_run(group, [message])

    def _check_user_id(self, values: properties.Properties) -> None:
        """Nobody publishes in another's name, but for impersonators. Before 4.0 this is looked at first. Raises 406."""
        connection = self._channel.connection
        user = connection.user_name
        if values.user_id is not None and values.user_id != user and not connection.has_tag("impersonator"):
            text = f"user_id property set to '{values.user_id}' but authenticated user was '{user}'"
            raise AMQPError(PRECONDITION_FAILED, text)

    def _queues(self, exchange: Exchange, keys: Sequence[str], names: Sequence[str]) -> tuple[tuple[Queue, ...], bool]:
        """Where a message goes that reaches the queues of these names, and whether that is routed for `mandatory`."""
        vhost = self._vhost
        queues = [vhost.queues[name] for name in names]
        routed = bool(queues)
        if exchange.name == "":
            for key in keys:
                if is_reply_to(key):
                    reply_queue = self._channel.connection.broker.reply_queues.get(key)
                    if reply_queue is not None:
                        queues.append(reply_queue)
                    # Since 4.2 a reply name counts as routed whether somebody waits or not; before, never.
                    routed = routed or vhost.profile.series >= (4, 2)
        return tuple(queues), routed

    def _group(self, exchange: Exchange, names: tuple[str, ...], mandatory: bool) -> RouteGroup:
        key = (exchange.name, names, mandatory and not names)
        group = self._groups.get(key)
        if group is None:
            queues = tuple(self._vhost.queues[name] for name in names)
            group = self._groups[key] = RouteGroup(exchange, queues, key[2], self._channel.counters)
        return group


def return_frames(channel: int, message: Message, frame_max_bytes: int) -> bytes:
    """basic.return of an unroutable message, with its content."""
    address, header, body, _ = message
    return method_frame(channel, _RETURN + address) + content_frames(channel, header, body, frame_max_bytes)


def _extra_keys(headers: Table, name: str) -> list[str]:
    """The routing keys of a CC or BCC header. Raises 406."""
    field = headers.get(name)
    if field is not None and field.kind != "A":
        text = f'invalid message: {{unacceptable_type_in_header,"{name}",{type_name(field)}}}'
        raise AMQPError(PRECONDITION_FAILED, text)
    return texts(headers, name)
