"""Policies and parameters out of a document."""

from typing import Any

import pytest

from amqpbroker.management.definitions.document import DefinitionsError
from amqpbroker.management.definitions.importing import import_definitions
from tests.helpers.definitions import empty_server
from tests.helpers.durable import DurableServer

POLICY = {"vhost": "/", "name": "p", "pattern": "^a", "definition": {"max-length": 5}}
LIMITS = {"vhost": "/", "component": "vhost-limits", "name": "limits", "value": {"max-queues": 1}}
OPERATOR = {
    "vhost": "/",
    "component": "operator_policy",
    "name": "o",
    "value": {"pattern": "^a", "definition": {"max-length": 3}, "priority": 2, "apply-to": "queues"},
}


@pytest.fixture
def server() -> DurableServer:
    return empty_server()


def fault(server: DurableServer, document: dict[str, Any]) -> str:
    with pytest.raises(DefinitionsError) as raised:
        import_definitions(server.broker, document)
    return raised.value.reason


def test_policies_of_both_kinds_hold_for_the_queues_that_come_along(server: DurableServer):
    queues = [{"vhost": "/", "name": "a", "durable": True, "auto_delete": False, "arguments": {}}]
    import_definitions(server.broker, {"policies": [POLICY], "parameters": [OPERATOR], "queues": queues})
    assert server.vhost.queues["a"].settings.max_length == 3
    (policy,) = server.vhost.parameters.policies
    assert (policy.priority, policy.apply_to) == (0, "all")


def test_what_is_set_so_already_is_not_recorded_again(server: DurableServer):
    document = {
        "policies": [POLICY], "parameters": [OPERATOR, LIMITS], "global_parameters": [{"name": "a", "value": [1]}],
    }  # fmt: skip
    import_definitions(server.broker, document)
    server.commit()
    import_definitions(server.broker, document)
    assert not server.log.is_recording


@pytest.mark.parametrize(
    ("document", "text"),
    [
        (
            {"policies": [POLICY | {"definition": {"max-length": -1}}]},
            "policies[0]: Validation failed\n\n-1 is not a valid maximum length",
        ),
        ({"policies": [POLICY | {"pattern": None}]}, 'policies[0]: Validation failed\n\nKey "pattern" not found in p'),
        ({"policies": [{"vhost": "/"}]}, "policies[0].name: is missing"),
        ({"policies": [POLICY | {"vhost": "b"}]}, 'policies[0].vhost: Please create virtual host "b"'),
        (
            {"parameters": [LIMITS | {"component": "shovel"}]},
            "parameters[0]: Validation failed\n\ncomponent shovel not found "
            '(vhost: "/" / component: "shovel" / key: "limits")',
        ),
        ({"parameters": [LIMITS | {"value": {"max-queues": "x"}}]}, "parameters[0]: Validation failed"),
        ({"parameters": [OPERATOR | {"value": 5}]}, "parameters[0]: Validation failed"),
        ({"parameters": [OPERATOR | {"component": "policy"}]}, "parameters[0]: policies may not be set using this"),
        ({"parameters": [{"vhost": "/"}]}, "parameters[0].component: is missing"),
        ({"global_parameters": [{"value": 5}]}, "global_parameters[0].name: is missing"),
    ],
)
def test_a_wrong_one_is_refused_in_rabbitmqs_words(server: DurableServer, document: dict[str, Any], text: str):
    assert fault(server, document).startswith(text)


def test_a_policy_that_is_refused_is_named(server: DurableServer):
    assert fault(server, {"policies": [POLICY | {"definition": {}}]}).endswith('(vhost: "/" key: "p")')


def test_what_identifies_a_rabbitmq_goes_nowhere(server: DurableServer):
    import_definitions(server.broker, {"global_parameters": [{"name": "internal_cluster_id", "value": "x"}]})
    assert list(server.broker.global_parameters) == []
