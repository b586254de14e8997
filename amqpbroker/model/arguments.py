"""x-arguments: name -> check -> RabbitMQ's words for what is wrong, and the comparing of arguments at a re-declare.

An argument whose name no type of queue knows is accepted and has no effect, as in RabbitMQ; one that only another type
of queue knows is refused. What the arguments do is the queues' affair.

Source: RabbitMQ `rabbit_amqqueue` (declare_args, consume_args and the checks), the `capabilities` of
`rabbit_classic_queue`, `rabbit_quorum_queue` and `rabbit_stream_queue`, `rabbit_queue_type_util`,
`rabbit_misc:assert_args_equivalence`; each at the tags 3.13.7, 4.2.9 and 4.3.5.
"""

import re
from collections.abc import Callable, Iterable, Sequence
from typing import Any, Final

from amqpbroker.errors import INTERNAL_ERROR, PRECONDITION_FAILED, AMQPError
from amqpbroker.model.dispatch import STRATEGY_NAMES, WEIGHT_MAX
from amqpbroker.model.exchange import ALTERNATE_EXCHANGE
from amqpbroker.profiles import Profile
from amqpbroker.wire import erlang
from amqpbroker.wire.tables import Field, Table, long_string, text, type_name

QUEUE_TYPE: Final = "x-queue-type"
CONSUMER_TIMEOUT: Final = "x-consumer-timeout"
DEAD_LETTER_EXCHANGE: Final = "x-dead-letter-exchange"
MASTER_LOCATOR: Final = "x-queue-master-locator"
SEGMENT_SIZE: Final = "x-stream-max-segment-size-bytes"
FILTER_SIZE: Final = "x-stream-filter-size-bytes"
# RabbitMQ knows neither of these, and lets them pass.
DISPATCH_STRATEGY: Final = "x-dispatch-strategy"
WEIGHT: Final = "x-weight"

CLASSIC: Final = "classic"
QUORUM: Final = "quorum"
STREAM: Final = "stream"
QUEUE_TYPES: Final = (CLASSIC, QUORUM, STREAM)

EXPIRY_MAX_MS: Final = 315_360_000_000  # ten years
PRIORITY_MAX: Final = 255
SEGMENT_SIZE_MAX_BYTES: Final = 3_000_000_000
FILTER_SIZE_MIN_BYTES: Final = 16
FILTER_SIZE_MAX_BYTES: Final = 255

# A check is given the argument, all of them and the profile; it says what is wrong, as the Erlang term RabbitMQ prints.
Check = Callable[[Field, Table, Profile], str | None]

_INTEGER_KINDS: Final = frozenset("bBsuIilL")

# ---------------------------------------------------------------------------------------------------------------------
# The checks of one argument


def _integer(field: Field, _table: Table, _profile: Profile) -> str | None:
    return None if field.kind in _INTEGER_KINDS else f'"expected integer, got {type_name(field)}"'


def _not_negative(field: Field, table: Table, profile: Profile) -> str | None:
    return _integer(field, table, profile) or (f"{{value_negative,{field.value}}}" if field.value < 0 else None)


def _positive(field: Field, table: Table, profile: Profile) -> str | None:
    return _not_negative(field, table, profile) or ("{value_zero,0}" if field.value == 0 else None)


def _time_to_live(field: Field, table: Table, profile: Profile) -> str | None:
    too_large = f"{{value_too_large,{field.value}}}"
    return _not_negative(field, table, profile) or (too_large if field.value > EXPIRY_MAX_MS else None)


def _expires(field: Field, table: Table, profile: Profile) -> str | None:
    return _time_to_live(field, table, profile) or ("{value_zero,0}" if field.value == 0 else None)


def _max_priority(field: Field, table: Table, profile: Profile) -> str | None:
    exceeded = f"{{max_value_exceeded,{field.value}}}"
    return _not_negative(field, table, profile) or (exceeded if field.value > PRIORITY_MAX else None)


def _queue_version(field: Field, table: Table, profile: Profile) -> str | None:
    if wrong := _not_negative(field, table, profile):
        return wrong
    supported = (2,) if profile.series >= (4, 3) else (1, 2)
    return None if field.value in supported else f"\"unsupported queue version '{field.value}'\""


def _bool(field: Field, _table: Table, _profile: Profile) -> str | None:
    return None if field.kind == "t" else _unacceptable(field)


