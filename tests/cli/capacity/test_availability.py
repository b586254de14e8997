"""`amqpbroker capacity availability`: the chance that nodes are up, and words for wrong input."""

import json

import pytest

from amqpbroker.cli.main import main

NODE = ["capacity", "availability", "--mtbf", "30d", "--mttr", "1h"]


def test_two_of_three_are_nearly_always_up(capsys):
    assert main([*NODE, "--nodes", "3", "--needed", "2"]) == 0
    lines = [" ".join(line.split()) for line in capsys.readouterr().out.splitlines()]
    assert lines == [
        "up 99.99942%",
        "down in a year 3.03 min",
        "an outage, mean 30 min",
        "between outages, mean 3,615 d",
    ]


@pytest.mark.parametrize(
    ("flags", "down"),
    [
        ([], 1 / 721),
        (["--nodes", "2"], 1 / 721**2),
        (["--in-parallel", "2"], 1 / 721**2),
        (["--in-series", "2"], 1 - (720 / 721) ** 2),
        (["--nodes", "2", "--needed", "2"], 1 - (720 / 721) ** 2),
        (["--nodes", "2", "--crews", "1"], 2 / 720**2 / (1 + 2 / 720 + 2 / 720**2)),
    ],
)
def test_programs_get_numbers(capsys, flags, down):
    assert main([*NODE, *flags, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["down"] == pytest.approx(down)
    assert told["up"] == pytest.approx(1 - down)


def test_nines_are_told_as_many_as_there_are(capsys):
    main([*NODE, "--nodes", "4"])
    assert "99.9999999996" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("flags", "told"),
    [
        (["--nodes", "0"], "nodes: 0 is not between 1"),
        (["--needed", "2"], "nodes needed: 2 is not between 1 and 1"),
        (["--crews", "0"], "repaired at a time: 0"),
        (["--in-series", "0"], "--in-series: 0 is not between 1"),
        (["--in-parallel", "1000000"], "--in-parallel: 1,000,000 is not between 1"),
        (["--mtbf", "often"], "--mtbf: 'often' is not a time"),
    ],
)
def test_wrong_input_is_named_and_code_2(capsys, flags, told):
    assert main([*NODE, *flags]) == 2
    assert told in capsys.readouterr().err
