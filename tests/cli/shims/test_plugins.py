"""`rabbitmq-plugins`: what is built in is enabled; what is not there says so."""

import json
from collections.abc import Callable
from typing import Any

import pytest

from amqpbroker.cli.shims.plugins import NOT_THERE
from amqpbroker.server.config.rabbitmq_plugins import BUILT_IN

Call = Callable[..., Any]


@pytest.fixture
def plugins(call: Call) -> Call:
    return lambda *arguments: call("rabbitmq-plugins", *arguments)


def test_all_are_listed_and_those_built_in_are_enabled(plugins: Call) -> None:
    lines = plugins("list", "-q").out.splitlines()
    assert len(lines) == len(BUILT_IN) + len(NOT_THERE)
    assert lines[0].startswith("[  ] rabbitmq_amqp1_0 ")
    assert any(line.startswith("[E*] rabbitmq_management ") for line in lines)


def test_a_pattern_and_flags_choose(plugins: Call) -> None:
    assert plugins("list", "-e", "-m", "management$").out == 'Listing plugins with pattern "management$" ...\n' + (
        "rabbitmq_management\n"
    )
    assert plugins("list", "(").exit_code == 70
    found = json.loads(plugins("list", "--formatter", "json", "mqtt").out)
    assert [one["enabled"] for one in found["plugins"]] == ["not_enabled", "not_enabled"]


@pytest.mark.parametrize("flags", [[], ["--offline"], ["--online"]])
def test_what_is_built_in_need_not_be_enabled(plugins: Call, flags: list[str]) -> None:
    ended = plugins("enable", *flags, "rabbitmq_management", "rabbitmq_prometheus")
    assert (ended.exit_code, ended.out.endswith("Plugin configuration unchanged.\n")) == (0, True)


@pytest.mark.parametrize(
    ("arguments", "exit_code", "text"),
    [
        (["enable", "rabbitmq_mqtt"], 64, "amqpbroker cannot enable rabbitmq_mqtt"),
        (["enable", "rabbitmq_nix"], 70, "{:plugins_not_found, [:rabbitmq_nix]}"),
        (["disable", "rabbitmq_management"], 64, "amqpbroker cannot disable rabbitmq_management"),
        (["is_enabled", "rabbitmq_mqtt"], 69, "Plugin rabbitmq_mqtt is not enabled on node rabbit@host. Enabled "),
        (["is_enabled"], 64, "not enough arguments"),
        (["nonsense"], 64, "Command 'nonsense' not found."),
    ],
)
def test_what_cannot_be_done(plugins: Call, arguments: list[str], exit_code: int, text: str) -> None:
    ended = plugins(*arguments)
    assert (ended.exit_code, text in ended.err) == (exit_code, True)


def test_what_is_not_there_need_not_be_disabled(plugins: Call) -> None:
    assert plugins("disable", "rabbitmq_mqtt").exit_code == 0


def test_is_enabled(plugins: Call) -> None:
    assert plugins("-q", "is_enabled", "rabbitmq_management").out == (
        "Plugin rabbitmq_management is enabled on node rabbit@host\n"
    )
    assert plugins("-q", "is_enabled", *BUILT_IN[:2]).out.startswith("Plugins ")


@pytest.mark.parametrize("arguments", [["help"], [], ["directories"]])
def test_what_only_tells(plugins: Call, arguments: list[str]) -> None:
    assert plugins(*arguments).exit_code == 0