def _long_string(field: Field, _table: Table, _profile: Profile) -> str | None:
    return None if field.kind == "S" else _unacceptable(field)


def _dead_letter_routing_key(field: Field, table: Table, profile: Profile) -> str | None:
    missing = None if DEAD_LETTER_EXCHANGE in table else "routing_key_but_no_dlx_defined"
    return _long_string(field, table, profile) or missing


def _one_of(*allowed: bytes, otherwise: str) -> Check:
    def check(field: Field, table: Table, profile: Profile) -> str | None:
        return _long_string(field, table, profile) or (None if field.value in allowed else otherwise)

    return check


def _queue_mode(field: Field, table: Table, profile: Profile) -> str | None:
    if profile.series >= (4, 3):
        return None
    if wrong := _long_string(field, table, profile):
        return wrong
    known = field.value in (b"default", b"lazy")
    return None if known else erlang.string(f"unsupported queue mode '{text(field)}'")


def _queue_type(field: Field, table: Table, profile: Profile) -> str | None:
    if wrong := _long_string(field, table, profile):
        return wrong
    known = queue_type(table, profile) in QUEUE_TYPES
    return None if known else erlang.string(f"unsupported queue type '{text(field)}'")


def _leader_locator(field: Field, table: Table, profile: Profile) -> str | None:
    if wrong := _long_string(field, table, profile):
        return wrong
    known = field.value in (b"client-local", b"balanced", b"random", b"least-leaders") or (
        field.value == b"min-masters" and profile.series >= (4, 0)
    )
    return None if known else "invalid_queue_locator_arg"


def _dispatch_strategy(field: Field, table: Table, profile: Profile) -> str | None:
    if wrong := _long_string(field, table, profile):
        return wrong
    known = text(field) in STRATEGY_NAMES
    return None if known else erlang.string(f"unsupported dispatch strategy '{text(field)}'")


def _weight(field: Field, table: Table, profile: Profile) -> str | None:
    exceeded = f"{{max_value_exceeded,{field.value}}}"
    return _positive(field, table, profile) or (exceeded if field.value > WEIGHT_MAX else None)


def _max_age(field: Field, table: Table, profile: Profile) -> str | None:
    return _long_string(field, table, profile) or _age(field.value, profile)


def _stream_offset(field: Field, _table: Table, profile: Profile) -> str | None:
    # RabbitMQ takes whatever type it does not know for an offset.
    if field.kind != "S" or field.value in (b"first", b"last", b"next"):
        return None
    return f"{{invalid_stream_offset_arg,{erlang.tagged(field)}}}" if _age(field.value, profile) else None


def _age(octets: bytes, profile: Profile) -> str | None:
    """Whether the octets are an age: a number and one of Y M D h m s."""
    if match := re.match(rb"([0-9]+)(.*)", octets):
        return None if int(match[1]) > 0 and match[2] in (b"Y", b"M", b"D", b"h", b"m", b"s") else "invalid_max_age"
    if profile.series < (4, 0):
        raise _crash()
    return "invalid_max_age"


def _unacceptable(field: Field) -> str:
    return f"{{unacceptable_type,{type_name(field)}}}"


def _crash() -> AMQPError:
    """What a client sees where RabbitMQ's code fails: its connection closed without an explanation."""
    return AMQPError(INTERNAL_ERROR, "", (0, 0))


# In RabbitMQ's order, as the first that is wrong is told of.
_QUEUE_CHECKS: Final[dict[str, Check]] = {
    "x-expires": _expires,
    "x-message-ttl": _time_to_live,
    DEAD_LETTER_EXCHANGE: _long_string,
    "x-dead-letter-routing-key": _dead_letter_routing_key,
    "x-dead-letter-strategy": _one_of(b"at-most-once", b"at-least-once", otherwise="invalid_dlx_strategy"),
    "x-max-length": _not_negative,
    "x-max-length-bytes": _not_negative,
    "x-max-in-memory-length": _not_negative,
    "x-max-in-memory-bytes": _not_negative,
    "x-max-priority": _max_priority,
    "x-overflow": _one_of(b"drop-head", b"reject-publish", b"reject-publish-dlx", otherwise="invalid_overflow"),
    "x-queue-mode": _queue_mode,
    "x-queue-version": _queue_version,
    "x-single-active-consumer": _bool,
    CONSUMER_TIMEOUT: _not_negative,
    "x-consumer-disconnected-timeout": _not_negative,
    "x-quorum-initial-group-size": _positive,
    "x-max-age": _max_age,
    SEGMENT_SIZE: _not_negative,
    FILTER_SIZE: _not_negative,
    "x-initial-cluster-size": _positive,
    "x-queue-leader-locator": _leader_locator,
    DISPATCH_STRATEGY: _dispatch_strategy,
}

