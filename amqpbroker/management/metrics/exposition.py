"""Metrics as Prometheus reads them, written a part at a time: the broker has other things to do."""

import asyncio
from collections.abc import AsyncIterator, Iterable, Sequence
from typing import TYPE_CHECKING, Final

from prometheus_client import Metric, generate_latest
from prometheus_client.registry import Collector

from amqpbroker.management.metrics.families import COUNTER, Family, Group, Labels

if TYPE_CHECKING:
    from amqpbroker.server.server import Server

# So many things are looked at, or samples written, before others have their turn.
_ROWS_PER_TURN: Final = 50
_SAMPLES_PER_TURN: Final = 200

Sample = tuple[Labels, float]


async def written(server: "Server", groups: Iterable[Group], prefix: str, *, per_object: bool) -> AsyncIterator[bytes]:
    """The text of some groups. prefix: of every name. per_object: each thing for itself, or the sum of all."""
    for group in groups:
        found = await _gathered(server, group, per_object=per_object)
        for place, family in enumerate(group.families):
            samples = [(labels, value) for labels, row in found.items() if (value := row[place]) is not None]
            async for part in _family(family, prefix, samples):
                yield part


async def _gathered(server: "Server", group: Group, *, per_object: bool) -> dict[Labels, list[float | None]]:
    """The values of each thing by its labels, or of all of them together, with those that are gone."""
    is_sum = group.of_things and not per_object
    found: dict[Labels, list[float | None]] = {}
    if is_sum:
        found[()] = list(group.rest(server)) if group.rest is not None else [0] * len(group.families)
    for number, (labels, values) in enumerate(group.rows(server), 1):
        key = () if is_sum else labels
        known = found.get(key)
        found[key] = list(values) if known is None else [_sum(*pair) for pair in zip(known, values, strict=True)]
        if number % _ROWS_PER_TURN == 0:
            await asyncio.sleep(0)
    return found


def _sum(one: float | None, other: float | None) -> float | None:
    return other if one is None else one if other is None else one + other


async def _family(family: Family, prefix: str, samples: Sequence[Sample]) -> AsyncIterator[bytes]:
    for place in range(0, max(len(samples), 1), _SAMPLES_PER_TURN):
        text = _text(family, prefix + family.name, samples[place : place + _SAMPLES_PER_TURN])
        # What the family is stands before its first part alone.
        yield text if place == 0 else b"".join(line for line in text.splitlines(True) if not line.startswith(b"#"))
        await asyncio.sleep(0)


def _text(family: Family, name: str, samples: Sequence[Sample]) -> bytes:
    metric = Metric(name.removesuffix("_total") if family.kind == COUNTER else name, family.help, family.kind)
    for labels, value in samples:
        metric.add_sample(name, dict(labels), value)
    return generate_latest(_Only(metric))


class _Only(Collector):
    """A registry of one family."""

    def __init__(self, metric: Metric) -> None:
        self._metric = metric

    def collect(self) -> Iterable[Metric]:
        return [self._metric]
