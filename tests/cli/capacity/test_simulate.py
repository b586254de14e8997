"""`amqpbroker capacity simulate`: simulated beside predicted, for people and for programs."""

import json
from pathlib import Path

import pytest

from amqpbroker.cli.main import main

LOAD = ["--arrivals", "1.2/s", "--service", "1s", "--consumers", "2"]
SMALL = ["--customers", "11000"]


def simulated(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["capacity", "simulate", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_load_is_told_simulated_beside_predicted(capsys):
    code, out, _ = simulated(capsys, *LOAD, *SMALL)
    assert code == 0
    assert "11,000 messages, the first 1,000 not counted, seed 1" in out
    assert "M/M/c" in out and "45.0%" in out and "99 of 100 at most" in out
    assert "The forecast of the mean wait is within what the simulation can tell" in out


def test_programs_get_numbers_and_the_same_seed_gives_the_same(capsys):
    code, out, _ = simulated(capsys, *LOAD, *SMALL, "--json")
    told = json.loads(out)
    assert code == 0
    assert told["wait"]["mean"]["predicted"] == pytest.approx(0.5625)
    assert told["wait"]["mean"]["simulated"] == pytest.approx(0.5625, abs=told["wait"]["mean"]["half_width"])
    assert sum(one["share"] for one in told["consumers"]) == pytest.approx(1)
    assert simulated(capsys, *LOAD, *SMALL, "--json")[1] == out


def test_other_traffic_has_another_model_and_where_that_is_off_it_is_told(capsys):
    assert "G/G/c" in simulated(capsys, *LOAD, *SMALL, "--distribution", "deterministic")[1]
    bursts = ["--arrival-distribution", "hyperexponential:2", "--prefetch", "5"]
    assert "The forecast of the mean wait is too short: " in simulated(capsys, *LOAD, *SMALL, *bursts)[1]


def test_with_a_prefetch_it_is_told_when_messages_are_worked_on_too(capsys):
    _, out, _ = simulated(capsys, *LOAD, *SMALL, "--prefetch", "3")
    assert "wait until worked on" in out and "M/M/c with prefetch" in out
    assert "Of that in the queue, until a consumer has it: " in out


def test_weights_show_in_the_shares_and_the_percentiles_are_drawn(capsys, tmp_path: Path):
    weighted = ["--dispatch", "weighted", "--weights", "9,1"]
    _, out, _ = simulated(capsys, *LOAD, *SMALL, *weighted, "--plot", str(tmp_path / "waits.svg"))
    assert "shares of the consumers: " in out
    assert (tmp_path / "waits.svg").stat().st_size > 1_000


def test_where_nobody_waits_it_is_told_so(capsys):
    code, out, _ = simulated(capsys, "--arrivals", "1/min", "--service", "1ms", "--consumers", "40", *SMALL)
    assert code == 0
    assert "Nobody waited" in out


def test_an_unstable_load_is_an_answer_in_words_and_code_1(capsys):
    code, out, err = simulated(capsys, "--arrivals", "8/s", "--service", "1s", "--consumers", "3")
    assert (code, out) == (1, "")
    assert "unstable: 8/s need at least 9 consumers" in err


@pytest.mark.parametrize(
    ("named", "wrong"),
    [
        ("--distribution", ["--distribution", "normal"]),
        ("--weights", ["--dispatch", "weighted", "--weights", "3;1"]),
        ("customers", ["--customers", "0"]),
        ("customers", ["--customers", "2000"]),
        ("--plot", ["--plot", "waits.txt"]),
        ("dispatch", ["--dispatch", "fair"]),
    ],
)
def test_wrong_input_is_named_before_anything_is_simulated(capsys, named, wrong):
    code, out, err = simulated(capsys, *LOAD, *wrong)
    assert (code, out) == (2, "")
    assert f"amqpbroker: {named}: " in err
