"""`amqpbroker channel`."""

from tests.helpers.http_api import Api, AskJson


def test_channels_are_listed(api: Api, ask_json: AskJson) -> None:
    api.answers |= {"GET /api/channels": [{"name": "c"}], "GET /api/vhosts/v/channels": []}
    assert ask_json("channel", "ls") == [{"name": "c"}]
    assert ask_json("channel", "ls", "--vhost", "v") == []
