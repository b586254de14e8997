"""Options anywhere among the words, as RabbitMQ's programs take them."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.cli.shims.failing import Failed
from amqpbroker.cli.shims.invocation import Invocation, parse


def parsed(*arguments: str) -> Invocation:
    return parse("rabbitmqctl", arguments, {"--priority": "priority"}, {"--local": "local"})


@pytest.mark.parametrize(
    "arguments",
    [
        ["-q", "-p", "v", "list_queues", "name"],
        ["list_queues", "-p", "v", "name", "-q"],
        ["list_queues", "name", "--vhost=v", "--quiet"],
        ["list_queues", "name", "--vhost", "v", "--quiet"],
    ],
)
def test_options_stand_anywhere(arguments: list[str]) -> None:
    found = parsed(*arguments)
    assert (found.command, found.words, found.vhost, found.is_quiet) == ("list_queues", ("name",), "v", True)


def test_a_silent_one_is_quiet_too() -> None:
    assert parsed("-s", "ping").is_quiet
    assert not parsed("ping").is_silent


def test_the_commands_own_options() -> None:
    found = parsed("set_policy", "p", "--priority", "-3", "--local")
    assert found.given == {"priority": "-3", "local": "true"}


@pytest.mark.parametrize("word", ["-", "^-x", "-1", "{}", "", "--"])
def test_what_is_no_option_is_a_word(word: str) -> None:
    assert parsed("export_definitions", "--", word).words == (word,)
    if word != "--":
        assert parsed("export_definitions", word).words == (word,)


@pytest.mark.parametrize("arguments", [["--wrong"], ["--priority"], ["--local=yes"], ["-x"]])
def test_an_option_that_is_not_known_is_refused(arguments: list[str]) -> None:
    with pytest.raises(Failed) as failure:
        parsed("list_queues", *arguments)
    assert failure.value.exit_code == 64


@pytest.mark.parametrize(("text", "timeout_s"), [("5", 5.0), ("0.5", 0.5), ("infinity", 60.0), (None, 60.0)])
def test_a_timeout_is_in_seconds(text: str | None, timeout_s: float) -> None:
    assert parsed("ping", *(["-t", text] if text else [])).timeout_s(60) == timeout_s


def test_a_timeout_that_is_no_number_is_refused() -> None:
    with pytest.raises(Failed, match="-t : soon"):
        parsed("ping", "-t", "soon").timeout_s(60)


@given(st.lists(st.text()))
def test_any_words_are_taken_or_refused(arguments: list[str]) -> None:
    try:
        parsed(*arguments)
    except Failed as failure:
        assert failure.exit_code == 64
