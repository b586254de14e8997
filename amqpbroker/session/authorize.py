"""What each method needs of its user: one table, and nothing is done for a method that has no row in it.

A handler names the things that its method is about, once it knows them: after names were expanded or generated, and
before it looks whether they are there. What stands first in a row is looked at first, as in RabbitMQ.

Source: RabbitMQ `rabbit_channel` (check_configure_permitted and its like), `rabbit_access_control`, at the tags 3.10.8,
4.2.9 and 4.3.5; docs/access.md.
"""

from collections.abc import Sequence
from typing import TYPE_CHECKING, Final, NamedTuple

from amqpbroker.errors import ACCESS_REFUSED, AMQPError
from amqpbroker.model.access.permissions import CONFIGURE, READ, WRITE
from amqpbroker.model.exchange import Exchange
from amqpbroker.wire.methods import Access, Basic, Confirm, Method, Queue, Tx
from amqpbroker.wire.methods import Channel as ChannelMethods
from amqpbroker.wire.methods import Connection as ConnectionMethods
from amqpbroker.wire.methods import Exchange as ExchangeMethods

if TYPE_CHECKING:
    from amqpbroker.session.connection import Connection

QUEUE: Final = "queue"
EXCHANGE: Final = "exchange"
# The routing keys of an exchange, if it is of the type topic.
TOPIC: Final = "topic"
# One of the three permissions.
ANY: Final = "any"
# No permission: a thing that is not the default exchange.
NOT_DEFAULT: Final = "not default"
# None either: a thing that is not there from the start.
NOT_OURS: Final = "not ours"
# What permissions call the exchange without a name.
DEFAULT_EXCHANGE: Final = "amq.default"


class Need(NamedTuple):
    """A permission for a thing. role: as what the handler names it."""

    permission: str
    kind: str
    role: str


Needs = tuple[Need, ...]


class Row(NamedTuple):
    """What a method needs. passive: in place of that where it only asks whether a thing is there, since 4.2.7.

    new: when the thing turns out not to be there yet. topics: of the routing keys, once they are known.
    """

    needs: Needs = ()
    passive: Needs = ()
    new: Needs = ()
    topics: Needs = ()


def _binding(destination: str) -> Row:
    needs = (
        Need(WRITE, destination, "destination"),
        Need(NOT_DEFAULT, destination, "destination"),
        Need(NOT_DEFAULT, EXCHANGE, "source"),
        Need(READ, EXCHANGE, "source"),
        Need(READ, TOPIC, "source"),
    )
    return Row(needs)


# Whoever is in the virtual host may.
_NOTHING: Final = Row()
ROWS: Final[dict[tuple[int, int], Row]] = {
    # Before there is a channel; connection.open has `authorize_vhost`.
    ConnectionMethods.StartOk.id: _NOTHING,
    ConnectionMethods.SecureOk.id: _NOTHING,
    ConnectionMethods.TuneOk.id: _NOTHING,
    ConnectionMethods.Open.id: _NOTHING,
    ConnectionMethods.Close.id: _NOTHING,
    ConnectionMethods.CloseOk.id: _NOTHING,
    ConnectionMethods.UpdateSecret.id: _NOTHING,
    ChannelMethods.Open.id: _NOTHING,
    ChannelMethods.Flow.id: _NOTHING,
    ChannelMethods.FlowOk.id: _NOTHING,
    ChannelMethods.Close.id: _NOTHING,
    ChannelMethods.CloseOk.id: _NOTHING,
    Access.Request.id: _NOTHING,
    ExchangeMethods.Declare.id: Row(
        needs=(Need(NOT_DEFAULT, EXCHANGE, "exchange"), Need(CONFIGURE, EXCHANGE, "exchange")),
        passive=(Need(NOT_DEFAULT, EXCHANGE, "exchange"), Need(ANY, EXCHANGE, "exchange")),
        # With an alternate exchange.
        new=(Need(READ, EXCHANGE, "exchange"), Need(WRITE, EXCHANGE, "alternate")),
    ),
    ExchangeMethods.Delete.id: Row(
        (
            Need(NOT_DEFAULT, EXCHANGE, "exchange"),
            Need(NOT_OURS, EXCHANGE, "exchange"),
            Need(CONFIGURE, EXCHANGE, "exchange"),
        )
    ),
    ExchangeMethods.Bind.id: _binding(EXCHANGE),
    ExchangeMethods.Unbind.id: _binding(EXCHANGE),
    Queue.Declare.id: Row(
        needs=(Need(CONFIGURE, QUEUE, "queue"),),
        passive=(Need(ANY, QUEUE, "queue"),),
        # With a dead-letter exchange.
        new=(Need(READ, QUEUE, "queue"), Need(WRITE, EXCHANGE, "dead_letter_exchange")),
    ),
    Queue.Bind.id: _binding(QUEUE),
    Queue.Unbind.id: _binding(QUEUE),
    Queue.Purge.id: Row((Need(READ, QUEUE, "queue"),)),
    Queue.Delete.id: Row((Need(CONFIGURE, QUEUE, "queue"),)),
    Basic.Qos.id: _NOTHING,
    # Nothing for direct reply-to.
    Basic.Consume.id: Row((Need(READ, QUEUE, "queue"),)),
    Basic.Cancel.id: _NOTHING,
    Basic.Publish.id: Row((Need(WRITE, EXCHANGE, "exchange"),), topics=(Need(WRITE, TOPIC, "exchange"),)),
    Basic.Get.id: Row((Need(READ, QUEUE, "queue"),)),
    Basic.Ack.id: _NOTHING,
    Basic.Reject.id: _NOTHING,
    Basic.Nack.id: _NOTHING,
    Basic.Recover.id: _NOTHING,
    Basic.RecoverAsync.id: _NOTHING,
    Tx.Select.id: _NOTHING,
    Tx.Commit.id: _NOTHING,
    Tx.Rollback.id: _NOTHING,
    Confirm.Select.id: _NOTHING,
}


