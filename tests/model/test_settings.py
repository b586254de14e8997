"""What a queue does, from its arguments and policies: each type has its own way with two that say something."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.settings import QueueSettings, queue_settings
from amqpbroker.profiles import PROFILES
from amqpbroker.wire.tables import from_python


def settings(
    kind: str,
    arguments: dict[str, Any] | None = None,
    policy: dict[str, Any] | None = None,
    operator_policy: dict[str, Any] | None = None,
    series: str = "4.2",
) -> QueueSettings:
    return queue_settings(kind, from_python(arguments or {}).value, PROFILES[series], policy, operator_policy)


def test_a_queue_of_which_nothing_is_said_has_no_rules() -> None:
    assert settings("classic") == QueueSettings()
    assert settings("stream") == QueueSettings(kind="stream")


@pytest.mark.parametrize(
    ("key", "field"),
    [
        ("message-ttl", "message_ttl_ms"),
        ("expires", "expires_ms"),
        ("max-length", "max_length"),
        ("max-length-bytes", "max_length_bytes"),
        ("consumer-timeout", "consumer_timeout_ms"),
    ],
)
@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_of_limits_the_lowest_counts(kind: str, key: str, field: str) -> None:
    for given_one, policy, operator_policy in ((1, 2, 3), (3, 1, 2), (2, 3, 1)):
        found = settings(kind, {f"x-{key}": given_one}, {key: policy}, {key: operator_policy})
        assert getattr(found, field) == 1
    assert getattr(settings(kind, {f"x-{key}": 0}, {key: 5}), field) == 0


SAID = st.dictionaries(st.sampled_from(["argument", "policy", "operator"]), st.integers(0, 9))


@given(st.sampled_from(["classic", "quorum"]), SAID)
def test_a_limit_is_the_lowest_that_is_said(kind: str, said: dict[str, int]) -> None:
    arguments = {"x-max-length": said["argument"]} if "argument" in said else {}
    policies = [{"max-length": said[who]} if who in said else {} for who in ("policy", "operator")]
    assert settings(kind, arguments, *policies).max_length == min(said.values(), default=None)


@pytest.mark.parametrize("kind", ["classic", "quorum"])
def test_of_dead_letters_the_argument_counts(kind: str) -> None:
    policy = {"dead-letter-exchange": "policy", "dead-letter-routing-key": "key"}
    found = settings(kind, {"x-dead-letter-exchange": "argument"}, policy)
    assert (found.dead_letter_exchange, found.dead_letter_routing_key) == ("argument", "key")


def test_of_overflow_the_argument_counts_in_a_classic_queue_and_the_policy_in_a_quorum_queue() -> None:
    argument, policy = {"x-overflow": "reject-publish"}, {"overflow": "drop-head"}
    assert settings("classic", argument, policy).overflow == "reject-publish"
    assert settings("quorum", argument, policy).overflow == "drop-head"
    assert (
        settings("classic", {}, {"overflow": "drop-head"}, {"overflow": "reject-publish"}).overflow == "reject-publish"
    )


def test_a_quorum_queue_has_no_reject_publish_dlx() -> None:
    assert settings("quorum", {"x-overflow": "reject-publish-dlx"}).overflow == "drop-head"
    assert settings("classic", {"x-overflow": "reject-publish-dlx"}).overflow == "reject-publish-dlx"


@pytest.mark.parametrize(("series", "expected"), [("3.13", 9), ("4.2", 5), ("4.3", 5)])
def test_of_the_expiry_of_a_quorum_queue_the_policy_counted_until_4(series: str, expected: int) -> None:
    assert settings("quorum", {"x-expires": 5}, {"expires": 9}, series=series).expires_ms == expected


@pytest.mark.parametrize(
    ("argument", "policy", "series", "expected"),
    [
        (None, None, "3.13", None),
        (None, None, "4.2", 20),
        (5, None, "4.2", 5),
        (5, 3, "4.2", 3),
        (-1, None, "4.2", None),
        (-1, 3, "4.2", 3),
        (5, -1, "4.2", 5),
        ("x", None, "4.2", 20),
    ],
)
def test_delivery_limits(argument: Any, policy: int | None, series: str, expected: int | None) -> None:
    arguments = {} if argument is None else {"x-delivery-limit": argument}
    definition = {} if policy is None else {"delivery-limit": policy}
    assert settings("quorum", arguments, definition, series=series).delivery_limit == expected


@pytest.mark.parametrize(
    ("arguments", "expected"),
    [
        ({"x-dead-letter-exchange": "d", "x-overflow": "reject-publish"}, "at-least-once"),
        ({"x-dead-letter-exchange": "d"}, None),
        ({"x-overflow": "reject-publish"}, None),
    ],
)
def test_at_least_once_takes_a_dead_letter_exchange_and_reject_publish(
    arguments: dict[str, Any], expected: str | None
) -> None:
    found = settings("quorum", arguments | {"x-dead-letter-strategy": "at-least-once"})
    assert found.dead_letter_strategy == expected


def test_of_delayed_retry_the_type_is_the_policy_s_and_the_delays_are_the_lower_ones() -> None:
    arguments = {"x-delayed-retry-type": "all", "x-delayed-retry-min": 5, "x-delayed-retry-max": 20}
    policy = {"delayed-retry-type": "failed", "delayed-retry-min": 10, "delayed-retry-max": 15}
    found = settings("quorum", arguments, policy, series="4.3")
    assert (found.delayed_retry_type, found.delayed_retry_min_ms, found.delayed_retry_max_ms) == ("failed", 5, 15)


def test_of_a_stream_the_policy_counts() -> None:
    arguments = {"x-max-length-bytes": 5, "x-max-age": "1h", "x-stream-max-segment-size-bytes": 7}
    policy = {"max-length-bytes": 9, "max-age": "2h", "stream-max-segment-size-bytes": 8}
    found = settings("stream", arguments, policy, {"max-length-bytes": 8})
    assert (found.max_length_bytes, found.max_age, found.segment_size_bytes) == (8, "2h", 8)


@pytest.mark.parametrize(
    ("kind", "definition"),
    [
        ("classic", {"delayed-retry-type": "all", "delayed-retry-min": 5}),
        ("classic", {"alternate-exchange": "others", "federation-upstream": "there"}),
        ("stream", {"dispatch-strategy": "random"}),
    ],
)
def test_what_a_type_does_not_look_at_changes_nothing(kind: str, definition: dict[str, Any]) -> None:
    assert settings(kind, {}, definition, series="4.3") == settings(kind, series="4.3")


def test_what_no_policy_says() -> None:
    found = settings("classic", {"x-max-priority": 3, "x-single-active-consumer": True})
    assert (found.max_priority, found.single_active_consumer) == (3, True)


def test_of_dispatch_strategies_the_argument_counts() -> None:
    policy = {"dispatch-strategy": "random"}
    assert settings("classic", {"x-dispatch-strategy": "weighted"}, policy).dispatch_strategy == "weighted"
    assert settings("quorum", {}, policy).dispatch_strategy == "random"


@pytest.mark.parametrize(
    ("argument", "policy", "expected"),
    [(True, None, True), (False, None, False), ("x", None, True), (True, False, False), (False, True, True)],
)
def test_of_deduplication_the_policy_counts(argument: Any, policy: bool | None, expected: bool) -> None:
    definition = {} if policy is None else {"x-message-deduplication": policy}
    assert settings("classic", {"x-message-deduplication": argument}, definition).deduplicates is expected
    assert settings("quorum", {"x-message-deduplication": argument}, definition).deduplicates is False


def test_numbers_that_nobody_has_checked_count_only_if_they_are_some() -> None:
    assert settings("classic", {"x-consumer-timeout": "soon"}, {"consumer-timeout": 5}).consumer_timeout_ms == 5
