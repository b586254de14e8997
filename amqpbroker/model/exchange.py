"""What every exchange is, whatever its type: a name, its properties, its bindings, and the question where to.

A type of exchange is a file in `exchanges/`: it keeps an index over the bindings and answers `destinations` from it.
"""

from abc import ABC, abstractmethod
from collections.abc import Collection, Iterable
from typing import ClassVar, Final

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.profiles import Profile
from amqpbroker.wire.tables import Table, text

ALTERNATE_EXCHANGE: Final = "alternate-exchange"


class Exchange(ABC):
    """An exchange of one virtual host.

    type: the name clients declare it by. pure: whether destinations depend on nothing but the bindings and the routing
    key, so that a decision may be kept until a binding changes.
    """

    type: ClassVar[str]
    pure: ClassVar[bool]

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        self.name = name
        self.durable = durable
        self.auto_delete = auto_delete
        self.internal = internal
        self.arguments = arguments
        alternate = arguments.get(ALTERNATE_EXCHANGE)
        # The exchange that gets what this one routes nowhere. The default exchange cannot be it: RabbitMQ looks for
        # bindings there and finds none. The argument's type was checked when this exchange was declared.
        self.alternate: str | None = None if alternate is None else text(alternate) or None
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

    def check_binding(self, binding: Binding, profile: Profile) -> None:  # noqa: B027 (most types take any)
        """Whether this type of exchange can have such a binding. Raises AMQPError if not."""

    @abstractmethod
    def destinations(self, routing_key: str, headers: Table) -> Iterable[Destination]:
        """Where a message goes from here. May repeat itself; looks no further than this exchange."""

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
