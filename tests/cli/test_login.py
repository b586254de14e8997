"""Who a verb logs in as: flags, then the URL, then the environment, then guest."""

import os
import sys
from argparse import ArgumentParser, Namespace
from pathlib import Path

import pytest

from amqpbroker.cli import login
from amqpbroker.cli.client import DEFAULT_URL, basic
from amqpbroker.cli.login import UsageError
from amqpbroker.management.access.local_login import LocalLogin, directory, write
from amqpbroker.server.config.environment import CLIENT_VARIABLES
from amqpbroker.server.config.loading import load

# Of somebody who runs no broker here.
NOWHERE = {"XDG_RUNTIME_DIR": "/nonexistent/run"}


def options(*flags: str) -> Namespace:
    parser = ArgumentParser()
    login.add_options(parser)
    return parser.parse_args(flags)


@pytest.mark.parametrize(
    ("flags", "environment", "user"),
    [
        ([], {}, "guest:guest"),
        ([], {"AMQPBROKER_USER": "env", "AMQPBROKER_PASSWORD": "e"}, "env:e"),
        ([], {"AMQPBROKER_PASSWORD": "e"}, "guest:e"),
        (["--http", "http://url:u@h"], {"AMQPBROKER_USER": "env", "AMQPBROKER_PASSWORD": "e"}, "url:u"),
        (["--http", "http://url:u@h", "--user", "flag", "--password", "f"], {}, "flag:f"),
        (["--http", "http://url:u@h", "--password", ""], {}, "url:"),
        ([], {"AMQPBROKER_HTTP": "http://url:u@h"}, "url:u"),
    ],
)
def test_the_first_that_names_a_user_wins(flags: list[str], environment: dict[str, str], user: str) -> None:
    name, _, password = user.partition(":")
    assert login.client(options(*flags), NOWHERE | environment).authorization == basic(name, password)


def test_the_address_is_a_flag_or_the_environment_or_this_machine() -> None:
    environment = NOWHERE | {"AMQPBROKER_HTTP": "http://env:1"}
    assert login.client(options("--http", "http://flag:2"), environment).url == "http://flag:2"
    assert login.client(options(), environment).url == "http://env:1"
    assert login.client(options(), NOWHERE).url == DEFAULT_URL


def test_a_password_from_a_file(tmp_path: Path) -> None:
    (tmp_path / "password").write_text("p w\n")
    flags = options("--user", "anna", "--password-file", str(tmp_path / "password"))
    assert login.credentials(flags, {}) == ("anna", "p w")
    environment = {"AMQPBROKER_PASSWORD_FILE": str(tmp_path / "password")}
    assert login.credentials(options("--user", "anna"), environment) == ("anna", "p w")


def test_a_file_that_cannot_be_read_is_told(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="nowhere: cannot be read"):
        login.credentials(options("--password-file", str(tmp_path / "nowhere")), {})
    (tmp_path / "octets").write_bytes(b"\xff\n")
    with pytest.raises(UsageError, match="it is not text"):
        login.credentials(options("--password-file", str(tmp_path / "octets")), {})


def test_without_a_terminal_nobody_is_asked_for_a_password() -> None:
    with pytest.raises(UsageError, match="give AMQPBROKER_PASSWORD, or --password-file"):
        login.credentials(options("--user", "anna"), {})


def test_on_a_terminal_the_password_is_asked_for(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda question: f"<{question}>")
    assert login.credentials(options("--user", "anna"), {}) == ("anna", "<password of anna: >")


def test_an_address_that_is_none_is_refused_with_its_source() -> None:
    with pytest.raises(UsageError, match=r"^--http: this is no address"):
        login.client(options("--http", "amqp://h"), {})
    with pytest.raises(UsageError, match=r"^AMQPBROKER_HTTP: this is no address"):
        login.client(options(), {"AMQPBROKER_HTTP": "amqp://h"})


def test_serve_does_not_take_our_variables_for_settings() -> None:
    assert login.VARIABLES.keys() == CLIENT_VARIABLES
    assert load({}, dict.fromkeys(login.VARIABLES, "x")) == load({}, {})


@pytest.fixture
def left(tmp_path: Path) -> dict[str, str]:
    """The environment of a user who runs two brokers."""
    environment = {"XDG_RUNTIME_DIR": str(tmp_path)}
    for port in (5680, 5672):
        login_of = LocalLogin(f"n{port}@h", port, f"http://127.0.0.1:1{port}", f"token{port}", os.getpid())
        write(login_of, directory(environment))
    return environment


@pytest.mark.skipif(sys.platform == "win32", reason="none leaves anything there")
def test_who_runs_a_broker_here_needs_no_password(left: dict[str, str]) -> None:
    client = login.client(options(), left)
    assert (client.url, client.authorization) == ("http://127.0.0.1:15672", "Bearer token5672")


@pytest.mark.skipif(sys.platform == "win32", reason="none leaves anything there")
@pytest.mark.parametrize(
    ("flags", "variables"),
    [
        (["--user", "anna", "--password", "a"], {}),
        (["--password", "a"], {}),
        (["--http", "http://h"], {}),
        ([], {"AMQPBROKER_HTTP": "http://h"}),
        ([], {"AMQPBROKER_USER": "anna", "AMQPBROKER_PASSWORD": "a"}),
    ],
)
def test_who_says_who_asks_or_where_is_taken_at_their_word(
    left: dict[str, str], flags: list[str], variables: dict[str, str]
) -> None:
    assert login.client(options(*flags), left | variables).authorization.startswith("Basic ")


@pytest.mark.skipif(sys.platform == "win32", reason="none leaves anything there")
def test_a_broker_by_its_name_and_port(left: dict[str, str]) -> None:
    assert login.local_broker(left, node="n5680@h") == login.local_broker(left, amqp_port="5680")
    assert login.local_broker(left, node="n5680@h", amqp_port="5672") is None


@pytest.mark.skipif(sys.platform == "win32", reason="none leaves anything there")
def test_what_others_may_have_put_there_is_told_and_not_looked_at(
    left: dict[str, str], capsys: pytest.CaptureFixture[str]
) -> None:
    os.chmod(directory(left), 0o755)
    assert login.client(options(), left).authorization == basic("guest", "guest")
    assert "is not this user's alone, and is not looked at" in capsys.readouterr().err
