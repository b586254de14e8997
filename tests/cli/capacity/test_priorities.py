"""`amqpbroker capacity priorities`: a line for each priority, and words for wrong input."""

import json

import pytest

from amqpbroker.cli.main import main

LOAD = ["capacity", "priorities", "--service", "1s", "--consumers", "10"]


def test_each_priority_has_its_line_the_highest_first(capsys):
    assert main([*LOAD, "--arrivals", "0=4/s", "--arrivals", "9=240/min"]) == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == "utilisation 80%, M/M/c with priorities"
    assert lines[2].split()[:4] == ["priority", "arrivals", "waiting", "mean"]
    assert lines[3].split() == ["9", "4/s", "40.9%", "68.2", "ms", "0", "s", "350", "ms", "619", "ms", "0.273"]
    assert lines[4].split()[:5] == ["0", "4/s", "40.9%", "341", "ms"]


def test_programs_get_numbers(capsys):
    assert main([*LOAD, "--arrivals", "1=4/s", "--arrivals", "2=4/s", "--json", "--percentile", "90"]) == 0
    urgent, other = json.loads(capsys.readouterr().out)
    assert (urgent["priority"], other["priority"]) == (2, 1)
    assert urgent["wait_percentiles_s"]["90"] < other["wait_percentiles_s"]["90"]


@pytest.mark.parametrize(
    ("arrivals", "code", "told"),
    [
        (["4/s"], 2, "'4/s' is not a priority from 0 to 255 and its rate, such as 9=2/s"),
        (["256=4/s"], 2, "is not a priority"),
        (["=4/s"], 2, "is not a priority"),
        (["1=4"], 2, "--arrivals: '4' is not a rate"),
        (["1=4/s", "01=4/s"], 2, "priority 1 is there twice"),
        (["1=5/s", "2=5/s"], 1, "unstable: 10/s need at least 11 consumers"),
    ],
)
def test_words_for_what_has_no_answer(capsys, arrivals, code, told):
    flags = [part for one in arrivals for part in ("--arrivals", one)]
    assert main([*LOAD, *flags]) == code
    assert told in capsys.readouterr().err
