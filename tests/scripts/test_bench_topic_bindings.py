"""The benchmark's patterns and keys: each key matches one pattern, and no key of the new ones comes twice."""

import itertools
import re
import threading

import pytest

from benchmark.load import Publisher
from benchmark.topic_bindings import EXCHANGE, KEYS, NewKeys, key, pattern
from benchmark.wire import Connection, Message


def matches(routing_key: str, routing_pattern: str) -> bool:
    expression = re.escape(routing_pattern).replace(r"\*", "[^.]*").replace(r"\.\#", r"(\..*)?")
    return re.fullmatch(expression, routing_key) is not None


@pytest.mark.parametrize("number", [0, 1, 9_998, 9_999])
def test_a_key_matches_its_pattern_alone(number: int) -> None:
    assert [other for other in range(10_000) if matches(key(number, "word"), pattern(other))] == [number]


def test_new_keys_are_new_and_their_publishes_of_one_length() -> None:
    publishes = [Message(EXCHANGE, key(number, "wwwwwwww"), b"body").publish(4096) for number in range(KEYS)]
    publisher = NewKeys(Connection.__new__(Connection), publishes, threading.Event())
    assert isinstance(publisher, Publisher)
    octets = b"".join(itertools.islice(publisher._endless(), 6))
    keys = re.findall(rb"a\.[0-9a-f]{8}\.n\d{6}|n\d{6}\.[0-9a-f]{8}\.b", octets)
    assert len(octets) == len(keys) * len(publishes[0])
    assert len(set(keys)) == len(keys) == 2 * KEYS
