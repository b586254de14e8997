"""`amqpbroker connection`: listing, and closing with a reason."""

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson

NAME = "127.0.0.1:1 -> 127.0.0.1:5672"
PATH = "/api/connections/127.0.0.1%3A1%20-%3E%20127.0.0.1%3A5672"


def test_connections_are_listed(api: Api, ask_json: AskJson) -> None:
    api.answers |= {"GET /api/connections": [{"name": NAME}], "GET /api/vhosts/v/connections": []}
    assert ask_json("connection", "ls") == [{"name": NAME}]
    assert ask_json("connection", "ls", "--vhost", "v") == []


def test_one_is_shown(api: Api, ask_json: AskJson) -> None:
    api.answers[f"GET {PATH}"] = {"name": NAME}
    assert ask_json("connection", "info", NAME) == {"name": NAME}


def test_a_connection_is_closed_with_a_reason_that_fits_a_header(api: Api) -> None:
    api.answers[f"DELETE {PATH}"] = (204, None)
    assert main(["connection", "close", NAME, "--reason", "to\nmorrow →"]) == 0
    assert api.headers[0]["X-Reason"] == "to morrow ?"
