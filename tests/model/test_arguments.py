"""x-arguments: what is refused, in RabbitMQ's words. Texts of profile 3.13 are recorded from RabbitMQ 3.10.8, those of
4.x read in its source."""

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.errors import AMQPError
from amqpbroker.model.arguments import (
    assert_equivalent,
    assert_exchange_arguments_equivalent,
    assert_queue_arguments_equivalent,
    check_consume_arguments,
    check_exchange_arguments,
    check_queue_arguments,
    check_server_named,
    declared_queue_arguments,
    queue_type,
)
from amqpbroker.profiles import PROFILES
from amqpbroker.wire.tables import Field, Table, from_python

FALSE, TRUE = Field("t", False), Field("t", True)


def longstr(octets: str) -> Field:
    return Field("S", octets.encode())


def table_of(arguments: dict[str, Any]) -> Table:
    return {name.replace("_", "-"): from_python(value) for name, value in arguments.items()}


def refusal_of_queue(
    arguments: Table,
    profile: str = "3.13",
    *,
    durable: bool = True,
    exclusive: bool = False,
    auto_delete: bool = False,
) -> str | None:
    """The text that declaring queue q is refused with; None if it is not."""
    try:
        check_queue_arguments(
            "q",
            "/",
            arguments,
            durable=durable,
            exclusive=exclusive,
            auto_delete=auto_delete,
            profile=PROFILES[profile],
        )
    except AMQPError as refused:
        return refused.text
    return None


def refusal_of_consumer(arguments: Table, kind: str = "classic", profile: str = "3.13") -> str | None:
    """The text that consuming from queue q, of a type of queue, is refused with; None if it is not."""
    queue_arguments = {"x-queue-type": longstr(kind)}
    try:
        check_consume_arguments("q", "/", arguments, queue_arguments=queue_arguments, profile=PROFILES[profile])
    except AMQPError as refused:
        return refused.text
    return None


# ---------------------------------------------------------------------------------------------------------------------
# Values


@pytest.mark.parametrize(
    ("name", "value", "wrong"),
    [
        ("x-expires", longstr("abc"), '"expected integer, got longstr"'),
        ("x-expires", Field("d", 1.5), '"expected integer, got double"'),
        ("x-expires", Field("T", 5), '"expected integer, got timestamp"'),
        ("x-expires", Field("D", (1, 5)), '"expected integer, got decimal"'),
        ("x-expires", Field("V", None), '"expected integer, got void"'),
        ("x-expires", Field("I", 0), "{value_zero,0}"),
        ("x-expires", Field("I", -1), "{value_negative,-1}"),
        ("x-expires", Field("l", 315_360_000_001), "{value_too_large,315360000001}"),
        ("x-message-ttl", Field("b", -1), "{value_negative,-1}"),
        ("x-message-ttl", Field("l", 315_360_000_001), "{value_too_large,315360000001}"),
        ("x-message-ttl", TRUE, '"expected integer, got bool"'),
        ("x-max-length", Field("I", -5), "{value_negative,-5}"),
        ("x-max-length-bytes", longstr("1"), '"expected integer, got longstr"'),
        ("x-max-priority", Field("I", 256), "{max_value_exceeded,256}"),
        ("x-max-priority", Field("I", -1), "{value_negative,-1}"),
        ("x-overflow", longstr("bogus"), "invalid_overflow"),
        ("x-overflow", Field("I", 1), "{unacceptable_type,signedint}"),
        ("x-queue-mode", longstr("bogus"), "\"unsupported queue mode 'bogus'\""),
        ("x-queue-mode", Field("d", 1.5), "{unacceptable_type,double}"),
        ("x-queue-version", Field("I", 3), "\"unsupported queue version '3'\""),
        ("x-queue-version", Field("I", -1), "{value_negative,-1}"),
        ("x-queue-version", longstr("abc"), '"expected integer, got longstr"'),
        ("x-single-active-consumer", longstr("yes"), "{unacceptable_type,longstr}"),
        ("x-queue-type", longstr("bogus"), "\"unsupported queue type 'bogus'\""),
        ("x-queue-type", longstr(""), "\"unsupported queue type ''\""),
        ("x-queue-type", Field("d", 1.5), "{unacceptable_type,double}"),
        ("x-dead-letter-routing-key", longstr("k"), "routing_key_but_no_dlx_defined"),
        ("x-dead-letter-routing-key", Field("d", 1.5), "{unacceptable_type,double}"),
    ],
)
def test_a_wrong_value_is_refused(name: str, value: Field, wrong: str) -> None:
    expected = f"PRECONDITION_FAILED - invalid arg '{name}' for queue 'q' in vhost '/': {wrong}"
    assert refusal_of_queue({name: value}) == expected


