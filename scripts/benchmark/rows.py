"""The rows of the table: what each measures, with which tool, and what issue and design ask of it."""

from dataclasses import dataclass
from typing import Literal

STARTUP, RESTART = "startup", "restart"
"""The measurements that are not a tool on a running broker: they start one themselves."""


@dataclass(frozen=True, slots=True)
class Target:
    """What is asked of a figure: a ratio to RabbitMQ in the same run, or a bound on our own figure."""

    kind: Literal["ratio", "at least", "at most"]
    value: float

    def __str__(self) -> str:
        match self.kind:
            case "ratio":
                return "no worse" if self.value == 1 else f"{self.value:g}×"
            case "at least":
                return f"≥ {self.value:g}"
            case "at most":
                return f"≤ {self.value:g}"

    def is_met(self, ours: float | None, ratio: float | None) -> bool | None:
        """None where what it compares was not measured."""
        measured = ratio if self.kind == "ratio" else ours
        if measured is None:
            return None
        return measured <= self.value if self.kind == "at most" else measured >= self.value


@dataclass(frozen=True, slots=True)
class Figure:
    """One figure of a measurement, a line of the table."""

    key: str
    unit: str
    better: Literal["higher", "lower", "neither"] = "higher"
    targets: tuple[Target, ...] = ()


@dataclass(frozen=True, slots=True)
class Row:
    """One measurement: a tool with its options, run against each broker in turn."""

    name: str
    tool: str
    arguments: tuple[str, ...]
    figures: tuple[Figure, ...]
    fresh_broker: bool = False
    """Runs against a broker that was just started and is ended afterwards."""
    once: bool = False
    """One round is enough: it proves something, or holds a size against a bound, and takes long."""
    only_ours: bool = False
    """Not for RabbitMQ, which would take too much of the machine for it."""


def _ratio(value: float) -> tuple[Target, ...]:
    return (Target("ratio", value),)


def _messages(targets: tuple[Target, ...] = (), unit: str = "messages/s") -> tuple[Figure, ...]:
    return (Figure("messages_per_s", unit, targets=targets),)


def _load(
    name: str, arguments: str, targets: tuple[Target, ...], varied_targets: tuple[Target, ...], unit: str = "messages/s"
) -> list[Row]:
    """A throughput row, with identical and with all-different messages."""
    options = tuple(arguments.split())
    return [
        Row(name, "load", options, _messages(targets, unit)),
        Row(f"{name}, all different", "load", (*options, "--vary"), _messages(varied_targets, unit)),
    ]


def _measuring(name: str, *arguments: str) -> Row:
    """What it costs that somebody looks at the capacity of the queue."""
    return Row(f"capacity measuring on, {name}", "beside_capacity", arguments, _MEASURED, only_ours=True)


def _confirmed(name: str, arguments: str) -> list[Row]:
    """A row of persistent messages and confirms, identical and all different."""
    options = tuple(arguments.split())
    return [
        Row(name, "confirmed", options, _DURABLE),
        Row(f"{name}, all different", "confirmed", (*options, "--vary"), _DURABLE),
    ]


def _ten_million(name: str, *options: str) -> Row:
    """A row of memory that RabbitMQ would need tens of gigabytes for."""
    arguments = ("--count", "10000000", *options)
    return Row(name, "memory", arguments, _FULL_OURS, fresh_broker=True, once=True, only_ours=True)


def _beside_plain(name: str, arguments: str, least: float) -> list[Row]:
    """A row of a queue with an argument beside a plain one, with identical and with all-different messages."""
    options = tuple(arguments.split())
    figures = (
        Figure("plain_per_s", "messages/s, plain queue"),
        Figure("beside_per_s", "messages/s"),
        Figure("share", "of the former", targets=(Target("at least", least),)),
    )
    return [
        Row(name, "beside_plain", options, figures),
        Row(f"{name}, all different", "beside_plain", (*options, "--vary"), figures),
    ]


def _dispatched(strategy: str, *options: str) -> Row:
    """Four consumers that acknowledge, by one strategy; RabbitMQ has none but taking turns."""
    arguments = ("--consumers", "4", "--prefetch", "1000", *options)
    name = f"4 consumers, prefetch 1000, {strategy}"
    return Row(name, "load", arguments, _messages(), only_ours=bool(options))


