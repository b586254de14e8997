"""topic: patterns of words."""

from collections.abc import Sequence
from functools import partial
from random import Random
from timeit import repeat

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.errors import AMQPError
from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.exchanges.topic import TopicExchange, normalized, split, suits_trie
from amqpbroker.profiles import PROFILES
from amqpbroker.wire.properties import Properties


def topic_exchange(*patterns: str) -> TopicExchange:
    """An exchange with a queue of the same name for each pattern."""
    exchange = TopicExchange("x", False, False, False, {})
    for pattern in patterns:
        exchange.bind(binding(pattern))
    return exchange


def binding(pattern: str) -> Binding:
    return Binding("x", Destination("queue", pattern), pattern, {})


def reached(exchange: TopicExchange, key: str) -> list[str]:
    return sorted(destination.name for destination in exchange.destinations([key], Properties()))


def fits(pattern: Sequence[str], words: Sequence[str]) -> bool:
    """The rule, word by word, in the plainest way."""
    if not pattern:
        return not words
    if pattern[0] == "#":
        return any(fits(pattern[1:], words[taken:]) for taken in range(len(words) + 1))
    return bool(words) and pattern[0] in ("*", words[0]) and fits(pattern[1:], words[1:])


# Asked of RabbitMQ 3.10.8.
@pytest.mark.parametrize(
    ("pattern", "key", "matches"),
    [
        ("*", "", False),
        ("#", "", True),
        ("", "", True),
        ("#.#", "", True),
        ("*.*", ".", True),
        ("a.#", "a", True),
        ("#.a", "a", True),
        ("a.#", "a..b", True),
        ("a.*.#", "a..b", True),
        ("a..b", "a..b", True),
        ("a.*.c", "a..b", False),
        ("#.*", "a", True),
        ("#.*", "", False),
        ("*.#", "", False),
        ("#", "#", True),
        ("*", "#", True),
        ("*", "*", True),
        ("a.#.b", "a.b", True),
        ("a.", "a.", True),
        ("a.*", "a.", True),
        ("a.#.", "a.", True),
    ],
)
def test_patterns_and_keys_as_recorded(pattern: str, key: str, matches: bool) -> None:
    assert reached(topic_exchange(pattern), key) == [pattern] * matches


WORDS = st.sampled_from(["a", "b", "", "*", "#"])
PATTERNS = st.lists(WORDS, max_size=7).map(".".join)
LONG_PATTERNS = st.lists(st.sampled_from("aaaa*"), min_size=15, max_size=19).map(".".join)
KEYS = st.lists(st.sampled_from(["a", "b", "", "c"]), max_size=8).map(".".join)
LONG_KEYS = st.lists(st.sampled_from("aaaab"), min_size=15, max_size=19).map(".".join)


@given(st.sets(PATTERNS | LONG_PATTERNS, max_size=30), st.lists(KEYS | LONG_KEYS, max_size=10))
def test_matching_follows_the_rule(patterns: set[str], keys: list[str]) -> None:
    exchange = topic_exchange(*patterns)
    for key in keys:
        expected = sorted(pattern for pattern in patterns if fits(split(pattern), split(key)))
        assert reached(exchange, key) == expected


@given(st.lists(PATTERNS | LONG_PATTERNS, unique=True), st.data())
def test_unbinding_leaves_the_others_and_no_trace(patterns: list[str], data: st.DataObject) -> None:
    exchange = topic_exchange(*patterns)
    kept = data.draw(st.sets(st.sampled_from(patterns))) if patterns else set()
    for pattern in patterns:
        if pattern not in kept:
            exchange.unbind(binding(pattern))
    key = data.draw(KEYS)
    assert reached(exchange, key) == sorted(pattern for pattern in kept if fits(split(pattern), split(key)))
    for pattern in kept:
        exchange.unbind(binding(pattern))
    assert exchange._root.children == {}
    assert exchange._automaton._blocks == []


@given(st.lists(WORDS, max_size=7), KEYS)
def test_a_normalized_pattern_fits_the_same_keys(pattern: list[str], key: str) -> None:
    assert fits(normalized(pattern), split(key)) == fits(pattern, split(key))


def test_runs_of_wildcards_become_one() -> None:
    assert normalized(["a", "#", "*", "#", "#", "*", "b", "#"]) == ("a", "*", "*", "#", "b", "#")
    assert normalized(["#"] * 60) == ("#",)


def test_the_trie_has_patterns_with_one_place_to_be() -> None:
    assert suits_trie(("a", "*", "#"))
    assert suits_trie(("a",) * 128)
    assert not suits_trie(("#", "a"))
    assert not suits_trie(("*",) * 17)


def test_two_patterns_to_one_queue_are_two_bindings() -> None:
    exchange = TopicExchange("x", False, False, False, {})
    for pattern in ("#.#", "#"):
        exchange.bind(Binding("x", Destination("queue", "q"), pattern, {}))
    exchange.unbind(Binding("x", Destination("queue", "q"), "#", {}))
    assert reached(exchange, "any") == ["q"]


def test_more_than_two_hash_words_are_refused_since_4_3() -> None:
    exchange = topic_exchange()
    exchange.check_binding(binding("#.a.#.b.#"), PROFILES["4.2"], None)
    exchange.check_binding(binding("#.a.#.a#"), PROFILES["4.3"], None)
    with pytest.raises(AMQPError) as raised:
        exchange.check_binding(binding("#.a.#.b.#"), PROFILES["4.3"], None)
    assert raised.value.text == (
        "PRECONDITION_FAILED - Topic binding key '#.a.#.b.#' uses 3 '#' wildcards, at most 2 are allowed"
    )


def test_many_hash_words_cost_no_more_than_few() -> None:
    # A matcher that goes back over the key does not come to an end here: there are 120!/(60! 60!) ways to try.
    patterns = [f"{'#.a.' * 59}#.z{number}" for number in range(50)]
    exchange = topic_exchange(*patterns, "#.a." * 59 + "#")
    assert reached(exchange, ".".join("a" * 120)) == ["#.a." * 59 + "#"]


@pytest.mark.parametrize("words", ["#.a #.*", "#.a #.b", "a *", "# a *"])
def test_a_thousand_patterns_of_sixty_wildcards_cost_under_5_ms(words: str) -> None:
    random = Random(0)
    patterns = {"#." + ".".join(random.choices(words.split(), k=60)) for _ in range(1_100)}
    exchange = topic_exchange(*sorted(patterns)[:1_000])
    key = ".".join("a" * 120)
    reached(exchange, key)
    # The shortest of several times: others have the processor too.
    assert min(repeat(partial(exchange.destinations, [key], Properties()), number=1, repeat=20)) < 0.005


@pytest.mark.parametrize("pattern", ["#.{}", "{}.#", "*.{}", "x.{}.#.y"])
def test_many_patterns_keep_apart(pattern: str) -> None:
    exchange = topic_exchange(*(pattern.format(number) for number in range(3_000)))
    key = pattern.format(1_234).replace("#", "p.q").replace("*", "r")
    assert reached(exchange, key) == [pattern.format(1_234)]
