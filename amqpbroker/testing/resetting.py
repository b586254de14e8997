"""The broker as it was when it started: without queues, exchanges, bindings, policies, other virtual hosts and users.

Without a data directory fresh virtual hosts take the place of those that are there, which takes about the same time
whatever is in them. With one, and where connections are kept, all is deleted as clients would: that is recorded, and
told to consumers.
"""

from copy import copy
from typing import TYPE_CHECKING

from amqpbroker.model.access.failed_logins import FailedLogins
from amqpbroker.model.observing.announcer import INTERNAL_USER
from amqpbroker.model.observing.events import EVENT_EXCHANGE
from amqpbroker.model.vhost import PREDECLARED, VirtualHost
from amqpbroker.server.log_exchange import LOG_EXCHANGE, LogExchangeHandler
from amqpbroker.testing.accounts import Accounts

if TYPE_CHECKING:
    from collections.abc import Callable

    from amqpbroker.model.broker import Broker
    from amqpbroker.testing.server import ObservedServer

_REASON = "the broker was reset"
_KEPT = {"", EVENT_EXCHANGE, LOG_EXCHANGE, *(name for name, _, _ in PREDECLARED)}


class Start:
    """What a broker is reset to. declare: what declares all that was there from the start beside users, again."""

    def __init__(self, server: "ObservedServer", declare: "Callable[[Broker], None] | None") -> None:
        self._server = server
        self._declare = declare
        self._accounts = Accounts(server.broker)
        vhost = server.broker.vhosts[server.config.vhost]
        self._metadata = vhost.description, vhost.tags, vhost.default_queue_type
        self._is_protected = vhost.protected_from_deletion

    def moved_to(self, server: "ObservedServer") -> "Start":
        """The same for the server that has taken the place of this one."""
        moved = copy(self)
        moved._server = server
        return moved

    def reset(self, *, keep_connections: bool, is_to_start: bool) -> None:
        """It is so again; what was noted and set by hand is forgotten. Time goes on, and never back.

        is_to_start: whether what definitions have declared is there again: otherwise something else will be.
        """
        server = self._server
        server.rules.forget()
        if not keep_connections:
            self._close_connections()
        if server.broker.journal is None and not server.broker.connections:
            self._renew()
        else:
            self._delete()
        if self._declare is not None and is_to_start:
            self._declare(server.broker)
        self._accounts.put_back(server.broker)
        server.broker.failed_logins = FailedLogins()
        server.recorder.taken()
        server.ledger.forget()
        server.linter.take()
        for forget in server.at_reset:
            forget()
        server.clock.resume()
        server.socket_clock.resume()
        server.alarms.look()

    def _close_connections(self) -> None:
        connections = list(self._server.sessions())
        for connection in connections:
            # What the first to be closed has not acknowledged is not for the others.
            connection.pause_writing()
        for connection in connections:
            connection.force_close(_REASON)

    # Without a data directory

    def _renew(self) -> None:
        server, broker = self._server, self._server.broker
        first = server.config.vhost
        former = list(broker.vhosts.values())
        for vhost in former:
            if vhost.name != first:
                broker.renew_vhost(vhost.name)
                broker.delete_vhost(vhost.name)
        fresh = broker.renew_vhost(first) if first in broker.vhosts else broker.add_vhost(first)
        fresh.description, fresh.tags, fresh.default_queue_type = self._metadata
        fresh.protected_from_deletion = self._is_protected
        self._begin(fresh)
        server.leftovers.take(former, server.recorder.taken())

    def _begin(self, vhost: VirtualHost) -> None:
        """What the broker itself publishes goes there."""
        server, broker = self._server, self._server.broker
        broker.events.begin(vhost)
        broker.trace(vhost, server.config.tracing)
        if server._log_exchange is not None:
            server._log_exchange.end()
            names = broker.node_name, server.loop, server.flush_soon
            server._log_exchange = LogExchangeHandler(vhost, *names)
            server._log_exchange.begin(server.config.log_exchange_level, server.config.log_format)

    # With one

    def _delete(self) -> None:
        server, broker = self._server, self._server.broker
        first = server.config.vhost
        for name in [name for name in broker.vhosts if name != first]:
            broker.delete_vhost(name)
        if first not in broker.vhosts:
            broker.create_vhost(first)
            self._begin(broker.vhosts[first])
        vhost = broker.vhosts[first]
        _empty(vhost)
        description, tags, default_queue_type = self._metadata
        if (vhost.description, vhost.tags, vhost.default_queue_type) != self._metadata:
            vhost.set_metadata(description=description, tags=tags, default_queue_type=default_queue_type)
        vhost.protect_from_deletion(self._is_protected)
        broker.trace(vhost, server.config.tracing)


def _empty(vhost: VirtualHost) -> None:
    for queue in list(vhost.queues.values()):
        if not queue.deleted:  # an auto-delete queue goes with its last consumer
            vhost.delete_queue(queue)
    for name in [name for name in vhost.exchanges if name not in _KEPT]:
        vhost.delete_exchange(name)
    for name in _KEPT & vhost.exchanges.keys():
        for binding in list(vhost.exchanges[name].bindings):
            vhost.unbind(binding)
    vhost.parameters.clear_all(INTERNAL_USER)