_FLOOD = (
    Figure("deliveries_per_s_in_flood", "deliveries/s"),
    Figure("deliveries_per_publish_in_flood", "deliveries/publish", targets=(Target("at least", 0.5),)),
)
_CONFIRMS = (
    Figure("confirms_per_s", "confirms/s", targets=_ratio(2)),
    Figure("p99_ms", "p99, ms", "lower", _ratio(1)),
)
_DURABLE = (Figure("messages_per_s", "messages/s", targets=_ratio(5)),)
_TIMED = (Figure("messages_per_s", "messages/s", targets=_ratio(1)), Figure("p99_ms", "p99, ms", "lower", _ratio(1)))
_TIMED_IN_FLOOD = (
    Figure("p99_ms", "p99, ms", "lower", _ratio(1)),
    Figure("messages_per_s", "messages/s"),
    Figure("flood_per_s", "flood, deliveries/s"),
)
_RESTART = (
    Figure("ready_s", "logged in, s", "lower", (Target("at most", 3),)),
    # 64 MB, and 24 octets for each of the million
    Figure("full_mb", "MB", "lower", (Target("at most", 88),)),
    Figure("most_mb", "most MB", "lower"),
)
_BACKLOG = (
    Figure("alone_per_s", "deliveries/s, no backlog"),
    Figure("before_backlog_per_s", "deliveries/s, backlog"),
    Figure("share", "of the former", targets=(Target("at least", 0.9),)),
)
# The most of twice the 100 MB that are left and 256 MiB, two segments of 16 MiB in reserve, 1 MB beside the log.
_DISK = (
    Figure("disk_mb", "MB on disk", "lower", (Target("at most", 303),)),
    Figure("most_mb", "most MB", "lower"),
    Figure("messages_per_s", "messages/s"),
)
_CLIENT = (Figure("publishes_per_s", "publishes/s"), Figure("consumed_per_s", "consumed/s"))
_CHECKED = (Figure("checked", "deliveries checked", "neither"),)
_OCTETS = Figure("octets_per_message", "octets/message", "lower")
_FULL = (Figure("full_mb", "MB", "lower", (Target("at most", 300),)), _OCTETS)
_FULL_OURS = (_FULL[0], Figure("most_mb", "most MB", "lower"), _OCTETS)
_FULL_VARIED = (Figure("full_mb", "MB", "lower"), _OCTETS)
_DEAD_LETTERS = (Figure("dead_letters_per_s", "dead letters/s", targets=_ratio(4)),)
_STREAM = (Figure("deliveries_per_s", "deliveries/s", targets=_ratio(5)),)
_DELAYED = (
    Figure("full_mb", "MB", "lower", (Target("at most", 400),)),
    Figure("most_mb", "most MB", "lower"),
    _OCTETS,
    # One tick of the kernel's clock in five seconds is 0.2 %.
    Figure("idle_cpu_percent", "CPU % while all wait", "lower", (Target("at most", 0.4),)),
    Figure("published_per_s", "publishes/s"),
    Figure("due_per_s", "deliveries/s when due"),
)
_HASHES = (Figure("mean_ms", "ms for a key", "lower", (Target("at most", 5),)), Figure("p99_ms", "p99, ms", "lower"))
_BESIDE_MANAGEMENT = (
    Figure("without_per_s", "messages/s, without"),
    Figure("with_per_s", "messages/s, with"),
)
_AT_REST = (*_BESIDE_MANAGEMENT, Figure("share", "of the former", targets=(Target("at least", 0.95),)))
_WATCHED = (*_BESIDE_MANAGEMENT, Figure("share", "of the former", targets=(Target("at least", 0.9),)))
_MEASURED = (
    Figure("without_per_s", "messages/s, without"),
    Figure("with_per_s", "messages/s, with"),
    Figure("share", "of the former", targets=(Target("at least", 0.98),)),
)
_PAGE = (Figure("first_page_ms", "first page, ms", "lower", (Target("at most", 100),)),)
_READY = (
    Figure("without_ms", "logged in, ms, without", "lower"),
    Figure("with_ms", "logged in, ms, with", "lower"),
    Figure("share", "of the former", "lower", (Target("at most", 1.1),)),
)
_STARTUP = (
    Figure("port_ms", "port open, ms", "lower"),
    Figure("handshake_ms", "logged in, ms", "lower", (Target("ratio", 20), Target("at most", 250))),
    Figure("first_message_ms", "first message, ms", "lower"),
    Figure("idle_mb", "idle memory, MB", "lower", _ratio(4)),
)

