"""What a policy may say. The texts for 3.13 were recorded on RabbitMQ 3.10.8 where that knows the key."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.policies.policy_keys import definition_error, is_applicable, merged
from amqpbroker.profiles import PROFILES
from amqpbroker.wire.erlang import json_term


def error(definition: Any, series: str = "3.13") -> str | None:
    return definition_error(definition, PROFILES[series], for_operators=False)


def operator_error(definition: Any, series: str = "3.13") -> str | None:
    return definition_error(definition, PROFILES[series], for_operators=True)


@pytest.mark.parametrize(
    ("key", "right", "wrong", "words"),
    [
        ("alternate-exchange", ["x", ""], [-1, True, None], "is not a valid alternate exchange name"),
        ("dead-letter-exchange", ["x", ""], [0, 1.5], "is not a valid dead letter exchange name"),
        ("dead-letter-routing-key", ["x", ""], [0], "is not a valid dead letter routing key"),
        ("dead-letter-strategy", ["at-least-once"], ["x", 1], "is not a valid dead letter strategy"),
        ("message-ttl", [0, 1 << 40], [-1, True, "1", 1.5], "is not a valid message TTL"),
        ("expires", [1, 315_360_000_001], [0, -1], "is not a valid queue expiry"),
        ("max-length", [0, 10**30], [-1, "x", [], None], "is not a valid maximum length"),
        ("max-length-bytes", [0], [-1], "is not a valid maximum length in bytes"),
        ("max-in-memory-length", [0], [-1], "is not a valid maximum memory in bytes"),
        ("max-in-memory-bytes", [0], [-1], "is not a valid maximum memory in bytes"),
        ("queue-mode", ["lazy", "default"], ["x", 0], "is not a valid queue-mode value"),
        ("queue-version", [1, 2], [0, 3, "1"], "is not a valid queue-version value"),
        ("overflow", ["drop-head", "reject-publish-dlx"], ["x", 0], "is not a valid overflow value"),
        ("delivery-limit", [0], [-1, "x"], "is not a valid delivery limit"),
        ("max-age", ["1h", "012D"], ["1x", "0s"], "is not a valid max age"),
        (
            "queue-leader-locator",
            ["balanced", "random"],
            ["min-masters", 1],
            "is not a valid queue leader locator value",
        ),
        ("initial-cluster-size", [0], [-1], "is not a valid cluster size"),
        ("stream-max-segment-size-bytes", [3_000_000_000], [-1, 3_000_000_001], "is not a valid segment size"),
        ("stream-filter-size-bytes", [16], [15, 256], "is not a valid filter size. Valid range is 16-255"),
        ("queue-master-locator", ["min-masters", "random"], ["x", 1], "invalid queue-master-locator value"),
        ("consumer-timeout", [0], [-1], "is not a valid consumer timeout"),
        ("dispatch-strategy", ["random", "least-unacked"], ["x", 1], "is not a valid dispatch strategy"),
    ],
)
def test_values(key: str, right: list[Any], wrong: list[Any], words: str) -> None:
    assert [error({key: value}) for value in right] == [None] * len(right)
    assert [error({key: value}) for value in wrong] == [f"{json_term(value)} {words}" for value in wrong]


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({}, "no policy provided"),
        ({"nonsense": 1}, '[{<<"nonsense">>,1}] are not recognised policy settings'),
        ({"nonsense": 1, "b": "x"}, '[{<<"b">>,<<"x">>},{<<"nonsense">>,1}] are not recognised policy settings'),
        ({"max-length": 1, "nonsense": 1}, '[{<<"nonsense">>,1}] are not recognised policy settings'),
        ({"max-length": -1, "nonsense": 1}, "-1 is not a valid maximum length"),
        ({"message-ttl": -1, "max-length": -2}, "-2 is not a valid maximum length"),
        ({"max-length": [97, 98]}, '"ab" is not a valid maximum length'),
        ({"max-length": {"c": "d", "a": [1]}}, '#{<<"a">> => [1],<<"c">> => <<"d">>} is not a valid maximum length'),
        (
            {"a" * 30: 1, "b" * 30: 2, "c" * 30: 3},
            f'[{{<<"{"a" * 30}">>,1}},\n {{<<"{"b" * 30}">>,2}},\n {{<<"{"c" * 30}">>,3}}]'
            " are not recognised policy settings",
        ),
        ([1], "definition must be a dictionary: [1]"),
    ],
)
def test_definitions(definition: Any, words: str) -> None:
    assert error(definition) == words


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({"ha-mode": "all"}, None),
        ({"ha-mode": "exactly", "ha-params": 2, "ha-sync-mode": "automatic"}, None),
        ({"ha-mode": "nodes", "ha-params": ["a@b"]}, None),
        ({"ha-mode": "x"}, '<<"x">> is not a valid ha-mode value'),
        ({"ha-params": 2}, "ha-mode must be specified to specify ha-params, ha-sync-mode or ha-promote-on-shutdown"),
        ({"ha-mode": "exactly"}, 'ha-mode="exactly" takes an integer, none given'),
        ({"ha-mode": "exactly", "ha-params": "x"}, 'ha-mode="exactly" takes an integer, <<"x">> given'),
        ({"ha-mode": "nodes", "ha-params": []}, 'ha-mode="nodes" list must be non-empty'),
        ({"ha-mode": "nodes", "ha-params": 2}, 'ha-mode="nodes" takes a list, 2 given'),
        ({"ha-mode": "nodes", "ha-params": ["a", 2]}, 'ha-mode="nodes" takes a list of strings, [2] was not a string'),
        ({"ha-mode": "all", "ha-params": 2}, 'ha-mode="all" does not take parameters'),
        ({"ha-mode": "all", "ha-sync-mode": "x"}, 'ha-sync-mode must be "manual" or "automatic", got <<"x">>'),
        (
            {"ha-mode": "all", "ha-sync-batch-size": 0},
            "ha-sync-batch-size takes an integer greater than 0, 0 given",
        ),
        (
            {"ha-mode": "all", "ha-promote-on-failure": "x"},
            'ha-promote-on-failure must be "always" or "when-synced", got <<"x">>',
        ),
    ],
)
def test_mirroring_until_4(definition: dict[str, Any], words: str | None) -> None:
    assert error(definition) == words
    assert "are not recognised policy settings" in str(error(definition, "4.2"))


def test_what_changed_with_4() -> None:
    assert error({"delivery-limit": -1}, "4.2") is None
    assert error({"queue-master-locator": "random"}, "4.2") == (
        "use of deprecated queue-master-locator argument is not permitted"
    )


@pytest.mark.parametrize(
    ("definition", "words"),
    [
        ({"delayed-retry-type": "all", "delayed-retry-min": 5, "delayed-retry-max": 5}, None),
        ({"delayed-retry-type": "disabled"}, None),
        ({"consumer-disconnected-timeout": 0}, None),
        ({"delayed-retry-type": "all"}, "delayed-retry-min is required when delayed-retry-type is all"),
        (
            {"delayed-retry-min": 5, "delayed-retry-max": 4},
            "delayed-retry-max (4) must not be smaller than delayed-retry-min (5)",
        ),
        (
            {"delayed-retry-min": 0},
            "0 is not a valid delayed retry minimum delay. Must be a positive integer",
        ),
    ],
)
def test_delayed_retry_since_4_3(definition: dict[str, Any], words: str | None) -> None:
    assert error(definition, "4.3") == words
    assert "are not recognised policy settings" in str(error(definition, "4.2"))


def test_message_deduplication() -> None:
    assert error({"x-message-deduplication": True, "x-cache-size": 1, "x-cache-ttl": 1}) is None
    assert error({"x-message-deduplication": 1}) == '"x-message-deduplication" must be a boolean, got 1'
    assert error({"x-cache-persistence": 1}) == '"x-cache-persistence" must be either "disk" or "memory", got 1'


def test_federation_is_accepted() -> None:
    assert error({"federation-upstream": "there"}) is None
    assert str(error({"federation-upstream": "a", "federation-upstream-set": "all"})).startswith("cannot specify")


@pytest.mark.parametrize("key", ["alternate-exchange", "dead-letter-exchange", "dispatch-strategy", "queue-mode"])
def test_an_operator_policy_says_less(key: str) -> None:
    assert operator_error({key: "x"}) == f'[{{<<"{key}">>,<<"x">>}}] are not recognised policy settings'


def test_what_an_operator_policy_may_say() -> None:
    definition = {"max-length": 1, "expires": 1, "message-ttl": 1, "overflow": "drop-head", "delivery-limit": 1}
    assert operator_error(definition) is None
    assert operator_error({"ha-mode": "all"}) is None
    assert "not recognised" in str(operator_error({"ha-mode": "all"}, "4.2"))
    assert "not recognised" in str(operator_error({"delayed-retry-max": 1}, "4.2"))
    assert operator_error({"delayed-retry-max": 1}, "4.3") is None


@pytest.mark.parametrize(
    ("key", "classic", "quorum", "stream"),
    [
        ("max-length", True, True, False),
        ("max-length-bytes", True, True, True),
        ("delivery-limit", False, True, False),
        ("max-age", False, False, True),
        ("queue-mode", True, False, False),
        ("ha-mode", True, False, False),
        ("dead-letter-strategy", False, True, False),
        ("alternate-exchange", True, True, True),
        ("dispatch-strategy", True, True, True),
    ],
)
def test_which_types_of_queue_know_a_key(key: str, classic: bool, quorum: bool, stream: bool) -> None:
    for kind, expected in (("classic", classic), ("quorum", quorum), ("stream", stream)):
        assert is_applicable({key: 1}, kind, PROFILES["4.2"]) is expected


def test_one_unknown_key_is_enough() -> None:
    assert not is_applicable({"max-length": 10, "delivery-limit": 3}, "classic", PROFILES["3.13"])


def test_a_classic_queue_knows_the_leader_locator_since_4() -> None:
    policy = {"queue-leader-locator": "balanced"}
    assert [is_applicable(policy, "classic", PROFILES[series]) for series in ("3.13", "4.2")] == [False, True]


@pytest.mark.parametrize(
    ("policy", "operator_policy", "both"),
    [
        (
            {"max-length": 10, "message-ttl": 5},
            {"max-length": 5, "expires": 100_000},
            {"expires": 100_000, "max-length": 5, "message-ttl": 5},
        ),
        ({"max-length": 5}, {"max-length": 10}, {"max-length": 5}),
        ({"overflow": "drop-head"}, {"overflow": "reject-publish"}, {"overflow": "reject-publish"}),
        ({"queue-version": 1}, {"queue-version": 2}, {"queue-version": 2}),
        ({"delivery-limit": -1}, {"delivery-limit": 3}, {"delivery-limit": 3}),
        ({"delivery-limit": 2}, {"delivery-limit": 3}, {"delivery-limit": 2}),
        ({"target-group-size": 3}, {"target-group-size": 5}, {"target-group-size": 5}),
        (
            {"delayed-retry-type": "all", "delayed-retry-min": 1, "delayed-retry-max": 9},
            {"delayed-retry-type": "failed", "delayed-retry-min": 2, "delayed-retry-max": 8},
            {"delayed-retry-max": 8, "delayed-retry-min": 2, "delayed-retry-type": "failed"},
        ),
        ({"ha-mode": "exactly", "ha-params": 2}, {"ha-mode": "nodes", "ha-params": ["a", "b", "c"]}, None),
        ({"ha-mode": "nodes"}, {"ha-mode": "all"}, {"ha-mode": "all"}),
        ({"ha-params": ["a"]}, {"ha-params": ["b", "c"]}, {"ha-params": ["b", "c"]}),
        ({"ha-params": 2}, {"ha-params": 3}, {"ha-params": 3}),
    ],
)
def test_a_policy_and_an_operator_policy(
    policy: dict[str, Any], operator_policy: dict[str, Any], both: dict[str, Any] | None
) -> None:
    assert merged(policy, operator_policy) == (both or {"ha-mode": "exactly", "ha-params": 2})


LIMITS = st.dictionaries(st.sampled_from(["message-ttl", "max-length", "max-length-bytes", "expires"]), st.integers(0))


@given(LIMITS, LIMITS)
def test_an_operator_policy_never_loosens_a_limit(policy: dict[str, int], operator_policy: dict[str, int]) -> None:
    both = merged(policy, operator_policy)
    assert both.keys() == policy.keys() | operator_policy.keys()
    assert all(both[key] <= limit for limits in (policy, operator_policy) for key, limit in limits.items())
    assert both == merged(operator_policy, policy)
