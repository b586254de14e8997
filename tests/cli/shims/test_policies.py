"""Commands for what holds: what they ask of the HTTP API, and what RabbitMQ 3.10.8 said."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.http_api import Api

Ctl = Callable[..., Any]
DEFINITION = '{"max-length":5}'


@pytest.mark.parametrize(
    ("arguments", "asked", "out"),
    [
        (
            ["set_policy", "ha", "^x", DEFINITION],
            (
                "PUT",
                "/api/policies/%2F/ha",
                {"pattern": "^x", "definition": {"max-length": 5}, "priority": 0, "apply-to": "all"},
            ),
            'Setting policy "ha" for pattern "^x" to "{"max-length":5}" with priority "0" for vhost "/" ...\n',
        ),
        (
            ["-q", "set_policy", "ha", "^x", DEFINITION, "--priority", "3", "--apply-to", "queues"],
            (
                "PUT",
                "/api/policies/%2F/ha",
                {"pattern": "^x", "definition": {"max-length": 5}, "priority": 3, "apply-to": "queues"},
            ),
            "",
        ),
        (
            ["-q", "set_operator_policy", "ha", "^x", DEFINITION],
            (
                "PUT",
                "/api/operator-policies/%2F/ha",
                {"pattern": "^x", "definition": {"max-length": 5}, "priority": 0, "apply-to": "all"},
            ),
            "",
        ),
        (
            ["clear_policy", "ha"],
            ("DELETE", "/api/policies/%2F/ha", None),
            'Clearing policy "ha" on vhost "/" ...\n',
        ),
        (
            ["clear_operator_policy", "ha"],
            ("DELETE", "/api/operator-policies/%2F/ha", None),
            'Clearing operator policy "ha" on vhost "/" ...\n',
        ),
        (
            ["-q", "set_parameter", "c", "n", "1"],
            ("PUT", "/api/parameters/c/%2F/n", {"value": 1}),
            "",
        ),
        (["-q", "clear_parameter", "c", "n"], ("DELETE", "/api/parameters/c/%2F/n", None), ""),
        (
            ["set_global_parameter", "n", '{"a":1}'],
            ("PUT", "/api/global-parameters/n", {"name": "n", "value": {"a": 1}}),
            'Setting global runtime parameter "n" to "{"a":1}" ...\n',
        ),
        (["-q", "clear_global_parameter", "n"], ("DELETE", "/api/global-parameters/n", None), ""),
        (
            ["set_vhost_limits", '{"max-connections":5}'],
            ("PUT", "/api/vhost-limits/%2F/max-connections", {"value": 5}),
            'Setting vhost limits to "{"max-connections":5}" for vhost "/" ...\n',
        ),
        (
            ["set_user_limits", "anna", '{"max-channels":5}'],
            ("PUT", "/api/user-limits/anna/max-channels", {"value": 5}),
            'Setting user limits to "{"max-channels":5}" for user "anna" ...\n',
        ),
        (
            ["set_cluster_name", "foo"],
            ("PUT", "/api/cluster-name", {"name": "foo"}),
            "Setting cluster name to foo ...\n",
        ),
        (
            ["trace_on"],
            ("PUT", "/api/vhosts/%2F", {"tracing": True}),
            'Starting tracing for vhost "/" ...\nTrace enabled for vhost /\n',
        ),
        (["-q", "trace_off"], ("PUT", "/api/vhosts/%2F", {"tracing": False}), "Trace disabled for vhost /\n"),
    ],
)
def test_what_changes(ctl: Ctl, broker: Api, arguments: list[str], asked: tuple[str, str, Any], out: str) -> None:
    broker.answers[f"{asked[0]} {asked[1]}"] = (204, None)
    assert ctl(*arguments) == (0, out, "")
    assert broker.asked[-1] == asked


@pytest.mark.parametrize(
    ("command", "path", "answer"),
    [
        (["clear_vhost_limits"], "vhost-limits/%2F", [{"value": {"max-queues": 5}}]),
        (["clear_user_limits", "anna", "all"], "user-limits/anna", [{"value": {"max-queues": 5}}]),
        (["clear_user_limits", "anna", "max-queues"], "user-limits/anna", [{"value": {"max-queues": 5, "x": 1}}]),
    ],
)
def test_limits_are_cleared_one_by_one(ctl: Ctl, broker: Api, command: list[str], path: str, answer: object) -> None:
    broker.answers |= {f"GET /api/{path}": answer, f"DELETE /api/{path}/max-queues": (204, None)}
    assert ctl("-q", *command).exit_code == 0
    assert broker.asked[-1][:2] == ("DELETE", f"/api/{path}/max-queues")


@pytest.mark.parametrize(
    ("arguments", "exit_code", "err"),
    [
        (["set_policy", "x", "^x", "{bad"], 69, "Error:\nJSON decoding error. Reason: "),
        (["set_policy", "-p", "nix", "x", "^x", DEFINITION], 65, "Virtual host 'nix' does not exist\n"),
        (["clear_policy", "x"], 69, "Error:\nParameter does not exist\n"),
        (["set_vhost_limits", "x"], 69, "Error:\nJSON decoding error. Reason: "),
        (["set_vhost_limits", "5"], 69, "Error:\nValidation failed\n\nlimits are a JSON object\n"),
        (["set_user_limits", "nobody", "{}"], 67, "Error:\nUser nobody does not exist\n"),
        (["trace_on", "-p", "nix"], 65, "Virtual host 'nix' does not exist\n"),
    ],
)
def test_what_is_refused(ctl: Ctl, arguments: list[str], exit_code: int, err: str) -> None:
    ended = ctl(*arguments)
    assert ended.exit_code == exit_code
    assert ended.err.startswith(err)


@pytest.mark.parametrize("reason", ["-5 is wrong", "Validation failed\n\n-5 is wrong"])
def test_what_the_broker_finds_wrong_is_said_once(ctl: Ctl, broker: Api, reason: str) -> None:
    broker.answers["PUT /api/policies/%2F/x"] = (400, {"error": "bad_request", "reason": reason})
    ended = ctl("-q", "set_policy", "x", "^x", DEFINITION)
    assert (ended.exit_code, ended.err) == (69, "Error:\nValidation failed\n\n-5 is wrong\n\n")


@pytest.mark.parametrize(("name", "exit_code"), [("all", 0), ("quorum_queue", 0), ("khepri_db", 64), ("nix", 64)])
def test_feature_flags_that_are_on_can_be_enabled(ctl: Ctl, broker: Api, name: str, exit_code: int) -> None:
    broker.answers["GET /api/feature-flags"] = [
        {"name": "quorum_queue", "state": "enabled"},
        {"name": "khepri_db", "state": "disabled"},
    ]
    assert ctl("-q", "enable_feature_flag", name).exit_code == exit_code
