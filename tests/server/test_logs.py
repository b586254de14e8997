"""The log's lines: what they look like, and that nothing a client sends can forge or disturb one."""

import json
import logging

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.server.logs import JSONFormatter, TextFormatter, escape, set_up


def record(message: str, *arguments: object, fault: Exception | None = None) -> logging.LogRecord:
    """A warning of the server at a known time."""
    exc_info = (type(fault), fault, fault.__traceback__) if fault else None
    made = logging.LogRecord("amqpbroker.server", logging.WARNING, __file__, 1, message, arguments, exc_info)
    made.created, made.msecs = 1_769_860_800.25, 250.0
    return made


@pytest.fixture
def log(capsys):
    """Leaves logging as it was; `log()` gives the lines since the last time."""
    handlers, level = logging.root.handlers[:], logging.root.level
    switches = (logging.logThreads, logging.logProcesses, logging.logMultiprocessing)

    def lines() -> list[str]:
        return capsys.readouterr().err.splitlines()

    yield lines
    logging.root.handlers[:] = handlers
    logging.root.setLevel(level)
    logging.logThreads, logging.logProcesses, logging.logMultiprocessing = switches


def test_a_line_of_text_has_the_time_in_utc_the_level_and_who_says_it():
    line = TextFormatter().format(record("refused %s", "anna"))
    assert line == "2026-01-31T12:00:00.250Z [warning] amqpbroker.server: refused anna"


def test_a_line_of_json_has_the_same():
    assert json.loads(JSONFormatter().format(record("refused %s", "anna"))) == {
        "time": "2026-01-31T12:00:00.250Z",
        "level": "warning",
        "logger": "amqpbroker.server",
        "message": "refused anna",
    }


@pytest.mark.parametrize(
    ("sent", "logged"),
    [
        ("orders", "orders"),
        ("größe 数", "größe 数"),
        ("a\r\nb", "a\\r\\nb"),
        ("\x1b[2J", "\\x1b[2J"),
        ("\x00\x7f\x9b", "\\x00\\x7f\\x9b"),
        ("line\u2028apart", "line\\u2028apart"),
        ("right\u202eleft", "right\\u202eleft"),
        ("\udcff", "\\udcff"),
    ],
)
def test_what_a_client_sends_is_escaped(sent, logged):
    assert TextFormatter().format(record("queue %s", sent)).endswith(f": queue {logged}")


@given(st.text(st.characters()))
def test_no_text_breaks_a_line_of_text(sent):
    assert TextFormatter().format(record("queue %s", sent)).isprintable()
    assert escape(escape(sent)) == escape(sent)


@given(st.text(st.characters()))
def test_no_text_breaks_a_line_of_json_and_all_of_it_is_there(sent):
    line = JSONFormatter().format(record("queue %s", sent))
    assert line.isascii() and line.isprintable()
    assert json.loads(line)["message"] == f"queue {sent}"


def raised(text: str) -> Exception:
    try:
        raise ValueError(text)
    except ValueError as error:
        return error


def test_a_traceback_cannot_pass_for_a_record():
    lines = TextFormatter().format(record("fault", fault=raised("a\n2026-01-31T12:00:00.250Z [info] forged\x1b[2J")))
    first, *others = lines.split("\n")
    assert first.endswith(": fault")
    assert others and all(line.startswith("  | ") and line.isprintable() for line in others)


def test_a_traceback_in_json_stays_in_its_line():
    line = JSONFormatter().format(record("fault", fault=raised("bad")))
    assert "\n" not in line
    assert json.loads(line)["traceback"].endswith("ValueError: bad")


def test_the_level_leaves_out_what_is_less_severe(log):
    set_up("warning", "text")
    logging.getLogger("amqpbroker.server").info("quiet")
    logging.getLogger("amqpbroker.server").warning("heard")
    assert [line.partition(": ")[2] for line in log()] == ["heard"]


def test_another_handler_may_want_more_than_is_shown(log):
    set_up("warning", "text")
    ours = logging.getLogger("amqpbroker.server")
    ours.setLevel(logging.DEBUG)
    ours.info("quiet")
    ours.setLevel(logging.NOTSET)
    assert log() == []


def test_setting_up_again_replaces_the_first(log):
    set_up("info", "text")
    set_up("info", "json")
    logging.getLogger("amqpbroker.server").info("once")
    assert [json.loads(line)["message"] for line in log()] == ["once"]


def test_a_log_in_a_file_goes_on_in_a_new_one_when_it_is_moved_away(log, tmp_path):
    path = tmp_path / "broker.log"
    set_up("info", "text", str(path))
    logging.getLogger("amqpbroker.server").info("one")
    path.rename(tmp_path / "broker.log.1")
    logging.getLogger("amqpbroker.server").info("two")
    assert path.read_text(encoding="utf-8").endswith("amqpbroker.server: two\n")
    assert log() == []


def test_a_log_file_that_cannot_be_written_is_an_error(log, tmp_path):
    with pytest.raises(OSError):
        set_up("info", "text", str(tmp_path))
