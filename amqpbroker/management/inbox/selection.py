"""Which entries of the inbox somebody gets: those that they may read, and of these those that they asked for."""

from collections.abc import Mapping
from typing import TYPE_CHECKING

from amqpbroker.management.access.authorization import has_tag
from amqpbroker.management.inbox.entry import Entry
from amqpbroker.model.access import User
from amqpbroker.model.access.permissions import READ
from amqpbroker.model.access.users import INSIDER
from amqpbroker.model.message import split_address

if TYPE_CHECKING:
    from amqpbroker.model.broker import Broker

_SEE_ALL = ("administrator", "monitoring")


class Selection:
    """query: `vhost`, `exchange`, `routing_key`, `queue`, each a name; `search`: a text somewhere in a message.

    Who may read none of the queues that a message reached does not see it; one that reached none is seen by its user.
    """

    def __init__(self, user: User, broker: "Broker", query: Mapping[str, str]) -> None:
        self._user = user
        self._broker = broker
        self._vhost = query.get("vhost")
        self._exchange = query.get("exchange")
        self._routing_key = query.get("routing_key")
        self._queue = query.get("queue")
        self._search = query.get("search", "").lower().encode("utf-8", "replace")

    def takes(self, entry: Entry) -> bool:
        """Whether an entry is one of them."""
        if self._vhost is not None and entry.vhost != self._vhost:
            return False
        if self._queue is not None and self._queue not in entry.states:
            return False
        if self._exchange is not None or self._routing_key is not None:
            exchange, routing_key = split_address(entry.message[0])
            if self._exchange not in (None, exchange) or self._routing_key not in (None, routing_key):
                return False
        return self.may_see(entry) and (not self._search or self._has_text(entry))

    def may_see(self, entry: Entry) -> bool:
        """Whether the user may read an entry, by the permissions of now; who has another password now has to log in."""
        if self._user is INSIDER:
            return True
        user = self._broker.users.get(self._user.name)
        if user is None or user.password_hash != self._user.password_hash:
            return False
        if has_tag(user, _SEE_ALL):
            return True
        permission = self._broker.permissions.get(user.name, entry.vhost)
        if permission is None:
            return False
        if not entry.states:
            return entry.client is not None and entry.client.user == user.name
        return any(permission.allows(READ, name) for name in entry.states)

    def _has_text(self, entry: Entry) -> bool:
        """Whether the text is in the octets of exchange, routing key, properties or body, or in a queue's name."""
        address, header, body, _ = entry.message
        if any(self._search in octets.lower() for octets in (address, header, body)):
            return True
        return any(self._search in name.lower().encode("utf-8", "surrogateescape") for name in entry.states)