def authorize(connection: "Connection", method: Method, routing_key: str = "", **names: str) -> None:
    """Raises 403 unless the user may do what the method asks for. names: of the things, by their roles in the row."""
    row = ROWS[method.id]
    needs = row.needs
    if getattr(method, "passive", False):
        needs = row.passive
        if connection.vhost.profile.series < (4, 2):
            needs = tuple(need for need in needs if need.permission == NOT_DEFAULT)
    _check(connection, needs, (routing_key,), names)


def authorize_new(connection: "Connection", method: Method, **names: str) -> None:
    """The same for what the method makes of things that were not there."""
    _check(connection, ROWS[method.id].new, (), names)


def authorize_topics(connection: "Connection", exchange: str, routing_keys: Sequence[str]) -> None:
    """The same for the routing keys of a message."""
    _check(connection, ROWS[Basic.Publish.id].topics, routing_keys, {"exchange": exchange})


def authorize_vhost(connection: "Connection", vhost: str) -> None:
    """Raises 403 unless the user has any permission in the virtual host; the connection makes it a 530."""
    user = connection.user_name
    if connection.broker.permissions.get(user, vhost) is None:
        raise AMQPError(ACCESS_REFUSED, f"access to vhost '{vhost}' refused for user '{user}'")


def _check(connection: "Connection", needs: Needs, routing_keys: Sequence[str], names: dict[str, str]) -> None:
    for permission, kind, role in needs:
        name = names[role]
        if permission == NOT_DEFAULT:
            if kind == EXCHANGE and name == "":
                raise AMQPError(ACCESS_REFUSED, "operation not permitted on the default exchange")
        elif permission == NOT_OURS:
            if name.startswith("amq."):
                raise AMQPError(ACCESS_REFUSED, f"deletion of system {_described(connection, kind, name)} not allowed")
        elif kind == TOPIC:
            _check_topics(connection, permission, name, routing_keys)
        elif permission == ANY:
            if not any(_allows(connection, one, kind, name) for one in (READ, WRITE, CONFIGURE)):
                raise _refusal(connection, CONFIGURE, _described(connection, kind, name))
        elif not _allows(connection, permission, kind, name):
            raise _refusal(connection, permission, _described(connection, kind, name))


def _allows(connection: "Connection", permission: str, kind: str, name: str) -> bool:
    granted = connection.broker.permissions.get(connection.user_name, connection.vhost.name)
    return granted is not None and granted.allows(permission, _known_as(kind, name))


def _check_topics(connection: "Connection", permission: str, name: str, routing_keys: Sequence[str]) -> None:
    exchange = connection.vhost.exchanges.get(name)
    if exchange is None or not has_topics(exchange):
        return
    granted = connection.broker.topic_permissions.get(connection.user_name, connection.vhost.name, name)
    if granted is None:
        return
    for routing_key in routing_keys:
        if not granted.allows(permission, routing_key):
            described = f"topic '{routing_key}' in {_described(connection, EXCHANGE, name)}"
            raise _refusal(connection, permission, described)


def has_topics(exchange: Exchange) -> bool:
    """Whether topic permissions are about this exchange."""
    return exchange.type == "topic"


def _known_as(kind: str, name: str) -> str:
    return DEFAULT_EXCHANGE if kind == EXCHANGE and name == "" else name


def _described(connection: "Connection", kind: str, name: str) -> str:
    return connection.vhost.describe(kind, _known_as(kind, name))


def _refusal(connection: "Connection", permission: str, what: str) -> AMQPError:
    # Before 3.12 nothing is said of the permission.
    kind_of = f"{permission} " if connection.vhost.profile.series >= (4, 0) else ""
    return AMQPError(ACCESS_REFUSED, f"{kind_of}access to {what} refused for user '{connection.user_name}'")