@pytest.mark.parametrize(
    "arguments",
    [
        {},
        {"x_expires": 1, "x_message_ttl": 0, "x_max_length": 0, "x_max_length_bytes": 0},
        {"x_expires": 315_360_000_000, "x_message_ttl": 315_360_000_000, "x_max_priority": 255},
        {"x_dead_letter_exchange": "", "x_dead_letter_routing_key": "k"},
        {"x_overflow": "drop-head", "x_queue_mode": "lazy", "x_queue_version": 1},
        {"x_overflow": "reject-publish-dlx", "x_queue_mode": "default", "x_queue_version": 2},
        {"x_single_active_consumer": True, "x_queue_type": "classic"},
        {"x_whatever": "unknown", "other": None},
    ],
)
def test_right_values_and_unknown_names_are_accepted(arguments: dict[str, Any]) -> None:
    assert refusal_of_queue(table_of(arguments), durable=False) is None


def test_a_dead_letter_exchange_has_a_text_of_its_own() -> None:
    assert refusal_of_queue({"x-dead-letter-exchange": Field("b", 1)}) == (
        "PRECONDITION_FAILED - invalid type 'byte' for arg 'x-dead-letter-exchange' in queue 'q' in vhost '/'"
    )


def test_the_first_fault_in_rabbitmq_s_order_is_told() -> None:
    text = refusal_of_queue({"x-overflow": Field("I", 1), "x-max-length": Field("I", -1), "x-delivery-limit": TRUE})
    assert text == "PRECONDITION_FAILED - invalid arg 'x-max-length' for queue 'q' in vhost '/': {value_negative,-1}"


NAMES = st.sampled_from(
    ["x-expires", "x-max-length", "x-overflow", "x-queue-type", "x-max-age", "x-delivery-limit", "x-queue-version"]
)
VALUES = st.sampled_from(
    [longstr("quorum"), longstr("stream"), longstr("5D"), Field("I", 1), Field("V", None), Field("A", []), TRUE]
)


@given(st.dictionaries(NAMES, VALUES), st.sampled_from(sorted(PROFILES)), st.booleans(), st.booleans(), st.booleans())
def test_any_arguments_are_accepted_or_refused_with_a_text(
    arguments: Table, profile: str, durable: bool, exclusive: bool, auto_delete: bool
) -> None:
    text = refusal_of_queue(arguments, profile, durable=durable, exclusive=exclusive, auto_delete=auto_delete)
    assert text is None or text.startswith(("PRECONDITION_FAILED - ", "INTERNAL_ERROR"))


# ---------------------------------------------------------------------------------------------------------------------
# Types of queue


