"""What every exchange is, whatever its type: a name, its properties, its bindings, and the question where to.

A type of exchange is a file in `exchanges/`: it keeps an index over the bindings and answers `destinations` from it.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ClassVar, Final, NamedTuple

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.counters import Counters
from amqpbroker.model.message import Message
from amqpbroker.profiles import Profile
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table, text

if TYPE_CHECKING:
    from amqpbroker.model.queue import Queue
    from amqpbroker.model.queues.hidden import HiddenQueue
    from amqpbroker.model.vhost import VirtualHost

ALTERNATE_EXCHANGE: Final = "alternate-exchange"


class Kept(NamedTuple):
    """A message that an exchange keeps, with what it is routed by.

    routing_keys: its own and those of CC and BCC, of which BCC is no longer among its headers.
    """

    routing_keys: Sequence[str]
    properties: Properties
    message: Message


class Exchange(ABC):
    """An exchange of one virtual host.

    type: the name clients declare it by. since: the first series of RabbitMQ that has it. pure: whether destinations
    depend on nothing but the bindings and the routing key, so that a decision may be kept until a binding changes.
    keeps: whether it wants to be given (`keep`) every message that comes by. hidden: what it keeps in the way of a
    queue, if anything.
    """

    type: ClassVar[str]
    since: ClassVar[tuple[int, int]] = (0, 0)
    pure: bool
    keeps: ClassVar[bool] = False
    hidden: "HiddenQueue | None" = None

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        self.name = name
        self.durable = durable
        self.auto_delete = auto_delete
        self.internal = internal
        self.arguments = arguments
        self.counters = Counters()
        # The exchange that gets what this one routes nowhere.
        self.alternate: str | None = None
        self.apply_policy({})
        # A dict for its order: bindings are listed as they were made.
        self._bindings: dict[Binding, None] = {}

    @property
    def bindings(self) -> Collection[Binding]:
        """The bindings of which this exchange is the source, oldest first. A view: copy it before changing them."""
        return self._bindings.keys()

    def bind(self, binding: Binding) -> bool:
        """Add a binding; False if it is there already."""
        if binding in self._bindings:
            return False
        self._bindings[binding] = None
        self._index(binding)
        return True

    def unbind(self, binding: Binding) -> bool:
        """Remove a binding; False if there is no such."""
        if binding not in self._bindings:
            return False
        del self._bindings[binding]
        self._unindex(binding)
        return True

    def apply_policy(self, definition: Mapping[str, Any]) -> None:
        """What a policy says of this exchange holds from now on, where its own arguments say nothing.

        definition: key → value as JSON has it, checked; empty if no policy applies.
        """
        # The default exchange cannot be an alternate: RabbitMQ looks for bindings there and finds none. The argument's
        # type was checked when this exchange was declared.
        alternate = self.arguments.get(ALTERNATE_EXCHANGE)
        self.alternate = (definition.get(ALTERNATE_EXCHANGE) if alternate is None else text(alternate)) or None

    # Most types have no rules of their own.

    @classmethod  # noqa: B027
    def check_arguments(cls, arguments: Table) -> None:
        """Whether a new exchange of this type may have these arguments. Raises AMQPError if not."""

    def check_binding(self, binding: Binding, profile: Profile, queue: "Queue | None") -> None:  # noqa: B027
        """Whether this type of exchange can have such a binding. Raises AMQPError if not.

        queue: what it leads to; None if that is an exchange.
        """

    def taken_in(self, vhost: "VirtualHost") -> None:  # noqa: B027
        """This exchange is now one of the virtual host's."""

    def keep(self, kept: Kept) -> bool:
        """A message has come by, whether it goes anywhere from here or not.

        Returns whether it is being recorded, so that it is confirmed no earlier than it is on disk.
        """
        return False

    @property
    def remembers(self) -> bool:
        """Whether what is hidden survives a restart."""
        return False

    def history(self) -> Sequence[Kept]:
        """What whatever is bound to this exchange gets at once, oldest first."""
        return ()

    @abstractmethod
    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> Iterable[Destination]:
        """Where a message goes from here. May repeat itself; looks no further than this exchange.

        routing_keys: its own first, then those of CC and BCC.
        """

    @abstractmethod
    def _index(self, binding: Binding) -> None:
        """Take a new binding into the index."""

    @abstractmethod
    def _unindex(self, binding: Binding) -> None:
        """Take a binding out of the index."""


class Destinations(dict[Destination, int]):
    """Destinations, each with the number of bindings that lead there: two may differ in their arguments alone."""

    __slots__ = ()

    def add(self, destination: Destination) -> None:
        self[destination] = self.get(destination, 0) + 1

    def remove(self, destination: Destination) -> None:
        if self[destination] == 1:
            del self[destination]
        else:
            self[destination] -= 1
