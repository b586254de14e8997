"""`amqpbroker policy`: what each action asks of the HTTP API, and how a definition is written."""

from typing import Any

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api, AskJson


@pytest.mark.parametrize(
    ("flags", "path"),
    [([], "policies"), (["-v", "v"], "policies/v"), (["--operator"], "operator-policies")],
)
def test_policies_are_listed(api: Api, ask_json: AskJson, flags: list[str], path: str) -> None:
    api.answers[f"GET /api/{path}"] = [{"name": "p"}]
    assert ask_json("policy", "ls", *flags) == [{"name": "p"}]


@pytest.mark.parametrize(
    ("words", "definition"),
    [
        (["max-length=5", "overflow=reject-publish"], {"max-length": 5, "overflow": "reject-publish"}),
        (['{"max-length": 5}'], {"max-length": 5}),
    ],
)
def test_set(api: Api, words: list[str], definition: dict[str, Any]) -> None:
    api.answers["PUT /api/policies/%2F/p"] = (201, None)
    assert main(["policy", "set", "p", "^x", *words, "--apply-to", "queues", "--priority", "3"]) == 0
    assert api.asked[0][2] == {"pattern": "^x", "definition": definition, "apply-to": "queues", "priority": 3}


def test_an_operator_policy_is_for_queues(api: Api) -> None:
    api.answers["PUT /api/operator-policies/%2F/p"] = (201, None)
    assert main(["policy", "set", "p", "^x", "max-length=5", "--operator"]) == 0
    assert api.asked[0][2]["apply-to"] == "queues"


@pytest.mark.parametrize("words", [["{max-length: 5}"], ["max-length"]])
def test_a_definition_that_is_none_is_refused(api: Api, words: list[str]) -> None:
    assert main(["policy", "set", "p", "^x", *words]) == 2
    assert api.asked == []


def test_clear(api: Api) -> None:
    api.answers["DELETE /api/operator-policies/%2F/p"] = (204, None)
    assert main(["policy", "clear", "p", "--operator"]) == 0