_CONSUME_CHECKS: Final[dict[str, Check]] = {
    "x-priority": _integer,
    CONSUMER_TIMEOUT: _not_negative,
    "x-cancel-on-ha-failover": _bool,
    "x-stream-offset": _stream_offset,
    WEIGHT: _weight,
}

# ---------------------------------------------------------------------------------------------------------------------
# Which arguments each type of queue knows, in the order in which a re-declare compares them


def _queue_argument_names(kind: str, profile: Profile) -> tuple[str, ...]:
    series = profile.series
    if kind == CLASSIC:
        return (*_CLASSIC_NAMES, "x-queue-leader-locator") if series >= (4, 0) else _CLASSIC_NAMES
    if kind == QUORUM:
        return (*_QUORUM_NAMES, *_QUORUM_NAMES_4_3) if series >= (4, 3) else _QUORUM_NAMES
    return (*_STREAM_NAMES, FILTER_SIZE) if series >= (4, 0) else _STREAM_NAMES


def _consume_argument_names(kind: str, profile: Profile) -> tuple[str, ...]:
    series = profile.series
    if series < (4, 0):
        own = {
            CLASSIC: ("x-cancel-on-ha-failover", "x-priority", WEIGHT),
            QUORUM: ("x-priority", WEIGHT),
            STREAM: ("x-stream-offset",),
        }
        return (*own[kind], "x-credit")
    if kind == STREAM:
        return ("x-stream-offset", "x-stream-filter", "x-stream-match-unfiltered")
    if kind == QUORUM and series >= (4, 3):
        return ("x-priority", CONSUMER_TIMEOUT, WEIGHT)
    return ("x-priority", WEIGHT)


_CLASSIC_NAMES: Final = (
    "x-expires",
    "x-message-ttl",
    DEAD_LETTER_EXCHANGE,
    "x-dead-letter-routing-key",
    "x-max-length",
    "x-max-length-bytes",
    "x-max-priority",
    "x-overflow",
    "x-queue-mode",
    "x-queue-version",
    "x-single-active-consumer",
    QUEUE_TYPE,
    MASTER_LOCATOR,
    DISPATCH_STRATEGY,
)
_QUORUM_NAMES: Final = (
    DEAD_LETTER_EXCHANGE,
    "x-dead-letter-routing-key",
    "x-dead-letter-strategy",
    "x-expires",
    "x-max-length",
    "x-max-length-bytes",
    "x-max-in-memory-length",
    "x-max-in-memory-bytes",
    "x-overflow",
    "x-single-active-consumer",
    QUEUE_TYPE,
    "x-quorum-initial-group-size",
    "x-delivery-limit",
    "x-message-ttl",
    "x-queue-leader-locator",
    DISPATCH_STRATEGY,
)
_QUORUM_NAMES_4_3: Final = (
    "x-consumer-disconnected-timeout",
    CONSUMER_TIMEOUT,
    "x-delayed-retry-type",
    "x-delayed-retry-min",
    "x-delayed-retry-max",
)
_STREAM_NAMES: Final = (
    "x-max-length-bytes",
    QUEUE_TYPE,
    "x-max-age",
    SEGMENT_SIZE,
    "x-initial-cluster-size",
    "x-queue-leader-locator",
)

# ---------------------------------------------------------------------------------------------------------------------
# Declaring and consuming


def declared_queue_arguments(
    table: Table,
    profile: Profile,
    default_type: str | None = None,
    *,
    durable: bool = False,
    exclusive: bool = False,
    auto_delete: bool = False,
) -> Table:
    """The arguments a queue is declared with: since 4.0 they always name its type, sorted if it was added.

    default_type: the virtual host's for queues that name none; those that cannot be of it are classic.
    durable, exclusive, auto_delete: as the client wants them.
    """
    if QUEUE_TYPE in table:
        return table
    if default_type != CLASSIC and (not durable or exclusive or auto_delete):
        default_type = None
    if default_type is None:
        if profile.series < (4, 0):
            return table
        default_type = CLASSIC
    return dict(sorted((table | {QUEUE_TYPE: long_string(default_type)}).items()))