@pytest.mark.parametrize(
    ("kind", "name", "value", "profile"),
    [
        ("classic", "x-delivery-limit", 1, "3.13"),
        ("classic", "x-max-age", "5D", "3.13"),
        ("classic", "x-queue-leader-locator", "balanced", "3.13"),
        ("quorum", "x-max-priority", 3, "3.13"),
        ("quorum", "x-queue-mode", "lazy", "3.13"),
        ("stream", "x-message-ttl", 1, "3.13"),
        ("stream", "x-expires", 1000, "3.13"),
        ("classic", "x-stream-filter-size-bytes", 16, "4.2"),
        ("classic", "x-consumer-timeout", 16, "4.3"),
        ("stream", "x-dispatch-strategy", "random", "4.3"),
    ],
)
def test_an_argument_of_another_type_of_queue_is_refused(kind: str, name: str, value: Any, profile: str) -> None:
    arguments = table_of({"x-queue-type": kind, name: value})
    expected = (
        f"PRECONDITION_FAILED - invalid arg '{name}' for queue 'q' in vhost '/' of queue type rabbit_{kind}_queue"
    )
    assert refusal_of_queue(arguments, profile) == expected


@pytest.mark.parametrize(
    ("kind", "name", "value", "profile"),
    [
        ("classic", "x-queue-leader-locator", "balanced", "4.2"),
        ("classic", "x-consumer-timeout", 16, "4.2"),
        ("classic", "x-stream-filter-size-bytes", 1, "3.13"),
        ("quorum", "x-delivery-limit", -5, "3.13"),
        ("quorum", "x-overflow", "reject-publish", "3.13"),
        ("quorum", "x-consumer-timeout", 16, "4.3"),
        ("quorum", "x-queue-leader-locator", "min-masters", "4.2"),
        ("classic", "x-dispatch-strategy", "least-unacked", "4.3"),
        ("quorum", "x-dispatch-strategy", "weighted", "3.13"),
        ("stream", "x-max-age", "5D", "3.13"),
        ("stream", "x-max-age", "5D\n", "3.13"),
        ("stream", "x-stream-max-segment-size-bytes", 3_000_000_000, "3.13"),
        ("stream", "x-stream-filter-size-bytes", 255, "4.2"),
    ],
)
def test_an_argument_of_its_own_type_of_queue_is_accepted(kind: str, name: str, value: Any, profile: str) -> None:
    assert refusal_of_queue(table_of({"x-queue-type": kind, name: value}), profile) is None


@pytest.mark.parametrize(
    ("kind", "name", "value", "wrong"),
    [
        ("quorum", "x-dead-letter-strategy", "x", "invalid_dlx_strategy"),
        ("quorum", "x-dead-letter-strategy", 1, "{unacceptable_type,signedint}"),
        ("quorum", "x-quorum-initial-group-size", 0, "{value_zero,0}"),
        ("quorum", "x-max-in-memory-length", -1, "{value_negative,-1}"),
        ("classic", "x-dispatch-strategy", "fair", "\"unsupported dispatch strategy 'fair'\""),
        ("quorum", "x-dispatch-strategy", 1, "{unacceptable_type,signedint}"),
        ("stream", "x-initial-cluster-size", -1, "{value_negative,-1}"),
        ("stream", "x-queue-leader-locator", "bogus", "invalid_queue_locator_arg"),
        ("stream", "x-queue-leader-locator", "min-masters", "invalid_queue_locator_arg"),
        ("stream", "x-queue-leader-locator", 1, "{unacceptable_type,signedint}"),
        ("stream", "x-max-age", "5", "invalid_max_age"),
        ("stream", "x-max-age", "0D", "invalid_max_age"),
        ("stream", "x-max-age", "5DD", "invalid_max_age"),
        ("stream", "x-max-age", 3, "{unacceptable_type,signedint}"),
    ],
)
def test_a_wrong_value_for_a_type_of_queue_is_refused(kind: str, name: str, value: Any, wrong: str) -> None:
    expected = f"PRECONDITION_FAILED - invalid arg '{name}' for queue 'q' in vhost '/': {wrong}"
    assert refusal_of_queue(table_of({"x-queue-type": kind, name: value})) == expected


