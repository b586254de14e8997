"""A document into a broker: all of it or nothing, the same again as often as one likes."""

import copy
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from amqpbroker.management.definitions.document import DefinitionsError
from amqpbroker.management.definitions.export import export_definitions
from amqpbroker.management.definitions.importing import import_definitions
from tests.helpers.definitions import Json, empty_server, lists, recorded


def test_what_a_rabbitmq_exported_comes_out_again_but_for_ids():
    server = empty_server()
    document = recorded("rabbitmq_3_10_8")
    import_definitions(server.broker, document)
    exported = export_definitions(server.broker)
    assert {vhost["name"] for vhost in exported["vhosts"]} == {"/", "eco"}
    for queue in exported["queues"]:
        del queue["type"]  # which 4.x tells
    assert lists(exported) | {"vhosts": None} == lists(document) | {"vhosts": None}


def test_importing_again_changes_and_records_nothing():
    server = empty_server("4.2")
    document = recorded("rabbitmq_3_10_8")
    import_definitions(server.broker, document)
    server.commit()
    before = export_definitions(server.broker)
    import_definitions(server.broker, document)
    assert not server.log.is_recording
    assert export_definitions(server.broker) == before


def test_everything_survives_a_kill():
    server = empty_server("4.2")
    import_definitions(server.broker, recorded("rabbitmq_3_10_8"))
    server.commit()
    durable = lists(export_definitions(server.broker))
    again = server.after_a_kill()
    for user in ("anna", "guest"):
        if (f'"name": "{user}"') not in str(durable["users"]):
            again.broker.delete_user(user)
    survived = lists(export_definitions(again.broker))
    assert {kind: set(durable[kind]) - set(survived[kind]) for kind in durable} == {
        **{kind: set() for kind in durable},
        "queues": {one for one in durable["queues"] if '"durable": false' in one},
        "bindings": {one for one in durable["bindings"] if "eco.transient" in one},
    }


def test_what_one_virtual_host_has_goes_into_another():
    server = empty_server()
    server.broker.create_vhost("copy")
    document = recorded("rabbitmq_3_10_8_vhost")
    import_definitions(server.broker, document, vhost="copy", user="anna")
    copied = server.broker.vhosts["copy"]
    assert set(copied.queues) == {queue["name"] for queue in document["queues"]}
    assert [policy.name for policy in copied.parameters.policies] == ["eco-ttl"]
    assert [policy.name for policy in copied.parameters.operator_policies] == ["eco-op"]
    assert not server.vhost.queues


def test_for_one_virtual_host_users_and_the_like_are_not_looked_at():
    server = empty_server()
    import_definitions(server.broker, recorded("rabbitmq_3_10_8") | {"users": "nonsense"}, vhost="/")
    assert list(server.broker.users) == []
    assert list(server.broker.vhosts) == ["/"]


def test_the_export_of_one_virtual_host_says_where_it_belongs():
    server = empty_server()
    with pytest.raises(DefinitionsError, match=r"exchanges\[0\].vhost: .*imported into one"):
        import_definitions(server.broker, recorded("rabbitmq_3_10_8_vhost") | {"parameters": [], "policies": []})


FAULTS: dict[str, Json] = {
    "users": {"name": "z", "tags": [5]},
    "vhosts": {"name": 5},
    "permissions": {"user": "nobody", "vhost": "/", "configure": "", "write": "", "read": ""},
    "topic_permissions": {"user": "guest", "vhost": "/", "exchange": "x", "write": "*", "read": ""},
    "parameters": {"vhost": "/", "component": "z", "name": "z", "value": {}},
    "global_parameters": {"value": 5},
    "policies": {"vhost": "/", "name": "z", "pattern": "*", "definition": {"max-length": 1}},
    "queues": {"vhost": "/", "name": "z", "arguments": {"x-expires": 0}},
    "exchanges": {"vhost": "/", "name": "z", "type": "z"},
    "bindings": {"vhost": "/", "source": "z", "destination": "z", "destination_type": "queue", "routing_key": ""},
}


@pytest.mark.parametrize("kind", FAULTS)
def test_a_document_with_one_fault_anywhere_changes_nothing(kind: str):
    server = empty_server("4.2")
    before = export_definitions(server.broker)
    document = copy.deepcopy(recorded("rabbitmq_3_10_8"))
    document[kind].append(FAULTS[kind])
    with pytest.raises(DefinitionsError, match=rf"^{kind}\[{len(document[kind]) - 1}\]"):
        import_definitions(server.broker, document)
    assert export_definitions(server.broker) == before
    assert not server.log.is_recording


# Any definitions

names = st.text("abcü.", min_size=1, max_size=3)
patterns = st.sampled_from(["", ".*", "^a", "a|b"])
values = st.recursive(
    st.booleans() | st.integers(-(1 << 63), (1 << 63) - 1) | st.text("ab", max_size=3),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(names, inner, max_size=2),
    max_leaves=4,
)
tables = st.dictionaries(names, values, max_size=2)
queue_arguments = st.fixed_dictionaries(
    {},
    optional={
        "x-max-length": st.integers(0, 9),
        "x-message-ttl": st.integers(0, 9_999_999),
        "x-overflow": st.sampled_from(["drop-head", "reject-publish"]),
        "x-dead-letter-exchange": names,
        "own": values,
    },
)


