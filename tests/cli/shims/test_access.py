"""Commands for who may do what: what they ask of the HTTP API, and what RabbitMQ 3.10.8 said."""

import io
from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.http_api import Api

Ctl = Callable[..., Any]
NO_USER = 'Error:\nUser "nobody" does not exist\n'


@pytest.mark.parametrize(
    ("arguments", "asked", "out"),
    [
        (
            ["add_user", "bert", "pw"],
            ("PUT", "/api/users/bert", {"password": "pw", "tags": ""}),
            'Adding user "bert" ...\nDone. Don\'t forget to grant the user permissions to some virtual hosts! '
            "See 'rabbitmqctl help set_permissions' to learn more.\n",
        ),
        (["-q", "add_user", "bert", "pw"], ("PUT", "/api/users/bert", {"password": "pw", "tags": ""}), ""),
        (
            ["-q", "add_user", "bert", "aGFzaA==", "--pre-hashed-password"],
            ("PUT", "/api/users/bert", {"password_hash": "aGFzaA==", "tags": ""}),
            "",
        ),
        (["delete_user", "anna"], ("DELETE", "/api/users/anna", None), 'Deleting user "anna" ...\n'),
        (
            ["change_password", "anna", "pw"],
            ("PUT", "/api/users/anna", {"password": "pw", "tags": ""}),
            'Changing password for user "anna" ...\n',
        ),
        (
            ["clear_password", "anna"],
            ("PUT", "/api/users/anna", {"password_hash": "", "tags": ""}),
            'Clearing password for user "anna" ...\n',
        ),
        (
            ["set_user_tags", "anna", "administrator", "monitoring"],
            (
                "PUT",
                "/api/users/anna",
                {"tags": "administrator,monitoring", "password_hash": "h", "hashing_algorithm": "a"},
            ),
            'Setting tags for user "anna" to [administrator, monitoring] ...\n',
        ),
        (
            ["set_permissions", "-p", "/", "anna", ".*", "^b", ""],
            ("PUT", "/api/permissions/%2F/anna", {"configure": ".*", "write": "^b", "read": ""}),
            'Setting permissions for user "anna" in vhost "/" ...\n',
        ),
        (
            ["clear_permissions", "anna"],
            ("DELETE", "/api/permissions/%2F/anna", None),
            'Clearing permissions for user "anna" in vhost "/" ...\n',
        ),
        (
            ["set_topic_permissions", "anna", "amq.topic", "a", "b"],
            ("PUT", "/api/topic-permissions/%2F/anna", {"exchange": "amq.topic", "write": "a", "read": "b"}),
            'Setting topic permissions on "amq.topic" for user "anna" in vhost "/" ...\n',
        ),
        (
            ["clear_topic_permissions", "anna", "amq.topic"],
            ("DELETE", "/api/topic-permissions/%2F/anna/amq.topic", None),
            'Clearing topic permissions on "amq.topic" for user "anna" in vhost "/" ...\n',
        ),
        (["add_vhost", "v"], ("PUT", "/api/vhosts/v", {}), 'Adding vhost "v" ...\n'),
        (
            ["-q", "add_vhost", "v", "--description", "d", "--default-queue-type", "quorum"],
            ("PUT", "/api/vhosts/v", {"description": "d", "default_queue_type": "quorum"}),
            "",
        ),
        (["delete_vhost", "/"], ("DELETE", "/api/vhosts/%2F", None), 'Deleting vhost "/" ...\n'),
    ],
)
def test_what_changes(ctl: Ctl, broker: Api, arguments: list[str], asked: tuple[str, str, Any], out: str) -> None:
    broker.answers[f"{asked[0]} {asked[1]}"] = (204, None)
    assert ctl(*arguments) == (0, out, "")
    assert broker.asked[-1] == asked


@pytest.mark.parametrize(
    ("arguments", "exit_code", "err"),
    [
        (["add_user", "anna", "pw"], 70, 'Error:\nUser "anna" already exists\n'),
        (["delete_user", "nobody"], 67, NO_USER),
        (["change_password", "nobody", "pw"], 67, NO_USER),
        (["set_user_tags", "nobody", "x"], 67, NO_USER),
        (["set_permissions", "nobody", "a", "b", "c"], 67, "Error:\nUser nobody does not exist\n"),
        (["set_permissions", "-p", "nix", "anna", "a", "b", "c"], 69, "Error:\nVirtual host nix does not exist\n"),
        (["delete_vhost", "nix"], 65, "Virtual host 'nix' does not exist\n"),
    ],
)
def test_what_is_refused_changes_nothing(ctl: Ctl, broker: Api, arguments: list[str], exit_code: int, err: str) -> None:
    ended = ctl(*arguments)
    assert (ended.exit_code, ended.err) == (exit_code, err)
    assert [one for one in broker.asked if one[0] not in ("GET", "DELETE")] == []


def test_a_virtual_host_that_is_there_is_no_error(ctl: Ctl, broker: Api) -> None:
    assert ctl("-q", "add_vhost", "/") == (0, "", "")
    assert [method for method, _, _ in broker.asked] == ["GET"]


def test_permissions_that_are_not_there_need_not_be_cleared(ctl: Ctl) -> None:
    assert ctl("-q", "clear_permissions", "anna").exit_code == 0


@pytest.mark.parametrize(
    ("answer", "exit_code"),
    [
        ({"name": "anna"}, 0),
        ((401, {"error": "not_authorised", "reason": "Not management user"}), 0),
        ((401, {"error": "not_authorised", "reason": "Login failed"}), 65),
    ],
)
def test_authenticating_as_an_operator_or_somebody_else(ctl: Ctl, broker: Api, answer: object, exit_code: int) -> None:
    broker.answers["GET /api/whoami"] = answer
    ended = ctl("-q", "authenticate_user", "anna", "pw")
    assert ended.exit_code == exit_code
    assert ended.out == ("" if exit_code else "Success\n")
    assert broker.headers[-1]["Authorization"] == "Basic YW5uYTpwdw=="


def test_a_password_from_stdin(ctl: Ctl, broker: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    broker.answers["PUT /api/users/bert"] = (201, None)
    monkeypatch.setattr("sys.stdin", io.StringIO("from stdin\n"))
    assert ctl("-q", "add_user", "bert").exit_code == 0
    assert broker.asked[-1][2] == {"password": "from stdin", "tags": ""}


def test_no_password_at_all(ctl: Ctl, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    ended = ctl("-q", "add_user", "bert")
    assert (ended.exit_code, ended.err) == (65, "Error:\nPassword is not provided via argument or stdin\n")