@pytest.mark.parametrize("kind", ["quorum", "stream"])
@pytest.mark.parametrize(
    ("durable", "exclusive", "auto_delete", "word"),
    [
        (False, False, False, "non-durable"),
        (True, True, False, "exclusive-owner"),
        (False, True, False, "exclusive-owner"),
        (True, False, True, "auto-delete"),
        (True, True, True, "auto-delete"),
    ],
)
def test_a_replicated_queue_is_durable_and_shared(
    kind: str, durable: bool, exclusive: bool, auto_delete: bool, word: str
) -> None:
    arguments = table_of({"x_queue_type": kind})
    text = refusal_of_queue(arguments, durable=durable, exclusive=exclusive, auto_delete=auto_delete)
    assert text == f"PRECONDITION_FAILED - invalid property '{word}' for queue 'q' in vhost '/'"


def test_a_stream_s_sizes_have_bounds() -> None:
    too_large = {"x_queue_type": "stream", "x_stream_max_segment_size_bytes": 3_000_000_001}
    too_small = {"x_queue_type": "stream", "x_stream_filter_size_bytes": 15}
    assert refusal_of_queue(table_of(too_large)) == (
        "PRECONDITION_FAILED - Exceeded max value for x-stream-max-segment-size-bytes"
    )
    assert refusal_of_queue(table_of(too_small), "4.2") == (
        "PRECONDITION_FAILED - Invalid value for x-stream-filter-size-bytes"
    )
    # Two spaces, as in 3.13.7's source; a value of a type that no validator saw is refused too.
    assert refusal_of_queue(table_of(too_small | {"x_stream_filter_size_bytes": "200"})) == (
        "PRECONDITION_FAILED - Invalid value for  x-stream-filter-size-bytes"
    )


def test_an_age_that_is_none_is_rabbitmq_s_own_fault_before_4_0() -> None:
    arguments = table_of({"x_queue_type": "stream", "x_max_age": "abc"})
    with pytest.raises(AMQPError) as raised:
        check_queue_arguments(
            "q", "/", arguments, durable=True, exclusive=False, auto_delete=False, profile=PROFILES["3.13"]
        )
    assert (raised.value.code, raised.value.explanation, raised.value.method_id) == (541, "", (0, 0))
    assert refusal_of_queue(arguments, "4.2") == (
        "PRECONDITION_FAILED - invalid arg 'x-max-age' for queue 'q' in vhost '/': invalid_max_age"
    )


@pytest.mark.parametrize("kind", ["quorum", "stream"])
def test_only_a_classic_queue_is_named_by_the_server(kind: str) -> None:
    check_server_named({}, PROFILES["3.13"])
    with pytest.raises(AMQPError) as raised:
        check_server_named({"x-queue-type": longstr(kind)}, PROFILES["3.13"])
    assert (
        raised.value.text == f"PRECONDITION_FAILED - Cannot declare a server-named queue for type rabbit_{kind}_queue"
    )


@pytest.mark.parametrize("kind", [longstr("bogus"), Field("I", 3)])
def test_a_server_named_queue_of_no_type_is_rabbitmq_s_own_fault(kind: Field) -> None:
    with pytest.raises(AMQPError) as raised:
        check_server_named({"x-queue-type": kind}, PROFILES["3.13"])
    assert (raised.value.code, raised.value.explanation, raised.value.method_id) == (541, "", (0, 0))


@pytest.mark.parametrize(
    ("arguments", "profile", "kind"),
    [
        ({}, "3.13", "classic"),
        ({"x_queue_type": "undefined"}, "3.13", "classic"),
        ({"x_queue_type": ""}, "4.2", "classic"),
        ({"x_queue_type": "quorum"}, "4.2", "quorum"),
    ],
)
def test_a_queue_is_classic_unless_it_says_otherwise(arguments: dict[str, Any], profile: str, kind: str) -> None:
    assert queue_type(table_of(arguments), PROFILES[profile]) == kind


