"""What verbs that ask a broker have in common: exit codes, the virtual host, NAME=VALUE."""

import pytest

from amqpbroker.cli.login import UsageError
from amqpbroker.cli.main import main
from amqpbroker.cli.verb import read_arguments
from tests.helpers.http_api import Api


@pytest.fixture
def queue(api: Api) -> Api:
    api.answers |= {"GET /api/queues/%2F/q": {"name": "q", "a": {"b": 1}}, "GET /api/queues/v/q": {"name": "other"}}
    return api


@pytest.mark.usefixtures("queue")
def test_one_thing_is_shown_leaf_by_leaf(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["queue", "info", "q"]) == 0
    assert capsys.readouterr().out == "name  q\na.b   1\n"


@pytest.mark.usefixtures("queue")
def test_the_virtual_host_is_a_flag_or_the_environment(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    assert main(["queue", "info", "q", "--vhost", "v"]) == 0
    monkeypatch.setenv("AMQPBROKER_VHOST", "v")
    assert main(["queue", "info", "q"]) == 0
    assert capsys.readouterr().out == "name  other\n" * 2


@pytest.mark.parametrize(
    ("arguments", "exit_code"),
    [
        (["queue", "info", "nowhere"], 1),
        (["ping", "--http", "http://127.0.0.1:1"], 69),
        (["ping", "--http", "amqp://h"], 2),
        (["queue", "list"], 2),
        (["queue"], 2),
        (["queue", "--help"], 0),
        (["queue", "ls", "--help"], 0),
    ],
)
@pytest.mark.usefixtures("queue")
def test_the_exit_code_says_what_happened(arguments: list[str], exit_code: int) -> None:
    assert main(arguments) == exit_code


def test_what_a_broker_says_is_made_fit_to_print(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.answers["GET /api/queues/%2F/q"] = (400, {"error": "bad_request", "reason": "\x1b[2J"})
    assert main(["queue", "info", "q"]) == 1
    assert "\x1b" not in capsys.readouterr().err


def test_arguments_are_json_or_text() -> None:
    pairs = ["x-max-length=5", "x-queue-type=quorum", 'x-list=[1, "a"]', "x-text==", "x-empty="]
    assert read_arguments(pairs) == {
        "x-max-length": 5,
        "x-queue-type": "quorum",
        "x-list": [1, "a"],
        "x-text": "=",
        "x-empty": "",
    }
    assert read_arguments(None) == {}


@pytest.mark.parametrize("pair", ["x-max-length", "=5", ""])
def test_an_argument_without_name_or_value_is_refused(pair: str) -> None:
    with pytest.raises(UsageError, match="is not NAME=VALUE"):
        read_arguments([pair])
