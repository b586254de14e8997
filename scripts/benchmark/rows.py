"""The rows of the table: what each measures, with which tool, and what issue and design ask of it."""

from dataclasses import dataclass
from typing import Literal

STARTUP = "startup"
"""The one measurement that is not a tool on a running broker: it starts one itself."""


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
    """One round is enough: it proves something and measures nothing."""


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


_FLOOD = (
    Figure("deliveries_per_s_in_flood", "deliveries/s"),
    Figure("deliveries_per_publish_in_flood", "deliveries/publish", targets=(Target("at least", 0.5),)),
)
_CONFIRMS = (
    Figure("confirms_per_s", "confirms/s", targets=_ratio(2)),
    Figure("p99_ms", "p99, ms", "lower", _ratio(1)),
)
_CLIENT = (Figure("publishes_per_s", "publishes/s"), Figure("consumed_per_s", "consumed/s"))
_CHECKED = (Figure("checked", "deliveries checked", "neither"),)
_OCTETS = Figure("octets_per_message", "octets/message", "lower")
_FULL = (Figure("full_mb", "MB", "lower", (Target("at most", 300),)), _OCTETS)
_FULL_VARIED = (Figure("full_mb", "MB", "lower"), _OCTETS)
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