policies = st.fixed_dictionaries(
    {
        "pattern": st.sampled_from(["^a", ".*"]),
        "apply-to": st.sampled_from(["all", "queues"]),
        "priority": st.integers(0, 3),
        "definition": st.fixed_dictionaries({"max-length": st.integers(0, 9)}),
    }
)
users = st.fixed_dictionaries(
    {
        "password_hash": st.just("kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"),
        "hashing_algorithm": st.just("rabbit_password_hashing_sha256"),
        "tags": st.lists(names, max_size=2),
        "limits": st.dictionaries(st.sampled_from(["max-connections", "max-channels"]), st.integers(-1, 9)),
    }
)
about_vhosts = st.fixed_dictionaries({"description": names, "tags": st.lists(names, max_size=1)})
permissions = st.fixed_dictionaries({"configure": patterns, "write": patterns, "read": patterns})
topic_permissions = st.fixed_dictionaries({"exchange": names, "write": patterns, "read": patterns})
queues = st.fixed_dictionaries({"durable": st.booleans(), "auto_delete": st.booleans(), "arguments": queue_arguments})
exchanges = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["direct", "fanout", "topic"]),
        "durable": st.booleans(),
        "auto_delete": st.just(False),
        "internal": st.booleans(),
        "arguments": tables,
    }
)
bindings = st.fixed_dictionaries(
    {"destination_type": st.sampled_from(["queue", "exchange"]), "routing_key": names, "arguments": tables}
)


@st.composite
def documents(draw: st.DrawFn) -> Json:
    """Definitions that belong together: every name is that of a queue, of an exchange and of a policy."""
    vhosts = ["/", *draw(st.lists(names, unique=True, max_size=2))]
    who = draw(st.lists(names, unique=True, max_size=2))
    what = [{"vhost": vhost, "name": name} for vhost in vhosts for name in draw(st.sets(names, max_size=2))]
    where = [{"user": user, "vhost": vhost} for user in who for vhost in vhosts]
    return {
        "users": [{"name": user, **draw(users)} for user in who],
        "vhosts": [{"name": vhost, "metadata": draw(about_vhosts)} for vhost in vhosts],
        "permissions": [{**one, **draw(permissions)} for one in where],
        "topic_permissions": [{**one, **draw(topic_permissions)} for one in where],
        "parameters": [{**one, "component": "operator_policy", "value": draw(policies)} for one in what],
        "global_parameters": [{"name": name, "value": draw(values)} for name in draw(st.sets(names, max_size=2))],
        "policies": [{**one, **draw(policies)} for one in what],
        "queues": [{**one, **draw(queues)} for one in what],
        "exchanges": [{**one, **draw(exchanges)} for one in what],
        "bindings": [
            {"vhost": one["vhost"], "source": one["name"], "destination": one["name"], **draw(bindings)} for one in what
        ],
    }


def with_what_4_x_tells(document: Json) -> Json:
    """The document as an export writes it."""
    full = copy.deepcopy(document)
    for vhost in full["vhosts"]:
        vhost |= vhost["metadata"] | {"limits": {}}
    for queue in full["queues"]:
        queue["type"] = "classic"
    return full


@settings(max_examples=60, deadline=None)
@given(documents())
def test_any_definitions_come_out_as_they_went_in(document: dict[str, Any]):
    server = empty_server()
    import_definitions(server.broker, document)
    exported = export_definitions(server.broker)
    assert lists(exported) == lists(with_what_4_x_tells(document))
    other = empty_server()
    import_definitions(other.broker, exported)
    assert lists(export_definitions(other.broker)) == lists(exported)
    server.commit()
    import_definitions(server.broker, exported)
    assert not server.log.is_recording


anything = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3) | st.just([]) | st.just({})


@st.composite
def spoiled(draw: st.DrawFn) -> Json:
    """A recorded document in which one value, wherever it is, is something else or is gone."""
    document = copy.deepcopy(recorded("rabbitmq_3_10_8"))
    inner: Any = document
    key: Any = draw(st.sampled_from([kind for kind in document if isinstance(document[kind], list)]))
    while isinstance(inner[key], list | dict) and inner[key] and draw(st.integers(0, 5)):
        inner = inner[key]
        key = draw(st.sampled_from(range(len(inner)) if isinstance(inner, list) else sorted(inner)))
    if draw(st.booleans()):
        inner[key] = draw(anything)
    else:
        del inner[key]
    return document


@settings(max_examples=200, deadline=None)
@given(spoiled())
def test_any_document_is_imported_or_refused_with_the_place_and_without_a_trace(document: Json):
    server = empty_server("4.2")
    before = export_definitions(server.broker)
    try:
        import_definitions(server.broker, document)
    except DefinitionsError as refused:
        assert refused.reason.startswith(tuple(document))
        assert export_definitions(server.broker) == before
        assert not server.log.is_recording
