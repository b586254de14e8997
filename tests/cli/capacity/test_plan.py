"""`amqpbroker capacity plan`: forecasts from numbers, and words where there is none."""

import json

import pytest

from amqpbroker.cli.main import main

LOAD = ["--arrivals", "8/s", "--service", "1s"]


def planned(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, str, str]:
    code = main(["capacity", "plan", *arguments])
    told = capsys.readouterr()
    return code, told.out, told.err


def test_a_load_is_told_with_its_waits(capsys):
    code, out, _ = planned(capsys, *LOAD, "--consumers", "10")
    assert code == 0
    assert "M/M/c" in out and "80.0%" in out and "40.9%" in out


def test_programs_get_numbers(capsys):
    code, out, _ = planned(capsys, *LOAD, "--consumers", "10", "--json")
    told = json.loads(out)
    assert code == 0
    assert told["wait_probability"] == pytest.approx(0.4092, abs=1e-4)
    assert told["wait_mean_s"] == pytest.approx(0.2046, abs=1e-4)


def test_an_unstable_load_is_an_answer_in_words_and_code_1(capsys):
    code, out, err = planned(capsys, *LOAD, "--consumers", "8")
    assert (code, out) == (1, "")
    assert "unstable: 8/s need at least 9 consumers at 1 s each" in err
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
    ],
)
def test_wrong_input_is_named_and_code_2(capsys, arguments, told):
    code, out, err = planned(capsys, *arguments)
    assert (code, out) == (2, "")
    assert told in err
