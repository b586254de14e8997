"""`amqpbroker binding`: what each action asks of the HTTP API, and how a binding is found that is to go."""

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson

BETWEEN = "/api/bindings/%2F/e/orders/q/tasks"


def test_a_pattern_looks_at_the_destination(api: Api, ask_json: AskJson) -> None:
    api.answers["GET /api/bindings"] = [{"destination": "a"}, {"destination": "b"}]
    assert ask_json("binding", "ls", "b") == [{"destination": "b"}]


def test_add(api: Api) -> None:
    api.answers[f"POST {BETWEEN}"] = (201, None)
    assert main(["binding", "add", "orders", "tasks", "--routing-key", "a.#", "--argument", "x-match=any"]) == 0
    assert api.asked == [("POST", BETWEEN, {"routing_key": "a.#", "arguments": {"x-match": "any"}})]


def test_an_exchange_as_destination(api: Api) -> None:
    api.answers["POST /api/bindings/%2F/e/orders/e/x"] = (201, None)
    assert main(["binding", "add", "orders", "x", "--to-exchange"]) == 0


@pytest.fixture
def three(api: Api) -> Api:
    api.answers |= {
        f"GET {BETWEEN}": [
            {"routing_key": "a", "arguments": {}, "properties_key": "a"},
            {"routing_key": "a", "arguments": {"n": 1}, "properties_key": "a~hash"},
            {"routing_key": "b/c", "arguments": {}, "properties_key": "b%2Fc"},
        ],
        f"DELETE {BETWEEN}/a": (204, None),
        f"DELETE {BETWEEN}/a~hash": (204, None),
        f"DELETE {BETWEEN}/b%252Fc": (204, None),
    }
    return api


@pytest.mark.parametrize(
    ("flags", "key"),
    [
        (["--routing-key", "a"], "a"),
        (["--routing-key", "a", "--argument", "n=1"], "a~hash"),
        (["--routing-key", "b/c"], "b%252Fc"),
    ],
)
def test_rm_finds_the_one_with_this_key_and_these_arguments(three: Api, flags: list[str], key: str) -> None:
    assert main(["binding", "rm", "orders", "tasks", *flags]) == 0
    assert three.asked[-1][:2] == ("DELETE", f"{BETWEEN}/{key}")


def test_rm_of_what_is_not_there_names_what_is(three: Api, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["binding", "rm", "orders", "tasks", "--routing-key", "z"]) == 1
    assert capsys.readouterr().err.endswith("routing keys between the two are: 'a', 'a', 'b/c'\n")
