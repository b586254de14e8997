"""How rabbitmqadmin writes a list: as its own tables, with tabs, as JSON."""

from argparse import Namespace
from typing import Any

import pytest

from amqpbroker.cli.shims.admin_tables import say_list

QUEUES: list[dict[str, Any]] = [
    {"name": "a", "vhost": "/", "messages": 1, "arguments": {}, "stats": {"rate": 0.5}},
    {"name": "bb", "vhost": "/", "messages": None, "tags": ["x", "y"]},
]


def say(found: list[dict[str, Any]], *columns: str, how: str = "table", depth: int = 1, quiet: bool = False) -> None:
    say_list(Namespace(format=how, depth=depth, quiet=quiet), found, columns)


@pytest.mark.parametrize(
    ("how", "out"),
    [
        (
            "table",
            "+------+----------+\n| name | messages |\n+------+----------+\n| a    | 1        |\n| bb   |          |\n"
            "+------+----------+\n",
        ),
        ("tsv", "name\tmessages\na\t1\nbb\t\n"),
        ("kvp", 'name="a" messages="1"\nname="bb" messages=""\n'),
        ("bash", "a bb\n"),
        (
            "long",
            f"\n{'-' * 80}\n\n    name: a\nmessages: 1\n\n{'-' * 80}\n\n    name: bb\nmessages: \n\n{'-' * 80}\n\n",
        ),
    ],
)
def test_a_format(capsys: pytest.CaptureFixture[str], how: str, out: str) -> None:
    say(QUEUES, "name", "messages", how=how)
    assert capsys.readouterr().out == out


def test_json(capsys: pytest.CaptureFixture[str]) -> None:
    say([{"b": 1, "a": "ä"}], how="raw_json")
    say([{"b": 1, "a": "ä"}], how="pretty_json")
    assert capsys.readouterr().out == '[{"b":1,"a":"ä"}]\n[\n  {\n    "a": "ä",\n    "b": 1\n  }\n]\n'


def test_without_columns_all_that_the_depth_reaches(capsys: pytest.CaptureFixture[str]) -> None:
    say(QUEUES, how="tsv")
    say(QUEUES, how="tsv", depth=2)
    heads = [line for line in capsys.readouterr().out.splitlines() if line.startswith("vhost")]
    assert heads == ["vhost\tname\tmessages\ttags", "vhost\tname\tmessages\tstats.rate\ttags"]


def test_trees_that_are_one_value_are_json(capsys: pytest.CaptureFixture[str]) -> None:
    say([{"definition": {"max-length": 5}}], how="kvp")
    assert capsys.readouterr().out == 'definition="{"max-length": 5}"\n'


def test_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    say([])
    say([], quiet=True)
    say([{"a": 1}], "a", how="tsv", quiet=True)
    say([{"a": 1}], "a", how="bash")
    assert capsys.readouterr().out == "No items\n1\n"
