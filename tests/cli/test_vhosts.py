"""`amqpbroker vhost`: what each action asks of the HTTP API."""

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson


def test_virtual_hosts_are_listed(api: Api, ask_json: AskJson) -> None:
    api.answers["GET /api/vhosts"] = [{"name": "/"}]
    assert ask_json("vhost", "ls") == [{"name": "/"}]


def test_add_with_what_is_known_of_it(api: Api) -> None:
    api.answers["PUT /api/vhosts/a%2Fb"] = (201, None)
    assert main(["vhost", "add", "a/b"]) == 0
    assert main(["vhost", "add", "a/b", "--description", "x", "--tags", "t,u", "--default-queue-type", "quorum"]) == 0
    assert api.asked[0][2] == {}
    assert api.asked[1][2] == {"description": "x", "tags": "t,u", "default_queue_type": "quorum"}


def test_rm(api: Api) -> None:
    api.answers["DELETE /api/vhosts/v"] = (204, None)
    assert main(["vhost", "rm", "v"]) == 0
