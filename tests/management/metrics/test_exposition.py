"""The text that Prometheus reads: in parts, and whole all the same."""

from collections.abc import Iterator

from prometheus_client.parser import text_string_to_metric_families

from amqpbroker.management.metrics.exposition import written
from amqpbroker.management.metrics.families import COUNTER, GAUGE, Family, Group, Labels, Values

FAMILIES = (Family("sent_total", COUNTER, "What was sent"), Family("size", GAUGE, "How large"))


def group(count: int, *, rest: Values | None = None) -> Group:
    def rows(_: object) -> Iterator[tuple[Labels, Values]]:
        for number in range(count):
            yield (("thing", f"t{number}"),), (1, None if number else 7)

    return Group("things", FAMILIES, rows, of_things=True, rest=None if rest is None else lambda _: rest)


async def text(one: Group, *, per_object: bool) -> str:
    parts = [part async for part in written(None, [one], "x_", per_object=per_object)]  # type: ignore[arg-type]
    return b"".join(parts).decode()


async def test_a_family_stands_there_once_however_many_parts_it_comes_in() -> None:
    told = await text(group(1_000), per_object=True)
    sent, size = text_string_to_metric_families(told)
    assert told.count("# TYPE") == told.count("# HELP") == 2
    assert (len(sent.samples), len(size.samples)) == (1_000, 1)


async def test_a_sum_has_what_is_gone_too() -> None:
    told = await text(group(3, rest=(100, None)), per_object=False)
    assert told.splitlines() == [
        "# HELP x_sent_total What was sent",
        "# TYPE x_sent_total counter",
        "x_sent_total 103.0",
        "# HELP x_size How large",
        "# TYPE x_size gauge",
        "x_size 7.0",
    ]


async def test_the_sum_of_nothing_is_nought() -> None:
    assert "x_sent_total 0.0" in await text(group(0), per_object=False)
    assert "x_sent_total 0.0" not in await text(group(0), per_object=True)
