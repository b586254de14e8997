"""Every `ls`: which columns, which rows, in which order."""

import sys
from typing import Any

import pytest

from amqpbroker.cli.listing import flattened, value_at
from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson

QUEUES = [
    {"vhost": "/", "name": "orders", "messages": 5, "message_stats": {"publish_details": {"rate": 1.5}}},
    {"vhost": "/", "name": "invoices", "messages": 7},
    {"vhost": "v", "name": "old"},
]


@pytest.fixture(autouse=True)
def queues(api: Api) -> None:
    api.answers["GET /api/queues"] = QUEUES


def names(found: list[dict[str, Any]]) -> list[str]:
    return [one["name"] for one in found]


def test_a_list_is_a_table(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["queue", "ls", "--columns", "name,messages_ready,messages,message_stats.publish_details.rate"]) == 0
    rows = [line.split() for line in capsys.readouterr().out.splitlines()]
    assert rows == [["name", "ready", "messages", "in/s"], ["orders", "5", "1.5"], ["invoices", "7"], ["old"]]


def test_only_what_a_table_shows_is_asked_for(api: Api) -> None:
    assert main(["queue", "ls", "--columns", "vhost,type", "--sort", "messages"]) == 0
    _, _, columns = api.asked[0][1].partition("?columns=")
    assert set(columns.split("%2C")) == {"vhost", "type", "name", "messages"}


def test_as_json_it_is_the_whole_answer(ask_json: AskJson) -> None:
    assert ask_json("queue", "ls") == QUEUES


def test_as_json_it_is_the_columns_asked_for(ask_json: AskJson) -> None:
    found = ask_json("queue", "ls", "--columns", "name,message_stats.publish_details.rate")
    assert found[0] == {"name": "orders", "message_stats.publish_details.rate": 1.5}
    assert found[1] == {"name": "invoices", "message_stats.publish_details.rate": None}


def test_a_pattern_is_found_anywhere(ask_json: AskJson) -> None:
    assert names(ask_json("queue", "ls", "o[ri]")) == ["orders", "invoices"]
    assert names(ask_json("queue", "ls", "^o")) == ["orders", "old"]


def test_a_pattern_that_is_none_is_refused(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["queue", "ls", "("]) == 2
    assert capsys.readouterr().err.startswith("amqpbroker: '(': is no regular expression (missing )")


def test_sorting_puts_what_is_unknown_first_or_last(ask_json: AskJson) -> None:
    assert names(ask_json("queue", "ls", "--sort", "messages")) == ["old", "orders", "invoices"]
    assert names(ask_json("queue", "ls", "--sort", "messages", "--reverse")) == ["invoices", "orders", "old"]
    assert names(ask_json("queue", "ls", "--sort", "name")) == ["invoices", "old", "orders"]


def test_an_empty_list_says_so_to_a_person_only(
    api: Api, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    api.answers["GET /api/queues"] = []
    assert main(["queue", "ls"]) == 0
    assert capsys.readouterr().out == ""
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
    assert main(["queue", "ls"]) == 0
    assert capsys.readouterr().out == "there are no queues\n"


def test_a_path_leads_to_a_value_or_none() -> None:
    assert value_at({"a": {"b": 1}}, "a.b") == 1
    assert value_at({"a": 1}, "a.b") is None
    assert value_at({}, "a.b") is None


def test_a_tree_has_leaves() -> None:
    tree = {"name": "q", "a": {"b": {"c": 1}, "d": {}}, "arguments": {"x-max-length": 5}}
    assert flattened(tree) == [("name", "q"), ("a.b.c", 1), ("a.d", {}), ("arguments", {"x-max-length": 5})]
