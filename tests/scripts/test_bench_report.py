"""The benchmark's report: medians, ratios in both directions, targets and their marks, the table, the markers."""

import pytest

from benchmark.report import (
    BEGIN,
    END,
    Cell,
    Report,
    failures,
    format_number,
    format_ratio,
    lines,
    median,
    ratio,
    replace_between_markers,
    table,
)
from benchmark.rows import Figure, Row, Target
from benchmark.tool import Measurement

RATE = Figure("rate", "messages/s", targets=(Target("ratio", 10),))
LATENCY = Figure("p99", "ms", "lower", (Target("ratio", 1), Target("at most", 5)))
CHECKED = Figure("checked", "deliveries", "neither")


def cell(*rounds: dict[str, float], load_cpu_percent: float | None = 10.0) -> Cell:
    return Cell([Measurement(figures, load_cpu_percent, 50.0) for figures in rounds])


def report_of(figure: Figure, **cells: Cell) -> Report:
    return Report(list(cells), ["a machine"], [Row("work", "load", (), (figure,))], {"work": cells})


def test_median_takes_the_middle_round() -> None:
    assert cell({"rate": 30.0}, {"rate": 10.0}, {"rate": 20.0}).median("rate") == 20.0


def test_median_leaves_out_what_was_not_measured() -> None:
    assert median([None, 4.0, 2.0]) == 3.0


def test_median_of_nothing_is_none() -> None:
    assert median([None, None]) is None


@pytest.mark.parametrize(("figure", "times_better"), [(RATE, 4.0), (LATENCY, 0.25), (CHECKED, None)])
def test_ratio_says_how_many_times_better_ours_is(figure: Figure, times_better: float | None) -> None:
    assert ratio(figure, ours=8.0, other=2.0) == times_better


@pytest.mark.parametrize(("ours", "other"), [(None, 1.0), (1.0, None), (0.0, 1.0), (1.0, 0.0)])
def test_no_ratio_without_both_sides(ours: float | None, other: float | None) -> None:
    assert ratio(RATE, ours, other) is None


@pytest.mark.parametrize(
    ("target", "ours", "times_better", "met"),
    [
        (Target("ratio", 10), 1.0, 10.0, True),
        (Target("ratio", 10), 1.0, 9.9, False),
        (Target("ratio", 10), 1.0, None, None),
        (Target("at most", 300), 301.0, 99.0, False),
        (Target("at most", 300), 300.0, None, True),
        (Target("at least", 0.5), 0.4, 99.0, False),
        (Target("at least", 0.5), None, 99.0, None),
    ],
)
def test_target_compares_the_ratio_or_our_own_figure(
    target: Target, ours: float | None, times_better: float | None, met: bool | None
) -> None:
    assert target.is_met(ours, times_better) is met


def test_numbers_are_short() -> None:
    assert [format_number(value) for value in (1234567.8, 12.34, 1.234)] == ["1,234,568", "12.3", "1.23"]


def test_ratios_near_one_keep_two_digits() -> None:
    assert [format_ratio(value) for value in (11.26, 0.984, None)] == ["11.3×", "0.98×", "n/a"]


def test_target_is_held_against_rabbitmq_as_installed() -> None:
    report = report_of(RATE, ours=cell({"rate": 100.0}), rabbitmq=cell({"rate": 10.0}), one=cell({"rate": 50.0}))
    assert lines(report)[0].ratios == [10.0, 2.0]
    assert "10× met" in table(report, with_cpu=False)


def test_table_shows_medians_ratios_and_every_target() -> None:
    report = report_of(LATENCY, ours=cell({"p99": 4.0}), rabbitmq=cell({"p99": 2.0}))
    cells = [text.strip() for text in table(report, with_cpu=False).splitlines()[2].strip("|").split("|")]
    assert cells == ["work", "ms", "4.00", "2.00", "0.50×", "no worse missed; ≤ 5 met"]


def test_table_alone_has_no_ratio_and_marks_no_target_that_needs_one() -> None:
    report = report_of(RATE, ours=cell({"rate": 100.0}))
    assert table(report, with_cpu=False).splitlines()[2] == "| work     | messages/s |  100 | 10×    |"


def test_all_lines_of_the_table_are_equally_long() -> None:
    report = report_of(RATE, ours=cell({"rate": 1e6}), rabbitmq=cell({"rate": 1.0}, load_cpu_percent=99.0))
    assert len({len(line) for line in table(report, with_cpu=True).splitlines()}) == 1


def test_load_above_its_limit_is_named_with_its_column() -> None:
    report = report_of(RATE, ours=cell({"rate": 1.0}, load_cpu_percent=81.0), rabbitmq=cell({"rate": 1.0}))
    assert "the load is the limit: ours" in table(report, with_cpu=True)


def test_load_at_its_limit_is_not_named() -> None:
    report = report_of(RATE, ours=cell({"rate": 1.0}, load_cpu_percent=80.0), rabbitmq=cell({"rate": 1.0}))
    assert "limit" not in table(report, with_cpu=True)


def test_processor_time_that_cannot_be_read_is_not_available() -> None:
    report = report_of(RATE, ours=Cell([Measurement({"rate": 1.0})]))
    assert table(report, with_cpu=True).splitlines()[2].count("n/a") == 2


def test_failed_round_shows_in_the_table_and_by_name() -> None:
    report = report_of(RATE, ours=Cell(failures=["3 of 4 deliveries came"]), rabbitmq=cell({"rate": 1.0}))
    assert "failed" in table(report, with_cpu=False)
    assert failures(report) == ["work, ours: 3 of 4 deliveries came"]
    assert report.failed()


def test_checked_deliveries_are_ok_and_have_no_ratio() -> None:
    report = report_of(CHECKED, ours=cell({"checked": 2000.0}), rabbitmq=cell({"checked": 2000.0}))
    assert table(report, with_cpu=False).splitlines()[2].count("ok, 2,000") == 2
    assert lines(report)[0].ratio is None


def test_json_has_every_round_and_the_marks() -> None:
    report = report_of(RATE, ours=cell({"rate": 1.0}, {"rate": 3.0}), rabbitmq=cell({"rate": 1.0}))
    document = report.as_json()
    assert document["lines"][0]["targets"] == [{"target": "10×", "met": False}]
    assert [each["figures"] for each in document["rounds"]["work"]["ours"]["measurements"]] == [
        {"rate": 1},
        {"rate": 3},
    ]


def test_markers_keep_what_is_around_them() -> None:
    text = f"before\n{BEGIN}\nold\n{END}\nafter\n"
    assert replace_between_markers(text, "new") == f"before\n{BEGIN}\nnew\n{END}\nafter\n"


def test_replacing_twice_changes_nothing_more() -> None:
    once = replace_between_markers(f"{BEGIN}\n{END}", "table")
    assert replace_between_markers(once, "table") == once


@pytest.mark.parametrize("text", ["", BEGIN, f"{END} {BEGIN}", f"{BEGIN} {END} {BEGIN} {END}"])
def test_markers_must_be_there_once_and_in_order(text: str) -> None:
    with pytest.raises(ValueError, match="once each"):
        replace_between_markers(text, "new")
