"""One virtual host, looked at on the loop of the broker: what `Broker`, `AsyncBroker` and predicates see."""

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, Any

from amqpbroker.model.vhost import VirtualHost
from amqpbroker.session.connection import Connection
from amqpbroker.testing.inspection.dead_letters import DeadLetter, dead_letters
from amqpbroker.testing.inspection.history import Event, History
from amqpbroker.testing.inspection.message import Message
from amqpbroker.testing.inspection.queues import Queues, found_queue, states_of, waiting, with_clients
from amqpbroker.testing.inspection.queues import told as queue_told
from amqpbroker.testing.server import ObservedServer
from amqpbroker.wire.tables import from_python

if TYPE_CHECKING:
    from amqpbroker.testing.inspection.clients import ConnectionState
    from amqpbroker.testing.inspection.topology import BindingState, ExchangeState
    from amqpbroker.testing.inspection.why import Why

_EVENTS_SHOWN_MAX = 10


class View:
    """What is there now. To be asked on the broker's loop only: what it gives can be taken anywhere.

    name: of the virtual host, which may go and come again meanwhile.
    """

    def __init__(self, server: ObservedServer, name: str) -> None:
        self.server = server
        self.name = name

    @property
    def vhost(self) -> VirtualHost:
        """The virtual host itself. Raises UnknownVhostError, a KeyError."""
        found = self.server.broker.vhosts.get(self.name)
        if found is None:
            raise UnknownVhostError(self.name, list(self.server.broker.vhosts))
        return found

    @property
    def queues(self) -> Queues:
        """The queues by name; an unknown name raises UnknownQueueError, a KeyError that has those that are there."""
        return states_of(self.vhost).asked_of(self.messages)

    def messages(self, queue: str, skip: int = 0, most: int | None = None) -> list[Message]:
        """What waits in a queue behind so many, in order, at most so many; it stays there."""
        return waiting(found_queue(self.vhost, queue), skip, most)

    def unacked(self, queue: str) -> list[Message]:
        """What clients have of a queue and have not settled, in its order."""
        return with_clients(self.sessions(), found_queue(self.vhost, queue))

    @property
    def history(self) -> History:
        """What has happened to messages here."""
        return self.server.recorder.history(self.name)

    @property
    def dead_letters(self) -> list[DeadLetter]:
        """What has died here, as far as the history knows, the oldest first."""
        return dead_letters(self.history.runs)

    @property
    def connections(self) -> "list[ConnectionState]":
        """The clients that are in here, the oldest first."""
        from amqpbroker.testing.inspection.clients import connection_state  # what every suite loads is little

        return [connection_state(connection) for connection in self.sessions()]

    @property
    def exchanges(self) -> "dict[str, ExchangeState]":
        """The exchanges by name."""
        from amqpbroker.testing.inspection.topology import exchanges_of

        return exchanges_of(self.vhost)

    @property
    def bindings(self) -> "list[BindingState]":
        """All bindings."""
        from amqpbroker.testing.inspection.topology import bindings_of

        return bindings_of(self.vhost)

    def why(
        self,
        message: Message | None = None,
        *,
        exchange: str = "",
        routing_key: str = "",
        headers: Mapping[str, Any] | None = None,
    ) -> "Why":
        """Why a message goes where it goes: one that was published, or one that might be."""
        from amqpbroker.testing.inspection.why import why  # few tests ask

        if message is not None:
            event = message if isinstance(message, Event) else None
            return why(self.vhost, message.exchange, message.routing_key, message.table, event)
        table = {name: from_python(value) for name, value in (headers or {}).items()}
        return why(self.vhost, exchange, routing_key, table)

    def sessions(self) -> Iterator[Connection]:
        """The connections themselves."""
        vhost = self.vhost
        return (one for one in self.server.sessions() if one.vhost is vhost)

    def told(self) -> str:
        """What is there, for people: queues with counts, the last events, connections."""
        from amqpbroker.testing.inspection.clients import told

        history = self.history
        dropped = f" ({history.dropped} older events were dropped)" if history.dropped else ""
        parts = [
            f"queues of virtual host {self.name!r}:",
            *([queue_told(state) for state in self.queues.values()] or ["  none"]),
            f"last of what happened{dropped}:",
            *([f"  {event.told()}" for event in history.last(_EVENTS_SHOWN_MAX)] or ["  nothing"]),
            "connections:",
            *([told(state) for state in self.connections] or ["  none"]),
        ]
        return "\n".join(parts)


class UnknownVhostError(KeyError):
    """There is no such virtual host. The text has those that are there."""

    def __init__(self, name: str, known: list[str]) -> None:
        self.text = f"there is no virtual host {name!r}; there are {', '.join(map(repr, known))}"
        super().__init__(self.text)

    def __str__(self) -> str:
        return self.text
