"""`amqpbroker user`: what each action asks of the HTTP API, and where a new password comes from."""

import io

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson

ANNA = {"name": "anna", "tags": ["monitoring"], "password_hash": "aGFzaA==", "hashing_algorithm": "sha512"}


@pytest.fixture(autouse=True)
def users(api: Api) -> None:
    api.answers |= {"GET /api/users": [ANNA], "GET /api/users/anna": ANNA}
    api.answers |= {f"PUT /api/users/{name}": (204, None) for name in ("anna", "bert")}


@pytest.fixture
def terminal(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What somebody will type where no echo is."""
    typed: list[str] = []
    monkeypatch.setattr("sys.stdin.isatty", lambda: True, raising=False)
    monkeypatch.setattr("getpass.getpass", lambda _question: typed.pop(0))
    return typed


def test_users_are_listed(ask_json: AskJson) -> None:
    assert ask_json("user", "ls") == [ANNA]


@pytest.mark.parametrize(
    ("flags", "body"),
    [
        (["pw"], {"tags": "", "password": "pw"}),
        (["pw", "--tags", "administrator,management"], {"tags": "administrator,management", "password": "pw"}),
        (["--hash", "aGFzaA=="], {"tags": "", "password_hash": "aGFzaA=="}),
    ],
)
def test_add(api: Api, flags: list[str], body: object) -> None:
    assert main(["user", "add", "bert", *flags]) == 0
    assert api.asked[-1] == ("PUT", "/api/users/bert", body)


def test_adding_changes_nobody_who_is_there(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["user", "add", "anna", "pw"]) == 1
    assert "user anna is there already" in capsys.readouterr().err
    assert [method for method, _, _ in api.asked] == ["GET"]


def test_a_password_and_a_hash_are_one_too_many(api: Api) -> None:
    assert main(["user", "add", "bert", "pw", "--hash", "x"]) == 2
    assert api.asked == []


def test_a_password_from_stdin(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO("p w\nmore\n"))
    assert main(["user", "passwd", "anna"]) == 0
    assert api.asked[-1] == ("PUT", "/api/users/anna", {"tags": "monitoring", "password": "p w"})


def test_an_empty_stdin_is_no_password(api: Api, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO())
    assert main(["user", "add", "bert"]) == 2
    assert api.asked == []


def test_on_a_terminal_it_is_typed_twice(api: Api, terminal: list[str]) -> None:
    terminal += ["pw", "pw"]
    assert main(["user", "add", "bert"]) == 0
    assert api.asked[-1][2] == {"tags": "", "password": "pw"}


@pytest.mark.parametrize("typed", [["pw", "other"], [""]])
def test_two_that_differ_or_none_change_nothing(api: Api, terminal: list[str], typed: list[str]) -> None:
    terminal += typed
    assert main(["user", "add", "bert"]) == 2
    assert api.asked == []


def test_tags_are_changed_and_the_password_stays(api: Api) -> None:
    assert main(["user", "tags", "anna", "administrator", "management"]) == 0
    body = {"tags": "administrator,management", "password_hash": "aGFzaA==", "hashing_algorithm": "sha512"}
    assert api.asked[-1] == ("PUT", "/api/users/anna", body)


def test_tags_may_be_the_text_that_older_versions_give(api: Api) -> None:
    api.answers["GET /api/users/anna"] = ANNA | {"tags": "a,b"}
    assert main(["user", "passwd", "anna", "pw"]) == 0
    assert api.asked[-1][2] == {"tags": "a,b", "password": "pw"}


def test_rm(api: Api) -> None:
    api.answers["DELETE /api/users/anna"] = (204, None)
    assert main(["user", "rm", "anna"]) == 0
