"""topic: to whatever is bound with a pattern that the routing key fits.

A key and a pattern are words with dots between them (an empty key is no word; `a..b` has an empty word in it). In a
pattern the word `*` stands for any one word, `#` for any number of words, none included.

Most patterns are kept in a trie: a key is read once, word by word, with all nodes that its words so far lead to. A
pattern has one such node at most, as long as a `#` is its last word. Patterns with a `#` elsewhere, and long ones with
a `*`, go to the `TopicAutomaton`. Neither goes back over the key, so that no binding can make a publish expensive.

Source: AMQP 0-9-1 specification 3.1.3.3; RabbitMQ `rabbit_exchange_type_topic`, `rabbit_db_topic_exchange`.
"""

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, ClassVar, Final

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchange import Destinations, Exchange
from amqpbroker.model.exchanges.topic_automaton import Pattern, TopicAutomaton
from amqpbroker.profiles import Profile
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Table

if TYPE_CHECKING:
    from amqpbroker.model.queue import Queue

# RabbitMQ 4.3 takes no pattern with more, as its own matcher pays for each.
HASH_WORDS_MAX: Final = 2

# Of a pattern with `*` in the trie: so many steps it may cost at most.
TRIE_WORDS_MAX: Final = 16


class _Node:
    """Where the first words of some patterns lead to."""

    __slots__ = ("children", "destinations")

    def __init__(self) -> None:
        self.children: dict[str, _Node] = {}  # by word; `*` and `#` are words like others here
        self.destinations = Destinations()


class TopicExchange(Exchange):
    type: ClassVar[str] = "topic"
    pure = True

    def __init__(self, name: str, durable: bool, auto_delete: bool, internal: bool, arguments: Table) -> None:
        super().__init__(name, durable, auto_delete, internal, arguments)
        self._root = _Node()
        self._automaton = TopicAutomaton()

    def check_binding(self, binding: Binding, profile: Profile, queue: "Queue | None") -> None:
        hash_words = split(binding.routing_key).count("#")
        if profile.series >= (4, 3) and hash_words > HASH_WORDS_MAX:
            raise AMQPError(
                PRECONDITION_FAILED,
                f"Topic binding key '{binding.routing_key}' uses {hash_words} '#' wildcards, "
                f"at most {HASH_WORDS_MAX} are allowed",
            )

    def destinations(self, routing_keys: Sequence[str], properties: Properties) -> Iterable[Destination]:
        found: list[Destination] = []
        for routing_key in routing_keys:
            found += self._matches(split(routing_key))
        return found

    def _matches(self, words: list[str]) -> list[Destination]:
        found: list[Destination] = []
        nodes = [self._root]
        for word in words:
            reached = []
            for node in nodes:
                children = node.children
                if child := children.get("#"):
                    found += child.destinations
                if child := children.get("*"):
                    reached.append(child)
                # A key may hold the wildcards' characters; they mean nothing there.
                if (child := children.get(word)) and word not in ("*", "#"):
                    reached.append(child)
            nodes = reached
        for node in nodes:
            found += node.destinations
            if child := node.children.get("#"):
                found += child.destinations
        for destinations in self._automaton.matches(words):
            found += destinations
        return found

    def _index(self, binding: Binding) -> None:
        pattern = normalized(split(binding.routing_key))
        if suits_trie(pattern):
            node = self._root
            for word in pattern:
                node = node.children.setdefault(word, _Node())
            node.destinations.add(binding.destination)
        else:
            self._automaton.destinations_of(pattern).add(binding.destination)

    def _unindex(self, binding: Binding) -> None:
        pattern = normalized(split(binding.routing_key))
        if suits_trie(pattern):
            path = [self._root]
            for word in pattern:
                path.append(path[-1].children[word])
            path[-1].destinations.remove(binding.destination)
            while len(path) > 1 and not path[-1].destinations and not path[-1].children:
                path.pop()
                del path[-1].children[pattern[len(path) - 1]]
        else:
            destinations = self._automaton.destinations_of(pattern)
            destinations.remove(binding.destination)
            if not destinations:
                self._automaton.discard(pattern)


def split(key: str) -> list[str]:
    """The words of a routing key or pattern."""
    return key.split(".") if key else []


def normalized(words: list[str]) -> Pattern:
    """The pattern that the same keys fit, with one `#` at most in a run of wildcards, as the last of them."""
    result: list[str] = []
    pending_hash = False
    for word in words:
        if word == "#":
            pending_hash = True
            continue
        if pending_hash and word != "*":
            result.append("#")
            pending_hash = False
        result.append(word)
    if pending_hash:
        result.append("#")
    return tuple(result)


def suits_trie(pattern: Pattern) -> bool:
    """Whether a pattern never leads to more than one node of the trie at a time, and to few in all."""
    return "#" not in pattern[:-1] and ("*" not in pattern or len(pattern) <= TRIE_WORDS_MAX)