def queue_type(table: Table, profile: Profile) -> str:
    """The type of queue that the arguments name: `classic` if none. Any text, until `check_queue_arguments`."""
    field = table.get(QUEUE_TYPE)
    unset = (b"undefined", b"") if profile.series >= (4, 0) else (b"undefined",)
    if field is None or field.value in unset:
        return CLASSIC
    return text(field) if field.kind == "S" else ""


def check_server_named(table: Table, profile: Profile) -> None:
    """Whether a queue with these arguments may leave its name to the server. Raises AMQPError.

    To be asked before a name is generated; before the arguments are checked, too, so that a type of queue which is none
    is RabbitMQ's own fault here.
    """
    kind = queue_type(table, profile)
    if kind not in QUEUE_TYPES:
        raise _crash()
    if kind != CLASSIC:
        raise _precondition_failed(f"Cannot declare a server-named queue for type {_module(kind)}")


def check_queue_arguments(
    name: str,
    vhost: str,
    table: Table,
    *,
    durable: bool,
    exclusive: bool,
    auto_delete: bool,
    profile: Profile,
) -> None:
    """Whether a new queue may have these arguments and properties. Raises AMQPError.

    name: the queue's, generated if it was left to the server. table: from `declared_queue_arguments`.
    """
    queue = resource("queue", name, vhost)
    _check_exchange_name(DEAD_LETTER_EXCHANGE, table, queue)
    _check_values(table, {QUEUE_TYPE: _queue_type}, queue, profile)
    kind = queue_type(table, profile)
    names = _queue_argument_names(kind, profile)
    _check_values(table, {key: check for key, check in _QUEUE_CHECKS.items() if key in names}, queue, profile)
    _check_names(table, names, (_queue_argument_names(other, profile) for other in QUEUE_TYPES), queue, kind)
    # An exclusive queue is never durable: it goes with its connection.
    durable = durable and not exclusive
    if profile.series >= (4, 3) and not durable and not exclusive:
        raise _denied_feature("transient_nonexcl_queues")
    if kind == CLASSIC:
        if profile.series >= (4, 3) and MASTER_LOCATOR in table:
            raise _denied_feature("queue_master_locator")
        return
    for given, word in ((auto_delete, "auto-delete"), (exclusive, "exclusive-owner"), (not durable, "non-durable")):
        if given:
            raise _precondition_failed(f"invalid property '{word}' for {queue}")
    if kind == STREAM:
        _check_stream_sizes(table, profile)


def check_consume_arguments(name: str, vhost: str, table: Table, *, queue_arguments: Table, profile: Profile) -> None:
    """Whether a consumer of a queue may have these arguments. Raises AMQPError.

    queue_arguments: those of the queue, which say of what type it is.
    """
    queue = resource("queue", name, vhost)
    kind = queue_type(queue_arguments, profile)
    names = _consume_argument_names(kind, profile)
    _check_values(table, {key: check for key, check in _CONSUME_CHECKS.items() if key in names}, queue, profile)
    _check_names(table, names, (_consume_argument_names(other, profile) for other in QUEUE_TYPES), queue, kind)


def check_exchange_arguments(name: str, vhost: str, table: Table) -> None:
    """Whether a new exchange may have these arguments. Raises AMQPError."""
    _check_exchange_name(ALTERNATE_EXCHANGE, table, resource("exchange", name, vhost))


def resource(kind: str, name: str, vhost: str) -> str:
    """What RabbitMQ's texts call a thing: `queue 'q' in vhost '/'`."""
    return f"{kind} '{name}' in vhost '{vhost}'"


def _check_exchange_name(key: str, table: Table, what: str) -> None:
    field = table.get(key)
    if field is not None and field.kind != "S":
        raise _precondition_failed(f"invalid type '{type_name(field)}' for arg '{key}' in {what}")


def _check_values(table: Table, checks: dict[str, Check], queue: str, profile: Profile) -> None:
    for key, check in checks.items():
        if key in table and (wrong := check(table[key], table, profile)):
            raise _precondition_failed(f"invalid arg '{key}' for {queue}: {wrong}")


def _check_names(table: Table, own: Sequence[str], all_types: Iterable[Sequence[str]], queue: str, kind: str) -> None:
    others = {name for names in all_types for name in names}.difference(own)
    for key in table:
        if key in others:
            raise _precondition_failed(f"invalid arg '{key}' for {queue} of queue type {_module(kind)}")


