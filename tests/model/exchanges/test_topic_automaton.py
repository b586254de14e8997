"""Patterns matched as bits of a number."""

from amqpbroker.model.binding import Destination
from amqpbroker.model.exchanges.topic_automaton import BLOCK_BITS, TopicAutomaton

QUEUE = Destination("queue", "q")


def automaton_of(*patterns: str) -> TopicAutomaton:
    """An automaton with a queue of the same name for each pattern."""
    automaton = TopicAutomaton()
    for pattern in patterns:
        automaton.destinations_of(tuple(pattern.split("."))).add(Destination("queue", pattern))
    return automaton


def matched(automaton: TopicAutomaton, key: str) -> list[str]:
    return [destination.name for destinations in automaton.matches(key.split(".")) for destination in destinations]


def test_a_hash_word_takes_any_number_of_words() -> None:
    automaton = automaton_of("#.b", "a.#.b", "a.#.c.#", "*.b")
    assert matched(automaton, "a.b") == ["#.b", "a.#.b", "*.b"]
    assert matched(automaton, "a.c.x.b") == ["#.b", "a.#.b", "a.#.c.#"]
    assert matched(automaton, "b.b.a") == []


def test_a_pattern_ends_where_the_next_begins() -> None:
    # The bits of one pattern lie beside those of the next: nothing may be carried over.
    assert matched(automaton_of("a.#.b", "b.#.a", "a.b.#.a"), "a.b") == ["a.#.b"]


def test_patterns_come_and_go_between_matches() -> None:
    automaton = automaton_of("#.a")
    assert matched(automaton, "a") == ["#.a"]
    automaton.destinations_of(("#", "a", "#")).add(QUEUE)
    assert matched(automaton, "a") == ["#.a", "q"]
    automaton.discard(("#", "a"))
    assert matched(automaton, "a") == ["q"]


def test_a_block_holds_what_its_bits_allow() -> None:
    # `#.n` has two bits.
    automaton = automaton_of(*(f"#.{number}" for number in range(BLOCK_BITS // 2)))
    assert len(automaton._blocks) == 1
    automaton.destinations_of(("#", "more")).add(QUEUE)
    assert len(automaton._blocks) == 2
    assert matched(automaton, "x.more") == ["q"]


def test_an_empty_block_goes() -> None:
    automaton = automaton_of("#.a")
    automaton.discard(("#", "a"))
    assert automaton._blocks == []
