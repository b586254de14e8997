"""The options of a load, and the answer where there is none."""

import json
from argparse import ArgumentParser, Namespace

import pytest

from amqpbroker.capacity.models.load import Load
from amqpbroker.cli.capacity.asking import add_load, answer, load_of


def asked(*arguments: str) -> tuple[int, list[Load]]:
    parser, loads = ArgumentParser("asked"), []
    add_load(parser)

    def act(options: Namespace) -> None:
        load = load_of(options)
        load.demand_stable()
        loads.append(load)

    return answer(parser, list(arguments), act), loads


def test_rates_and_times_are_read_with_their_units():
    code, [load] = asked("--arrivals", "480/min", "--service", "20ms", "--consumers", "2")
    assert (code, load) == (0, Load(8, 0.02, 2))


def test_what_is_missing_or_wrong_is_usage():
    assert asked("--arrivals", "8/s")[0] == 2
    assert asked("--arrivals", "8", "--service", "1s", "--consumers", "2")[0] == 2


def test_programs_are_told_how_many_it_takes(capsys: pytest.CaptureFixture[str]):
    assert asked("--arrivals", "8/s", "--service", "1s", "--consumers", "2", "--json") == (1, [])
    assert json.loads(capsys.readouterr().out)["consumers_needed"] == 9
