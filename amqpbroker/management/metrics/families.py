"""What a metric is here: a family of numbers with a name, a type and a sentence, and where its numbers come from."""

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

GAUGE: Final = "gauge"
COUNTER: Final = "counter"
UNTYPED: Final = "unknown"

Labels = tuple[tuple[str, str], ...]
# A number for each family of a group; None: there is none of this one.
Values = tuple[float | None, ...]
Rows = Iterator[tuple[Labels, Values]]


class Family(NamedTuple):
    """name: without what all of them begin with."""

    name: str
    kind: str
    help: str


class Group(NamedTuple):
    """Families whose numbers come together. name: RabbitMQ's, which `family=` of the detailed metrics asks for.

    rows: of each thing, or of the whole. of_things: whether each row is one thing's, so that they may be added up.
    rest: what is to be added to the sum: of things that are gone.
    """

    name: str
    families: tuple[Family, ...]
    rows: Callable[["Server"], Rows]
    of_things: bool = False
    rest: Callable[["Server"], Values] | None = None


def label(text: str) -> str:
    """A name as a label: of what is no Unicode in it only the place is left."""
    return text if text.isascii() else text.encode("utf-8", "replace").decode("utf-8")
