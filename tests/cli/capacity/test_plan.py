"""`amqpbroker capacity plan`: forecasts from numbers, and words where there is none."""

import json
import re
import sys
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from amqpbroker.cli.main import main

PAGE = Path(__file__).parents[3] / "docs" / "capacity.md"
LOAD = ["--arrivals", "8/s", "--service", "1s"]
TEN = [*LOAD, "--consumers", "10"]


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["capacity", "plan", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def document(capsys: pytest.CaptureFixture[str], *arguments: str) -> Any:
    code, out, err = planned(capsys, *arguments, "--json")
    assert (code, err) == (0, "")
    return json.loads(out)


def test_a_load_is_told_with_its_waits(capsys):
    code, out, _ = planned(capsys, *TEN)
    told = dict(line.split("  ", 1) for line in out.splitlines())
    assert code == 0
    assert {name: text.strip() for name, text in told.items()} == {
        "model": "M/M/c",
        "utilisation": "80%",
        "messages that wait": "40.9%",
        "wait, mean": "205 ms",
        "wait, 50 of 100 at most": "0 s",
        "wait, 95 of 100 at most": "1.05 s",
        "wait, 99 of 100 at most": "1.86 s",
        "until acknowledged, mean": "1.2 s",
        "ready, mean": "1.64",
        "mean wait, arrivals 1% up": "+17.1 ms",
        "mean wait, service 1% slower": "+19.2 ms",
        "mean wait, one consumer more": "-123 ms",
        "consumers that just keep up": "9",
    }


def test_programs_get_numbers(capsys):
    told = document(capsys, *TEN, "--percentile", "99", "--percentile", "99.9")
    assert told["wait_probability"] == pytest.approx(0.4092, abs=1e-4)
    assert told["wait_mean_s"] == pytest.approx(0.2046, abs=1e-4)
    assert list(told["wait_percentiles_s"]) == ["99", "99.9"]
    assert told["mean_wait_changes"]["per_consumer_s"] < 0


def test_consumers_for_a_target_are_told_for_mean_and_percentiles(capsys):
    assert document(capsys, *TEN, "--target-wait", "200ms")["consumers_needed"] == {
        "mean": 11,
        "50": 10,
        "95": 13,
        "99": 15,
    }
    _, out, _ = planned(capsys, *TEN, "--target-wait", "200ms")
    assert "consumers for a mean wait within 200ms  11" in out and "consumers for 99 of 100 within 200ms    15" in out


def test_the_time_until_a_backlog_is_gone_is_told(capsys):
    drain = document(capsys, *TEN, "--backlog", "1000")["drain"]
    assert drain["mean_s"] == pytest.approx(500)
    assert drain["percentiles_s"]["50"] < 500 < drain["percentiles_s"]["95"]
    _, out, _ = planned(capsys, *TEN, "--backlog", "1000")
    assert "until 1,000 are gone, mean" in out and "8.33 min" in out


@pytest.mark.parametrize(
    ("flags", "model"),
    [
        (["--cv-service", "0"], "G/G/c"),
        (["--cv-arrivals", "2", "--cv-service", "0.5"], "G/G/c"),
        (["--prefetch", "5"], "M/M/c with prefetch"),
        (["--prefetch", "5", "--dispatch", "random"], "M/M/c with prefetch"),
        (["--prefetch", "1"], "M/M/c"),
        (["--max-length", "20"], "M/M/c/K"),
        (["--max-length", "20", "--overflow", "drop-head"], "M/M/c/K"),
    ],
)
def test_what_is_said_of_the_load_chooses_the_model(capsys, flags, model):
    assert document(capsys, *TEN, *flags)["model"] == model


def test_an_approximation_is_told_as_one(capsys):
    assert "G/G/c, an approximation\n" in planned(capsys, *TEN, "--cv-arrivals", "2")[1]
    assert (
        "G/G/c, its percentiles an approximation\n"
        in planned(capsys, "--arrivals", "1/s", "--service", "500ms", "--consumers", "1", "--cv-service", "0")[1]
    )


def test_a_queue_with_a_limit_has_an_answer_where_others_are_unstable(capsys):
    code, out, _ = planned(capsys, *LOAD, "--consumers", "8", "--max-length", "10")
    assert code == 0
    assert "messages lost" in out and "7.02%, 33.7/min" in out


def test_an_unstable_load_is_an_answer_in_words_and_code_1(capsys):
    code, out, err = planned(capsys, *LOAD, "--consumers", "8")
    assert (code, out) == (1, "")
    assert "unstable: 8/s need at least 9 consumers at 1 s each, and there are 8" in err
    code, out, _ = planned(capsys, *LOAD, "--consumers", "8", "--json")
    assert (code, json.loads(out)["consumers_needed"]) == (1, 9)


@pytest.mark.parametrize(
    ("arguments", "told"),
    [
        (["--arrivals", "8", "--service", "1s", "--consumers", "9"], "--arrivals: '8' is not a rate with its unit"),
        (["--arrivals", "8/s", "--service", "0s", "--consumers", "9"], "--service: 0s has to be above zero"),
        ([*LOAD, "--consumers", "0"], "consumers: 0 is not between"),
        ([*LOAD, "--consumers", "2.5"], "--consumers"),
        (LOAD, "--consumers"),
        ([*TEN, "--percentile", "100"], "percentile: 100 is not from 0 to below 100"),
        ([*TEN, "--percentile", "nan"], "percentile: nan is not"),
        ([*TEN, "--target-wait", "0s"], "--target-wait: 0s has to be above zero"),
        ([*TEN, "--cv-service", "-1"], "service cv: -1 is not between 0"),
        ([*TEN, "--cv-arrivals", "nan"], "arrivals cv: nan is not a finite number"),
        ([*TEN, "--prefetch", "0"], "prefetch: 0 is not between"),
        ([*TEN, "--max-length", "-1"], "max-length: -1 is not between"),
        ([*TEN, "--backlog", "-1"], "backlog: -1"),
        ([*TEN, "--overflow", "drop-head"], "say with --max-length"),
        ([*TEN, "--prefetch", "2", "--cv-service", "0"], "--cv-service, --prefetch: no model has all of them"),
        ([*TEN, "--plot", "waits.doc"], "--plot: waits.doc does not end with .svg, .png, .pdf"),
    ],
)
def test_wrong_input_is_named_and_code_2(capsys, arguments, told):
    code, out, err = planned(capsys, *arguments)
    assert (code, out) == (2, "")
    assert told in err


def test_the_wait_against_the_load_is_plotted(capsys, tmp_path):
    path = tmp_path / "waits.svg"
    assert planned(capsys, *TEN, "--plot", str(path))[0] == 0
    drawn = path.read_text(encoding="utf-8")
    assert "messages published a second" in drawn and "p99" in drawn


def test_a_plot_that_cannot_be_written_is_told(capsys, tmp_path):
    code, _, err = planned(capsys, *TEN, "--plot", str(tmp_path / "missing" / "waits.svg"))
    assert code == 2
    assert "waits.svg cannot be written (No such file or directory)" in err


def test_without_scipy_it_says_what_to_install(capsys, monkeypatch):
    for name in [name for name in sys.modules if name.partition(".")[0] == "scipy"]:
        monkeypatch.delitem(sys.modules, name)
    monkeypatch.setitem(sys.modules, "scipy", None)
    code, _, err = planned(capsys, *TEN, "--backlog", "1000")
    assert code == 1
    assert "needs scipy" in err and "pip install amqpbroker[capacity]" in err


numbers = st.sampled_from(["0", "1", "3", "8", "0.5", "7.999999", "1e-18", "1e-9", "1e9", "1e17", "1e400", "nan", "-1"])
counts = st.sampled_from(["0", "1", "2", "9", "1000", "65535", "100000", "1000000000000000000000"])
options = st.lists(
    st.one_of(
        st.builds("{}={}".format, st.sampled_from(["--cv-arrivals", "--cv-service", "--percentile"]), numbers),
        st.builds("{}={}".format, st.sampled_from(["--prefetch", "--max-length", "--backlog"]), counts),
        st.builds("--target-wait={}{}".format, numbers, st.sampled_from(["s", "ms", "ns"])),
        st.sampled_from(["--dispatch=random", "--overflow=drop-head"]),
    ),
    max_size=3,
)


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(numbers, numbers, counts, options)
def test_whatever_is_asked_has_an_answer(capsys, arrivals, service, consumers, flags):
    load = [f"--arrivals={arrivals}/s", f"--service={service}s", f"--consumers={consumers}"]
    code, out, err = planned(capsys, *load, *flags)
    assert code in {0, 1, 2}
    assert bool(out) == (code == 0) and bool(err) == (code != 0)
    assert not re.search(r"\b(nan|inf)\b", out)


def test_the_page_shows_what_it_prints(capsys):
    [(flags, shown)] = re.findall(
        r"\$ amqpbroker capacity plan (.*)\n((?: {4}.*\n)+)", PAGE.read_text(encoding="utf-8")
    )
    code, out, _ = planned(capsys, *flags.split())
    assert code == 0
    assert out.splitlines() == [line[4:] for line in shown.splitlines()]


def test_the_pages_program_runs(capsys):
    [program] = re.findall(r"```python\n(.*?)```", PAGE.read_text(encoding="utf-8"), re.DOTALL)
    exec(compile(program, PAGE.name, "exec"), {})
    assert capsys.readouterr().out.splitlines()[-1].endswith("need at least 9 consumers at 1 s each, and there are 8 9")
