"""Which policy applies to what. The texts were recorded on RabbitMQ 3.10.8, but for apply-to, which is 3.13.7's."""

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.policies.policy import Policies, Policy, new_policy
from amqpbroker.model.policies.validation import InvalidParameterError
from amqpbroker.profiles import PROFILES

PROFILE = PROFILES["4.2"]


def policy(name: str = "short", **how: Any) -> Policy:
    term = {"pattern": "^tasks", "definition": {"max-length": 1}} | {key.replace("_", "-"): how[key] for key in how}
    return new_policy("/", name, term, PROFILE)


def policies(*some: Policy) -> Policies:
    store = Policies(PROFILE)
    for one in some:
        store.add(one)
    return store


def name_of(found: Policy | None) -> str | None:
    return found.name if found is not None else None


def test_a_policy_that_says_no_more_is_for_all_and_of_priority_0() -> None:
    assert policy() == Policy("/", "short", "^tasks", "all", {"max-length": 1}, 0)


@pytest.mark.parametrize(
    ("how", "reason"),
    [
        ({"priority": "x"}, 'priority should be a number, actually was <<"x">>\n'),
        ({"priority": None}, "priority should be a number, actually was null\n"),
        ({"pattern": 1}, "pattern should be a binary but was 1\n"),
        ({"definition": {}}, "no policy provided\n"),
        ({"definition": {"max-length": -1}}, "-1 is not a valid maximum length\n"),
        ({"foo": 1}, 'Unrecognised terms [{<<"foo">>,1}] in short\n'),
        (
            {"pattern": "(", "apply-to": "x"},
            "apply-to 'x' unrecognised; should be one of: 'queues', 'classic_queues',  'quorum_queues', 'streams', "
            "'exchanges', or 'all'\n"
            'pattern should be regular expression but is invalid: {"missing )",1}\n',
        ),
    ],
)
def test_what_is_refused(how: dict[str, Any], reason: str) -> None:
    with pytest.raises(InvalidParameterError, match=re.escape(f"Validation failed\n\n{reason}")):
        policy(**how)


@pytest.mark.parametrize("missing", ["pattern", "definition"])
def test_what_has_to_be_there(missing: str) -> None:
    term = {"pattern": "^tasks", "definition": {"max-length": 1}}
    del term[missing]
    with pytest.raises(InvalidParameterError, match=f'Key "{missing}" not found in short'):
        new_policy("/", "short", term, PROFILE)


def test_a_priority_may_be_a_float_or_below_0() -> None:
    assert [policy(priority=value).priority for value in (1.5, -1)] == [1.5, -1]


def test_an_operator_policy_may_say_less() -> None:
    term = {"pattern": "", "definition": {"alternate-exchange": "others", "max-length": 1}}
    with pytest.raises(InvalidParameterError, match=r"alternate-exchange.* are not recognised policy settings"):
        new_policy("/", "short", term, PROFILE, for_operators=True)


@pytest.mark.parametrize(
    ("apply_to", "expected"),
    [
        ("all", "classic quorum exchange"),
        ("queues", "classic quorum"),
        ("exchanges", "exchange"),
        ("classic_queues", "classic"),
        ("quorum_queues", "quorum"),
        ("streams", ""),
    ],
)
def test_what_a_policy_applies_to(apply_to: str, expected: str) -> None:
    store = policies(policy(apply_to=apply_to))
    found = {kind: store.of_queue("tasks", kind) for kind in ("classic", "quorum", "stream")}
    found["exchange"] = store.of_exchange("tasks")
    assert [kind for kind, one in found.items() if one is not None] == expected.split()


@pytest.mark.parametrize(("pattern", "expected"), [("^tasks", True), ("ask", True), ("", True), ("^ask", False)])
def test_a_pattern_is_looked_for_anywhere_in_a_name(pattern: str, expected: bool) -> None:
    assert (policies(policy(pattern=pattern)).of_queue("tasks", "classic") is not None) is expected


def test_a_policy_with_a_key_that_the_type_cannot_have_does_not_apply_at_all() -> None:
    store = policies(
        policy("high", priority=9, definition={"max-length": 1, "delivery-limit": 1}), policy("low", priority=1)
    )
    assert name_of(store.of_queue("tasks", "classic")) == "low"
    assert name_of(store.of_queue("tasks", "quorum")) == "high"


def test_the_highest_priority_applies_and_the_first_by_name_of_equals() -> None:
    store = policies(policy("c", priority=1), policy("b", priority=1.5), policy("a", priority=1.5), policy("d"))
    assert [one.name for one in store] == ["a", "b", "c", "d"]
    assert name_of(store.of_queue("tasks", "classic")) == "a"


def test_a_policy_of_the_same_name_takes_the_place_of_the_old_one() -> None:
    store = policies(policy(), policy(pattern="^logs"))
    assert len(store) == 1
    assert store.of_queue("tasks", "classic") is None
    assert store.get("short") == policy(pattern="^logs")


def test_what_is_removed_applies_no_more() -> None:
    store = policies(policy())
    assert [store.remove("short"), store.remove("short")] == [True, False]
    assert store.of_queue("tasks", "classic") is None


@given(st.lists(st.tuples(st.sampled_from("abcd"), st.integers(-2, 2)), max_size=8), st.randoms(use_true_random=False))
def test_it_does_not_matter_in_which_order_policies_were_set(given_ones: list[tuple[str, int]], random: Any) -> None:
    last = [policy(name, priority=priority) for name, priority in dict(given_ones).items()]
    store = policies(*(policy(name, priority=priority) for name, priority in given_ones))
    assert list(store) == list(policies(*random.sample(last, len(last))))