def _check_stream_sizes(table: Table, profile: Profile) -> None:
    segment_size = table.get(SEGMENT_SIZE)
    if segment_size is not None and segment_size.value > SEGMENT_SIZE_MAX_BYTES:
        raise _precondition_failed(f"Exceeded max value for {SEGMENT_SIZE}")
    filter_size = table.get(FILTER_SIZE)
    if filter_size is None:
        return
    fits = filter_size.kind in _INTEGER_KINDS and FILTER_SIZE_MIN_BYTES <= filter_size.value <= FILTER_SIZE_MAX_BYTES
    if not fits:
        # 3.13 says it with two spaces.
        raise _precondition_failed(f"Invalid value for {' ' if profile.series < (4, 0) else ''}{FILTER_SIZE}")


def _module(kind: str) -> str:
    return f"rabbit_{kind}_queue"


def _precondition_failed(explanation: str) -> AMQPError:
    return AMQPError(PRECONDITION_FAILED, explanation)


def _denied_feature(name: str) -> AMQPError:
    """RabbitMQ's words for a feature that is off unless configured (`rabbit_deprecated_features:get_warning/1`)."""
    return AMQPError(
        INTERNAL_ERROR,
        f"Feature `{name}` is deprecated.\n"
        "By default, this feature is not permitted anymore.\n"
        "The feature will be removed from a future major RabbitMQ version, regardless of the configuration; actual "
        "version to be determined.\n"
        "To continue using this feature when it is not permitted by default, set the following parameter in your "
        "configuration:\n"
        f'    "deprecated_features.permit.{name} = true"',
    )


# ---------------------------------------------------------------------------------------------------------------------
# Declaring again


def assert_equivalent(
    kind: str, name: str, vhost: str, key: str, received: Field | bool | str | None, current: Field | bool | str | None
) -> None:
    """Whether what a re-declare says of key is what the thing has. Raises AMQPError 406 `inequivalent arg`.

    kind: `queue` or `exchange`. received, current: a property (bool; the type of an exchange: str), or an argument's
    Field, None where there is no such argument.
    """
    if isinstance(received, Field) and isinstance(current, Field):
        if _equivalent(received, current):
            return
        # Where both have a value, the text leaves their types out.
        received_words, current_words = _unnamed(received), _unnamed(current)
    elif received == current:
        return
    else:
        received_words, current_words = _quoted(received), _quoted(current)
    raise _precondition_failed(
        f"inequivalent arg '{key}' for {resource(kind, name, vhost)}: "
        f"received {received_words} but current is {current_words}"
    )


def assert_queue_arguments_equivalent(name: str, vhost: str, received: Table, current: Table, profile: Profile) -> None:
    """Whether a re-declare's arguments are those of the queue, as far as its type knows them. Raises AMQPError 406.

    Both tables: from `declared_queue_arguments`.
    """
    for key in _queue_argument_names(queue_type(current, profile), profile):
        if key == QUEUE_TYPE and {_given(received, key), _given(current, key)} == {None, b"classic"}:
            continue  # no type is the classic one
        assert_equivalent("queue", name, vhost, key, received.get(key), current.get(key))


def assert_exchange_arguments_equivalent(name: str, vhost: str, received: Table, current: Table) -> None:
    """Whether a re-declare names the alternate exchange that the exchange has. Raises AMQPError 406."""
    key = ALTERNATE_EXCHANGE
    assert_equivalent("exchange", name, vhost, key, received.get(key), current.get(key))


def _equivalent(one: Field, other: Field) -> bool:
    """By value, in whatever width; but a float is no integer and a bool none either, though Python has them equal."""
    return type(one.value) is type(other.value) and bool(one.value == other.value)


def _given(table: Table, key: str) -> Any:
    field = table.get(key)
    return None if field is None else field.value


def _quoted(value: Field | bool | str | None) -> str:
    match value:
        case None:
            return "none"
        case Field():
            return f"the value '{_words(value)}' of type '{type_name(value)}'"
        case bool():
            return f"'{str(value).lower()}'"
        case str():
            return f"'{value}'"


def _unnamed(field: Field) -> str:
    return "none" if field.kind == "V" else f"'{_words(field)}'"


def _words(field: Field) -> str:
    return text(field) if field.kind in "Sx" else erlang.term(field)
