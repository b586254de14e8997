"""`amqpbroker consumer`."""

from tests.helpers.http_api import Api, AskJson


def test_a_pattern_looks_at_the_queue(api: Api, ask_json: AskJson) -> None:
    both = [{"queue": {"name": "a"}}, {"queue": {"name": "b"}}]
    api.answers |= {"GET /api/consumers": both, "GET /api/consumers/v": both[:1]}
    assert ask_json("consumer", "ls", "b") == both[1:]
    assert ask_json("consumer", "ls", "--vhost", "v") == both[:1]
