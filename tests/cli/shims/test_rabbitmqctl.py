"""Which command is which, and how a call ends that is none."""

from collections.abc import Callable
from typing import Any

import pytest

from amqpbroker.cli.shims.rabbitmqctl import COMMANDS, INSTEAD, command_of
from tests.helpers.http_api import Api

Ctl = Callable[..., Any]


@pytest.mark.parametrize(
    ("arguments", "text"),
    [
        (["nonsense"], "\nCommand 'nonsense' not found. \n"),
        (["list_quues"], "\nCommand 'list_quues' not found. \nDid you mean 'list_queues'? \n"),
        (["set_permissions", "guest", "a"], "Error (argument validation): not enough arguments.\nArguments given:\n\t"),
        (["ping", "x"], "Error (argument validation): too many arguments.\n"),
        (["list_queues", "--wrong"], "Error (argument validation): Invalid options for this command:\n--wrong : \n"),
        ([], "Command not given.\n"),
    ],
)
def test_what_is_no_call_ends_with_64(ctl: Ctl, arguments: list[str], text: str) -> None:
    ended = ctl(*arguments)
    assert ended.exit_code == 64
    assert ended.err.startswith(text)


@pytest.mark.parametrize("name", INSTEAD)
def test_what_cannot_be_done_says_what_to_do_instead(ctl: Ctl, name: str) -> None:
    ended = ctl(name, "x")
    assert (ended.exit_code, ended.err) == (64, f"Error: amqpbroker cannot {name}: {INSTEAD[name]}\n")


def test_the_help_has_every_command(ctl: Ctl) -> None:
    words = ctl("help").out.split()
    assert all(name in words for name in COMMANDS)


def test_a_command_is_found_behind_its_options() -> None:
    assert command_of(["-p", "v", "--priority", "3", "set_policy", "x"]) == "set_policy"
    assert command_of(["--wrong", "list_queues"]) == "list_queues"
    assert command_of(["-q"]) == ""


def test_nobody_there_ends_with_69(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMQPBROKER_HTTP", "http://127.0.0.1:1")
    ended = ctl("list_queues")
    assert (ended.exit_code, "unable to perform an operation on the node" in ended.err) == (69, True)


@pytest.mark.parametrize(
    ("answer", "exit_code", "text"),
    [
        ((401, {"error": "not_authorised", "reason": "Login failed"}), 69, "AMQPBROKER_USER and AMQPBROKER_PASSWORD"),
        ((500, {"error": "x", "reason": "a fault"}), 70, "Error:\na fault"),
    ],
)
def test_a_refusal_is_told(ctl: Ctl, broker: Api, answer: object, exit_code: int, text: str) -> None:
    broker.answers["GET /api/users"] = answer
    ended = ctl("list_users")
    assert (ended.exit_code, text in ended.err) == (exit_code, True)


def test_names_that_move_a_cursor_are_written_out(ctl: Ctl) -> None:
    assert "\x1b" not in ctl("delete_vhost", "\x1b[2J").err


def test_an_address_that_is_none_is_told(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("AMQPBROKER_HTTP", "amqp://h")
    assert ctl("list_users").exit_code == 64
