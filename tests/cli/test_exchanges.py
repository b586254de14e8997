"""`amqpbroker exchange`: what each action asks of the HTTP API."""

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson


def test_exchanges_are_listed(api: Api, ask_json: AskJson) -> None:
    api.answers |= {"GET /api/exchanges": [{"name": ""}], "GET /api/exchanges/v": [{"name": "x"}]}
    assert ask_json("exchange", "ls") == [{"name": ""}]
    assert ask_json("exchange", "ls", "--vhost", "v") == [{"name": "x"}]


def test_the_default_exchange_has_a_name_in_the_api(api: Api, ask_json: AskJson) -> None:
    api.answers["GET /api/exchanges/%2F/amq.default"] = {"name": ""}
    assert ask_json("exchange", "info", "") == {"name": ""}


@pytest.mark.parametrize(
    ("flags", "body"),
    [
        ([], {"type": "direct", "durable": True, "auto_delete": False, "internal": False, "arguments": {}}),
        (
            ["--type", "topic", "--transient", "--auto-delete", "--internal", "--argument", "alternate-exchange=rest"],
            {
                "type": "topic",
                "durable": False,
                "auto_delete": True,
                "internal": True,
                "arguments": {"alternate-exchange": "rest"},
            },
        ),
    ],
)
def test_declare(api: Api, flags: list[str], body: object) -> None:
    api.answers["PUT /api/exchanges/%2F/x"] = (201, None)
    assert main(["exchange", "declare", "x", *flags]) == 0
    assert api.asked == [("PUT", "/api/exchanges/%2F/x", body)]


def test_rm(api: Api) -> None:
    api.answers["DELETE /api/exchanges/%2F/x"] = (204, None)
    assert main(["exchange", "rm", "x", "--if-unused"]) == 0
    assert api.asked == [("DELETE", "/api/exchanges/%2F/x?if-unused=true", None)]
