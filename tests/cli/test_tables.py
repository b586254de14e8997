"""Tables for a person: plain, or rich's on a terminal; what a name holds never reaches the terminal as it is."""

import json
import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.cli.tables import cell, printable, printable_lines, say_json, say_pairs, say_table


def look_at_stdout(monkeypatch: pytest.MonkeyPatch) -> None:
    """Somebody looks at stdout, which is 200 characters wide."""
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: True)


def test_numbers_stand_below_one_another(capsys: pytest.CaptureFixture[str]) -> None:
    say_table(["name", "ready"], [["orders", 1200], ["invoices", 7]])
    assert capsys.readouterr().out == "name      ready\norders    1,200\ninvoices      7\n"


def test_a_title_stands_apart(capsys: pytest.CaptureFixture[str]) -> None:
    say_table(["name"], [["orders"]], "Queues")
    assert capsys.readouterr().out == "\nQueues\nname\norders\n\n"


def test_without_rows_nothing_is_said(capsys: pytest.CaptureFixture[str]) -> None:
    say_table(["name"], [], "Queues")
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize(
    ("value", "text"),
    [
        (None, ""),
        (False, ""),
        (True, "yes"),
        ("x", "x"),
        (1234567, "1,234,567"),
        (0.25, "0.2"),
        ([], ""),
        ({}, ""),
        (["a", "b"], "a, b"),
        ({"x": 5}, '{"x": 5}'),
    ],
)
def test_a_value_is_shown_as(value: object, text: str) -> None:
    assert cell(value) == text


def test_pairs_say_no(capsys: pytest.CaptureFixture[str]) -> None:
    say_pairs([("name", "orders"), ("exclusive", False)])
    assert capsys.readouterr().out == "name       orders\nexclusive  no\n"


def test_names_that_are_not_to_be_printed_are_written_out(capsys: pytest.CaptureFixture[str]) -> None:
    say_table(["name"], [["a\x1b[31m\nb"]])
    assert capsys.readouterr().out == "name\n'a\\x1b[31m\\nb'\n"


@given(st.text())
def test_no_text_moves_the_cursor(text: str) -> None:
    assert printable(text).isprintable()
    assert all(one.isprintable() for one in printable_lines(text) if one not in "\n\t")


@pytest.mark.parametrize("text", ["plain", "zwei\n\tLinien", "größe"])
def test_what_is_to_be_printed_stays(text: str) -> None:
    assert printable_lines(text) == text


def test_json_is_ascii(capsys: pytest.CaptureFixture[str]) -> None:
    say_json({"name": "ä\x1b"})
    out = capsys.readouterr().out
    assert out.isascii()
    assert json.loads(out) == {"name": "ä\x1b"}


def test_a_terminal_gets_a_table_of_rich(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    pytest.importorskip("rich")
    look_at_stdout(monkeypatch)
    say_table(["kind", "name"], [["queue", "[bold]tasks"]])
    assert "│ queue │ [bold]tasks │" in capsys.readouterr().out


def test_without_rich_a_terminal_gets_plain_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    look_at_stdout(monkeypatch)
    for name in ("rich.console", "rich.table"):
        monkeypatch.setitem(sys.modules, name, None)
    say_table(["kind", "name"], [["queue", "tasks"]])
    assert capsys.readouterr().out == "kind   name\nqueue  tasks\n"