def test_since_4_0_the_arguments_name_the_type() -> None:
    given_arguments = {"x-zero": Field("I", 0), "a": TRUE}
    assert declared_queue_arguments(given_arguments, PROFILES["3.13"]) == given_arguments
    declared = declared_queue_arguments(given_arguments, PROFILES["4.2"])
    assert list(declared.items()) == [("a", TRUE), ("x-queue-type", longstr("classic")), ("x-zero", Field("I", 0))]
    quorum = {"x-queue-type": longstr("quorum")}
    assert declared_queue_arguments(quorum, PROFILES["4.2"]) == quorum


@pytest.mark.parametrize("default", ["quorum", "stream", "classic"])
@pytest.mark.parametrize("properties", [{}, {"exclusive": True}, {"auto_delete": True}, {"durable": False}])
def test_a_virtual_host_s_type_is_for_queues_that_can_be_of_it(default: str, properties: dict[str, bool]) -> None:
    how = {"durable": True, **properties}
    fits = default == "classic" or not properties
    assert declared_queue_arguments({}, PROFILES["3.13"], default, **how) == (
        {"x-queue-type": longstr(default)} if fits else {}
    )
    assert declared_queue_arguments({}, PROFILES["4.2"], default, **how) == {
        "x-queue-type": longstr(default if fits else "classic")
    }


def test_whoever_names_a_type_gets_it() -> None:
    classic = {"x-queue-type": longstr("classic")}
    assert declared_queue_arguments(classic, PROFILES["4.2"], "quorum", durable=True) == classic


# ---------------------------------------------------------------------------------------------------------------------
# What 4.3 does otherwise


def test_queue_modes_and_the_first_queue_version_went_with_4_3() -> None:
    assert refusal_of_queue({"x-queue-mode": Field("I", 1)}, "4.3") is None
    assert refusal_of_queue({"x-queue-version": Field("I", 1)}, "4.3") == (
        "PRECONDITION_FAILED - invalid arg 'x-queue-version' for queue 'q' in vhost '/': "
        "\"unsupported queue version '1'\""
    )


def test_4_3_has_no_transient_queues_but_exclusive_ones() -> None:
    assert refusal_of_queue({}, "4.3", durable=False, exclusive=True) is None
    assert refusal_of_queue({}, "4.2", durable=False) is None
    text = refusal_of_queue({}, "4.3", durable=False)
    assert text is not None
    assert text.startswith(
        "INTERNAL_ERROR - Feature `transient_nonexcl_queues` is deprecated.\n"
        "By default, this feature is not permitted anymore.\nThe feature will be removed from a future major RabbitMQ "
    )


def test_4_3_has_no_master_locator() -> None:
    arguments = {"x-queue-master-locator": longstr("min-masters")}
    assert refusal_of_queue(arguments, "4.2") is None
    text = refusal_of_queue(arguments, "4.3")
    assert text is not None
    assert text.startswith("INTERNAL_ERROR - Feature `queue_master_locator` is deprecated.\n")


# ---------------------------------------------------------------------------------------------------------------------
# Consumers and exchanges


@pytest.mark.parametrize(
    ("kind", "name", "value", "wrong"),
    [
        ("classic", "x-priority", longstr("abc"), ': "expected integer, got longstr"'),
        ("classic", "x-priority", Field("d", 1.5), ': "expected integer, got double"'),
        ("classic", "x-cancel-on-ha-failover", Field("I", 1), ": {unacceptable_type,signedint}"),
        ("classic", "x-stream-offset", longstr("first"), " of queue type rabbit_classic_queue"),
        ("classic", "x-weight", longstr("3"), ': "expected integer, got longstr"'),
        ("classic", "x-weight", Field("I", 0), ": {value_zero,0}"),
        ("quorum", "x-weight", Field("I", -1), ": {value_negative,-1}"),
        ("quorum", "x-weight", Field("l", 1001), ": {max_value_exceeded,1001}"),
        ("stream", "x-weight", Field("I", 1), " of queue type rabbit_stream_queue"),
        ("stream", "x-priority", Field("I", 1), " of queue type rabbit_stream_queue"),
        ("stream", "x-cancel-on-ha-failover", TRUE, " of queue type rabbit_stream_queue"),
        ("stream", "x-stream-offset", longstr("5X"), ': {invalid_stream_offset_arg,{longstr,<<"5X">>}}'),
    ],
)
def test_a_wrong_argument_of_a_consumer_is_refused(kind: str, name: str, value: Field, wrong: str) -> None:
    expected = f"PRECONDITION_FAILED - invalid arg '{name}' for queue 'q' in vhost '/'{wrong}"
    assert refusal_of_consumer({name: value}, kind) == expected