ROWS: tuple[Row, ...] = (
    *_load("auto-ack, 1 → 1", "", _ratio(10), _ratio(5)),
    *_load("manual ack, prefetch 1000", "--prefetch 1000", _ratio(8), _ratio(5)),
    *_load("fan-out 1 → 10", "--queues 10 --consumers 10", _ratio(15), _ratio(5), "deliveries/s"),
    *_load("4 consumers in turn on one queue", "--consumers 4", (), ()),
    *_load("16 KiB bodies", "--size 16384", _ratio(1.5), ()),
    Row("200 connections, one confirmed publish in flight each", "many_connections", (), _CONFIRMS),
    Row("200 connections, all different", "many_connections", ("--vary",), _CONFIRMS),
    Row(
        "latency at 1,000 messages/s",
        "latency",
        (),
        (Figure("p50_us", "p50, µs", "lower"), Figure("p99_us", "p99, µs", "lower", _ratio(1))),
    ),
    Row("while a publisher floods", "load", (), _FLOOD),
    Row("while a publisher floods, all different", "load", ("--vary",), _FLOOD),
    Row("while a publisher floods, prefetch 1000", "load", ("--prefetch", "1000"), _FLOOD),
    Row("connection churn", "churn", (), (Figure("connections_per_s", "connections/s"),)),
    Row("channel churn", "churn", ("--channels",), (Figure("channels_per_s", "channels/s"),)),
    Row("cold start", STARTUP, (), _STARTUP),
    Row("1 M queued 100-byte messages", "memory", (), _FULL, fresh_broker=True),
    Row("1 M queued, all different", "memory", ("--vary",), _FULL_VARIED, fresh_broker=True),
    *_confirmed("persistent, confirmed, 1,000 in flight", ""),
    *_confirmed("persistent, confirmed, 1,000 in flight, consumed with prefetch 1000", "--prefetch 1000"),
    Row("persistent, confirmed, one in flight", "confirmed", ("--in-flight", "1"), _TIMED),
    Row("the same while another floods", "confirmed", ("--in-flight", "1", "--flood"), _TIMED_IN_FLOOD),
    Row("1 M persistent, ready again after kill -9", RESTART, (), _RESTART, once=True),
    _ten_million("10 M queued 100-byte messages"),
    _ten_million("10 M queued, all different", "--vary"),
    _ten_million("10 M queued, persistent", "--durable"),
    _ten_million("10 M queued, persistent, all different", "--durable", "--vary"),
    Row("consumed at the head, 1 M behind", "backlog", (), _BACKLOG, fresh_broker=True, once=True),
    Row("on disk after 2 GB, 100 MB left", "disk_use", (), _DISK, fresh_broker=True, once=True),
    Row("on disk after 2 GB, 100 MB left scattered", "disk_use", ("--scattered",), _DISK, fresh_broker=True, once=True),
    *_beside_plain("x-message-ttl, long", "--argument x-message-ttl --value 600000", 0.9),
    *_beside_plain("x-max-length, never reached", "--argument x-max-length --value 100000000", 0.9),
    *_beside_plain("x-max-priority 5, priorities in turn", "--argument x-max-priority --value 5 --priorities 5", 0.6),
    Row("dead letters, a reject each", "dead_letters", (), _DEAD_LETTERS),
    Row("dead letters, a reject each, all different", "dead_letters", ("--vary",), _DEAD_LETTERS),
    Row("dead letters, nack for many", "dead_letters", ("--multiple",), _DEAD_LETTERS),
    Row("1 M delayed", "delayed", (), _DELAYED, fresh_broker=True, once=True, only_ours=True),
    Row("1 M delayed, persistent", "delayed", ("--durable",), _DELAYED, fresh_broker=True, once=True, only_ours=True),
    Row("topic, 10,000 bindings, 1,000 keys in turn", "topic_bindings", (), _messages(_ratio(10))),
    Row("topic, 10,000 bindings, new keys", "topic_bindings", ("--new",), _messages(_ratio(1))),
    Row("topic, 1,000 bindings of 60 #, keys of 120 words", "hash_words", (), _HASHES, only_ours=True),
    Row("stream read by 10 from the first", "streams", (), _STREAM),
    Row("stream read by 10 from the first, all different", "streams", ("--vary",), _STREAM),
    _dispatched("round-robin"),
    _dispatched("random", "--strategy", "random"),
    _dispatched("weighted 4 3 2 1", "--strategy", "weighted", "--weights", "4", "3", "2", "1"),
    _dispatched("least-unacked", "--strategy", "least-unacked"),
    Row("management at rest", "beside_management", (), _AT_REST, only_ours=True),
    Row(
        "management watched: metrics, live messages",
        "beside_management",
        ("--watched",),
        _WATCHED,
        only_ours=True,
    ),
    _measuring("auto-ack"),
    _measuring("manual ack, prefetch 1000", "--prefetch", "1000"),
    _measuring("manual ack, prefetch 20", "--prefetch", "20"),
    Row("10,000 queues listed", "queue_page", (), _PAGE, only_ours=True),
    Row("cold start with management", "startup_with_management", (), _READY, only_ours=True),
    Row("pika, no confirms, an ack each", "pika_rates", (), _CLIENT),
    Row("aio-pika, confirms, an ack each", "aio_pika_rates", (), _CLIENT),
    Row("Celery, one worker, results by rpc", "celery_rates", (), (Figure("tasks_per_s", "tasks/s"),)),
    Row("bodies and order", "check", (), _CHECKED, once=True),
    Row("bodies and order, all different", "check", ("--vary",), _CHECKED, once=True),
    Row(
        "bodies and order, prefetch 1000, all different", "check", ("--prefetch", "1000", "--vary"), _CHECKED, once=True
    ),
    Row(
        "bodies and order, fan-out 1 → 10, all different",
        "check",
        ("--queues", "10", "--count", "20000", "--vary"),
        _CHECKED,
        once=True,
    ),
)
