"""What is set by name in a virtual host, and that it counts at once, whenever it is set."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.policies.parameters import GlobalParameters, Parameter
from amqpbroker.model.policies.validation import InvalidParameterError
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.profiles import PROFILES
from amqpbroker.wire.methods import Exchange, Queue
from amqpbroker.wire.tables import Table, from_python
from tests.helpers.sessions import bind, declare_exchange, opened, waiting, with_queue


def new_vhost() -> VirtualHost:
    return VirtualHost("/", PROFILES["4.2"], Random(0).randbytes, HandClock())


@pytest.fixture
def vhost() -> VirtualHost:
    return new_vhost()


def declare(vhost: VirtualHost, name: str = "tasks", arguments: Table | None = None) -> None:
    vhost.new_queue(name, durable=True, auto_delete=False, owner=None, arguments=arguments or {})


def term(pattern: str = "^tasks", **definition: Any) -> dict[str, Any]:
    return {"pattern": pattern, "definition": {key.replace("_", "-"): value for key, value in definition.items()}}


def test_a_policy_counts_for_queues_that_are_there_and_for_new_ones(vhost: VirtualHost) -> None:
    declare(vhost)
    vhost.parameters.set_policy("short", term(max_length=1))
    declare(vhost, "tasks.more")
    declare(vhost, "other")
    assert [queue.settings.max_length for queue in vhost.queues.values()] == [1, 1, None]


def test_a_policy_that_is_cleared_or_changed_counts_no_more(vhost: VirtualHost) -> None:
    declare(vhost)
    vhost.parameters.set_policy("short", term(max_length=1))
    vhost.parameters.set_policy("short", term(message_ttl=5))
    assert (vhost.queues["tasks"].settings.max_length, vhost.queues["tasks"].settings.message_ttl_ms) == (None, 5)
    vhost.parameters.clear_policy("short")
    assert vhost.queues["tasks"].settings.message_ttl_ms is None


def test_a_lower_limit_counts_for_what_waits_already() -> None:
    client = with_queue(count=3)
    client.vhost.parameters.set_policy("short", term(max_length=1))
    assert waiting(client) == [(b"3", False)]


def test_an_operator_policy_has_the_last_word_on_limits(vhost: VirtualHost) -> None:
    declare(vhost, arguments=from_python({"x-max-length": 7}).value)
    vhost.parameters.set_policy("short", term(max_length=10, message_ttl=9))
    vhost.parameters.set_policy("strict", term(max_length=5, expires=3), for_operators=True)
    queue = vhost.queues["tasks"]
    assert (queue.settings.max_length, queue.settings.message_ttl_ms, queue.settings.expires_ms) == (5, 9, 3)
    vhost.parameters.clear_policy("strict", for_operators=True)
    assert (queue.settings.max_length, queue.settings.expires_ms) == (7, None)


def test_an_alternate_exchange_by_policy() -> None:
    client = with_queue()
    declare_exchange(client, "others")
    bind(client, "others")
    declare_exchange(client, "logs", "direct")
    client.publish(1, "logs", "nobody", b"before")
    client.vhost.parameters.set_policy("rest", term("^logs", alternate_exchange="others"))
    client.publish(1, "logs", "nobody", b"with")
    client.vhost.parameters.clear_policy("rest")
    client.publish(1, "logs", "nobody", b"after")
    assert waiting(client) == [(b"with", False)]


def test_an_argument_goes_before_the_policy() -> None:
    client = opened()
    arguments = from_python({"alternate-exchange": "mine"}).value
    client.send(1, Exchange.Declare(exchange="logs", exchange_type="direct", arguments=arguments))
    client.vhost.parameters.set_policy("rest", term("^logs", alternate_exchange="others"))
    assert client.vhost.exchanges["logs"].alternate == "mine"


def test_the_predeclared_exchanges_follow_policies_but_the_default_one_does_not(vhost: VirtualHost) -> None:
    vhost.parameters.set_policy("rest", term("", alternate_exchange="others"))
    assert vhost.exchanges["amq.direct"].alternate == "others"
    assert vhost.exchanges[""].alternate is None


def test_decisions_that_are_kept_die_with_every_change(vhost: VirtualHost) -> None:
    versions = [vhost.version]
    vhost.parameters.set_policy("rest", term("^logs", alternate_exchange="others"))
    versions.append(vhost.version)
    vhost.parameters.clear_policy("rest")
    versions.append(vhost.version)
    assert len(set(versions)) == 3


def test_a_policy_that_is_refused_changes_nothing(vhost: VirtualHost) -> None:
    declare(vhost)
    vhost.parameters.set_policy("short", term(max_length=1))
    with pytest.raises(InvalidParameterError):
        vhost.parameters.set_policy("short", term(max_length=-1))
    assert vhost.queues["tasks"].settings.max_length == 1


def test_what_is_not_there_cannot_be_cleared(vhost: VirtualHost) -> None:
    for clear in (
        lambda: vhost.parameters.clear_policy("short"),
        lambda: vhost.parameters.clear("vhost-limits", "limits"),
        lambda: GlobalParameters().clear("cluster_name"),
    ):
        with pytest.raises(InvalidParameterError, match="Parameter does not exist"):
            clear()


# From scratch

NAMES = st.sampled_from(["tasks", "tasks.a", "logs", "logs.b"])
PATTERNS = st.sampled_from(["^tasks", "^logs", "", r"\.", "nothing"])
DEFINITIONS = st.dictionaries(st.sampled_from(["max-length", "message-ttl", "expires"]), st.integers(1, 9), min_size=1)
ARGUMENTS = st.dictionaries(st.sampled_from(["x-max-length", "x-expires"]), st.integers(1, 9))
TERMS = st.fixed_dictionaries(
    {"pattern": PATTERNS, "definition": DEFINITIONS, "priority": st.integers(0, 2)},
    optional={"apply-to": st.sampled_from(["queues", "classic_queues", "quorum_queues", "exchanges"])},
)
ALTERNATES = st.fixed_dictionaries(
    {"pattern": PATTERNS, "definition": st.just({"alternate-exchange": "amq.fanout"}), "priority": st.integers(0, 2)}
)
STEPS = st.lists(
    st.one_of(
        st.tuples(st.just("set"), st.sampled_from("pqr"), st.one_of(TERMS, ALTERNATES)),
        st.tuples(st.just("set_op"), st.sampled_from("op"), TERMS),
        st.tuples(st.just("clear"), st.sampled_from("pqr"), st.none()),
        st.tuples(st.just("clear_op"), st.sampled_from("op"), st.none()),
        st.tuples(st.just("queue"), NAMES, ARGUMENTS),
        st.tuples(st.just("exchange"), NAMES, st.booleans()),
        st.tuples(st.just("delete"), NAMES, st.none()),
    ),
    max_size=25,
)


def do(vhost: VirtualHost, step: tuple[str, str, Any]) -> None:
    what, name, value = step
    match what:
        case "set" | "set_op":
            vhost.parameters.set_policy(name, value, for_operators=what == "set_op")
        case "clear" | "clear_op":
            store = vhost.parameters.operator_policies if what == "clear_op" else vhost.parameters.policies
            if store.get(name) is not None:
                vhost.parameters.clear_policy(name, for_operators=what == "clear_op")
        case "queue" if name not in vhost.queues:
            declare(vhost, name, from_python(value).value)
        case "exchange" if name not in vhost.exchanges:
            arguments = from_python({"alternate-exchange": "amq.topic"}).value if value else {}
            vhost.add_exchange(EXCHANGE_TYPES["direct"](name, True, False, False, arguments))
        case "delete" if name in vhost.queues:
            vhost.delete_queue(vhost.queues[name])


def in_force(vhost: VirtualHost) -> tuple[dict[str, Any], dict[str, Any]]:
    return (
        {name: queue.settings for name, queue in vhost.queues.items()},
        {name: exchange.alternate for name, exchange in vhost.exchanges.items()},
    )


@settings(max_examples=150, deadline=None)
@given(STEPS)
def test_what_is_in_force_is_what_would_be_from_scratch(steps: list[tuple[str, str, Any]]) -> None:
    vhost = new_vhost()
    for step in steps:
        do(vhost, step)
    scratch = new_vhost()
    for exchange in vhost.exchanges.values():
        if exchange.name not in scratch.exchanges:
            scratch.add_exchange(EXCHANGE_TYPES["direct"](exchange.name, True, False, False, exchange.arguments))
    for policy in reversed(list(vhost.parameters.policies)):
        scratch.parameters.add_policy(policy)
    for policy in vhost.parameters.operator_policies:
        scratch.parameters.add_policy(policy, for_operators=True)
    for queue in vhost.queues.values():
        declare(scratch, queue.name, queue.arguments)
    assert in_force(vhost) == in_force(scratch)


# Other parameters


@pytest.mark.parametrize(
    ("component", "name", "value", "reason"),
    [
        ("shovel", "s", 1, "Validation failed\n\ncomponent shovel not found\n"),
        ("policy", "p", {}, "policies may not be set using this method"),
        ("operator_policy", "x", 1, "Validation failed\n\nx not a list 1\n"),
        (
            "vhost-limits",
            "limits",
            {"max-queues": "x"},
            'Validation failed\n\nmax-queues should be a number, actually was <<"x">>\n',
        ),
        (
            "vhost-limits",
            "limits",
            {"nonsense": 1},
            'Validation failed\n\nUnrecognised terms [{<<"nonsense">>,1}] in limits\n',
        ),
        ("vhost-limits", "others", {}, "Validation failed\n\nname not recognised: others\n"),
    ],
)
def test_parameters_that_are_refused(vhost: VirtualHost, component: str, name: str, value: Any, reason: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        vhost.parameters.set(component, name, value)
    assert refused.value.reason == reason
    assert list(vhost.parameters) == []


def test_parameters_are_listed_without_policies(vhost: VirtualHost) -> None:
    vhost.parameters.set("vhost-limits", "limits", {"max-queues": 1})
    vhost.parameters.set_policy("short", term(max_length=1))
    vhost.parameters.set("operator_policy", "strict", term(max_length=5))
    operator_policy = {"pattern": "^tasks", "apply-to": "all", "definition": {"max-length": 5}, "priority": 0}
    assert list(vhost.parameters) == [
        Parameter("vhost-limits", "limits", {"max-queues": 1}),
        Parameter("operator_policy", "strict", operator_policy),
    ]
    vhost.parameters.clear("operator_policy", "strict")
    assert len(vhost.parameters.operator_policies) == 0


def test_policies_are_not_cleared_as_parameters(vhost: VirtualHost) -> None:
    with pytest.raises(InvalidParameterError, match="policies may not be cleared using this method"):
        vhost.parameters.clear("policy", "short")


def test_limits_are_set_and_cleared_one_by_one(vhost: VirtualHost) -> None:
    vhost.parameters.set_limit("max-queues", 1)
    vhost.parameters.set_limit("max-connections", -1)
    assert (vhost.parameters.limit("max-queues"), vhost.parameters.limit("max-connections")) == (1, None)
    vhost.parameters.clear_limit("max-queues")
    assert vhost.parameters.limits == {"max-connections": -1}


def test_a_new_queue_has_to_find_room() -> None:
    client = opened()
    client.vhost.parameters.set_limit("max-queues", 1)
    client.call(1, Queue.Declare(queue="first"))
    assert client.call(1, Queue.Declare(queue="first")) == Queue.DeclareOk(queue="first")
    refused = client.call(1, Queue.Declare(queue="second"))
    assert refused.reply_text == (
        "PRECONDITION_FAILED - cannot declare queue 'second': queue limit in vhost '/' (1) is reached"
    )


def test_global_parameters_are_any_names_and_values() -> None:
    parameters = GlobalParameters()
    parameters.set("mqtt_port_to_vhost_mapping", {"1883": "/"})
    parameters.set("cluster_name", "here")
    assert list(parameters) == [("cluster_name", "here"), ("mqtt_port_to_vhost_mapping", {"1883": "/"})]
    parameters.clear("cluster_name")
    assert parameters.get("cluster_name") is None