@pytest.mark.parametrize(
    ("kind", "name", "value", "profile"),
    [
        ("classic", "x-priority", Field("l", -5), "3.13"),
        ("classic", "x-cancel-on-ha-failover", TRUE, "3.13"),
        ("classic", "x-cancel-on-ha-failover", Field("I", 1), "4.2"),
        ("classic", "x-bogus", Field("I", 1), "3.13"),
        ("classic", "x-weight", Field("B", 1), "3.13"),
        ("quorum", "x-weight", Field("l", 1000), "4.3"),
        ("quorum", "x-consumer-timeout", Field("I", 1), "4.3"),
        ("stream", "x-stream-offset", longstr("first"), "3.13"),
        ("stream", "x-stream-offset", longstr("5D"), "3.13"),
        ("stream", "x-stream-offset", Field("T", 5), "3.13"),
        ("stream", "x-stream-offset", Field("I", -4), "3.13"),
    ],
)
def test_a_right_argument_of_a_consumer_is_accepted(kind: str, name: str, value: Field, profile: str) -> None:
    assert refusal_of_consumer({name: value}, kind, profile) is None


@pytest.mark.parametrize(
    ("value", "word"), [(Field("I", 1), "signedint"), (TRUE, "bool"), (Field("x", b"a"), "binary")]
)
def test_an_alternate_exchange_is_a_name(value: Field, word: str) -> None:
    check_exchange_arguments("x", "/", {"alternate-exchange": longstr("other")})
    with pytest.raises(AMQPError) as raised:
        check_exchange_arguments("x", "/", {"alternate-exchange": value})
    assert raised.value.text == (
        f"PRECONDITION_FAILED - invalid type '{word}' for arg 'alternate-exchange' in exchange 'x' in vhost '/'"
    )


# ---------------------------------------------------------------------------------------------------------------------
# Declaring again


def inequivalence(received: Table, current: Table, profile: str = "3.13") -> str | None:
    """What is wrong with a re-declare of queue q, after the words that are always the same; None if nothing is."""
    try:
        assert_queue_arguments_equivalent("q", "/", received, current, PROFILES[profile])
    except AMQPError as refused:
        assert refused.code == 406
        return refused.explanation.removeprefix("inequivalent arg ").replace(" for queue 'q' in vhost '/'", "")
    return None


@pytest.mark.parametrize(
    ("received", "current", "wrong"),
    [
        (Field("l", 100), Field("b", 100), None),
        (Field("T", 100), Field("b", 100), None),
        (Field("I", 200), Field("b", 100), "received '200' but current is '100'"),
        (Field("d", 100.0), Field("b", 100), "received '100.0' but current is '100'"),
        (longstr("100"), Field("b", 100), "received '100' but current is '100'"),
        (TRUE, Field("b", 1), "received 'true' but current is '1'"),
        (Field("A", [Field("I", 1)]), Field("b", 100), "received '[{signedint,1}]' but current is '100'"),
        (Field("V", None), Field("b", 100), "received none but current is '100'"),
        (Field("s", 2000), None, "received the value '2000' of type 'short' but current is none"),
        (None, Field("s", 1000), "received none but current is the value '1000' of type 'short'"),
        (
            Field("F", {"a": longstr("x")}),
            None,
            "received the value '[{<<\"a\">>,longstr,<<\"x\">>}]' of type 'table' but current is none",
        ),
    ],
)
def test_arguments_are_compared_by_value(received: Field | None, current: Field | None, wrong: str | None) -> None:
    tables = [{} if field is None else {"x-message-ttl": field} for field in (received, current)]
    assert inequivalence(tables[0], tables[1]) == (wrong and f"'x-message-ttl': {wrong}")


