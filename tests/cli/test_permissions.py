"""`amqpbroker permission`: what each action asks of the HTTP API."""

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson


def test_a_pattern_looks_at_the_user(api: Api, ask_json: AskJson) -> None:
    both = [{"user": "anna"}, {"user": "bert"}]
    api.answers |= {"GET /api/permissions": both, "GET /api/vhosts/v/permissions": both[:1]}
    assert ask_json("permission", "ls", "bert") == both[1:]
    assert ask_json("permission", "ls", "--vhost", "v") == both[:1]


def test_those_for_topics_have_columns_of_their_own(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.answers["GET /api/topic-permissions"] = [{"vhost": "/", "user": "anna", "exchange": "amq.topic", "write": "a"}]
    assert main(["permission", "ls", "--topic"]) == 0
    assert capsys.readouterr().out.splitlines()[1].split() == ["/", "anna", "amq.topic", "a"]


@pytest.mark.parametrize(
    ("arguments", "asked"),
    [
        (
            ["set", "anna", ".*", "^b", ""],
            ("PUT", "/api/permissions/%2F/anna", {"configure": ".*", "write": "^b", "read": ""}),
        ),
        (
            ["topic", "anna", "amq.topic", "^a", "^b", "--vhost", "v"],
            ("PUT", "/api/topic-permissions/v/anna", {"exchange": "amq.topic", "write": "^a", "read": "^b"}),
        ),
        (["clear", "anna"], ("DELETE", "/api/permissions/%2F/anna", None)),
        (["clear", "anna", "--topic"], ("DELETE", "/api/topic-permissions/%2F/anna", None)),
    ],
)
def test_what_changes(api: Api, arguments: list[str], asked: tuple[str, str, object]) -> None:
    api.answers[f"{asked[0]} {asked[1]}"] = (204, None)
    assert main(["permission", *arguments]) == 0
    assert api.asked == [asked]
