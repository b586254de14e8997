"""Which regular expressions may take for ever, and which of those that are usual do not."""

import re

import pytest

from amqpbroker.model.access.permissions import Permission
from amqpbroker.model.broker import Broker
from amqpbroker.model.policies.backtracking import is_explosive
from amqpbroker.model.policies.validation import InvalidParameterError
from tests.helpers.wire_client import MemoryServer

EXPLOSIVE = [
    rb"(a+)+$",
    rb"(a*)*",
    rb"(\w+\s?)*$",
    rb"(a|aa)+$",
    rb"(a|b|ab)*c",
    rb"(.*,)*x",
    rb"([a-z]+_?)+$",
    rb"(x+x+)+y",
    rb"((ab)*)*c",
    rb"(?:a+){2,}$",
    rb"(?=(a+)+$)",
    rb"(?i)(a+A?)+$",
    rb"(?>(a+)+$)",
    rb"([^b]a?)*c",
    rb"(a{1,30}){1,30}$",
]
HARMLESS = [
    rb"",
    rb"^$",
    rb".*",
    rb"^orders-.*$",
    rb"^(a|b|c)$",
    rb"^amq\.gen.*|^team-[a-z0-9_-]+$",
    rb"^([a-z]+\.)*orders$",
    rb"^(team-a|team-b)*$",
    rb"^(prod|preprod)-.*",
    rb".*a.*b.*",
    rb"(\w+\.)+\w+$",
    rb"([^.]+\.)*x",
    rb"(?>(a+))+$",
    rb"(a++)+$",
    rb"(a{2})*",
    rb"(a?b?){2}",
    rb"(?:\D\d)*",
    rb"(a)(?:\1b)*",
]


@pytest.mark.parametrize("pattern", EXPLOSIVE)
def test_what_matches_in_two_ways_again_and_again_is_found(pattern: bytes) -> None:
    assert is_explosive(re.compile(pattern))


@pytest.mark.parametrize("pattern", HARMLESS)
def test_what_is_usual_is_let_through(pattern: bytes) -> None:
    assert not is_explosive(re.compile(pattern))


@pytest.fixture
def broker() -> Broker:
    return MemoryServer().broker


def test_it_is_refused_as_a_permission(broker: Broker) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        broker.permissions.set("anna", "/", configure="^([a-z]+_?)+$", write="", read="")
    assert refused.value.reason.startswith("regular expression '^([a-z]+_?)+$' may take for ever")
    with pytest.raises(InvalidParameterError):
        broker.topic_permissions.set("anna", "/", "amq.topic", write="(a+)+", read="")
    assert broker.permissions.get("anna", "/") == Permission("anna", "/", ".*", ".*", ".*")


def test_it_is_refused_as_the_pattern_of_a_policy(broker: Broker) -> None:
    parameters = broker.vhosts["/"].parameters
    with pytest.raises(InvalidParameterError, match="pattern may take for ever"):
        parameters.set_policy("short", {"pattern": "(a+)+$", "definition": {"max-length": 1}})
    assert list(parameters.policies) == []