@pytest.mark.parametrize(
    ("received", "current", "wrong"),
    [
        ({"x_overflow": "drop-head"}, {"x_overflow": b"drop-head"}, None),
        ({"x_foo": "unknown"}, {}, None),
        ({"x_delivery_limit": 1}, {}, None),
        ({"x_queue_type": "classic"}, {}, None),
        ({}, {"x_queue_type": "classic"}, None),
        (
            {"x_queue_type": "quorum"},
            {},
            "'x-queue-type': received the value 'quorum' of type 'longstr' but current is none",
        ),
        (
            {},
            {"x_queue_type": "quorum"},
            "'x-queue-type': received none but current is the value 'quorum' of type 'longstr'",
        ),
        (
            {"x_queue_type": "classic"},
            {"x_queue_type": "quorum"},
            "'x-queue-type': received 'classic' but current is 'quorum'",
        ),
        (
            {"x_dispatch_strategy": "random"},
            {"x_dispatch_strategy": "weighted"},
            "'x-dispatch-strategy': received 'random' but current is 'weighted'",
        ),
        (
            {"x_single_active_consumer": False},
            {"x_single_active_consumer": True},
            "'x-single-active-consumer': received 'false' but current is 'true'",
        ),
        (
            {"x_expires": 60000},
            {"x_max_length": 1},
            "'x-expires': received the value '60000' of type 'signedint' but current is none",
        ),
    ],
)
def test_a_queue_s_known_arguments_are_compared(
    received: dict[str, Any], current: dict[str, Any], wrong: str | None
) -> None:
    assert inequivalence(table_of(received), table_of(current)) == wrong


def test_since_4_0_a_queue_without_a_type_is_declared_a_classic_one() -> None:
    received, current = (
        declared_queue_arguments(arguments, PROFILES["4.2"]) for arguments in ({}, table_of({"x_queue_type": "quorum"}))
    )
    assert inequivalence(received, current, "4.2") == "'x-queue-type': received 'classic' but current is 'quorum'"


@pytest.mark.parametrize(
    ("key", "received", "current", "wrong"),
    [
        ("durable", True, False, "received 'true' but current is 'false'"),
        ("type", "fanout", "direct", "received 'fanout' but current is 'direct'"),
    ],
)
def test_properties_are_compared_too(key: str, received: bool | str, current: bool | str, wrong: str) -> None:
    assert_equivalent("exchange", "x", "/", key, current, current)
    with pytest.raises(AMQPError) as raised:
        assert_equivalent("exchange", "x", "/", key, received, current)
    assert raised.value.text == f"PRECONDITION_FAILED - inequivalent arg '{key}' for exchange 'x' in vhost '/': {wrong}"


def test_of_an_exchange_s_arguments_only_the_alternate_counts() -> None:
    current = table_of({"alternate_exchange": "a"})
    assert_exchange_arguments_equivalent("x", "/", current | {"x-foo": TRUE}, current)
    with pytest.raises(AMQPError) as raised:
        assert_exchange_arguments_equivalent("x", "/", {}, current)
    assert raised.value.text == (
        "PRECONDITION_FAILED - inequivalent arg 'alternate-exchange' for exchange 'x' in vhost '/': "
        "received none but current is the value 'a' of type 'longstr'"
    )
