"""What an import will do."""

import pytest

from amqpbroker.management.definitions.document import DefinitionsError, Entry
from amqpbroker.management.definitions.plan import Plan
from tests.helpers.definitions import empty_server


def test_nothing_happens_before_it_is_carried_out():
    done: list[str] = []
    plan = Plan(empty_server().broker, "anna")
    plan.then(lambda: done.append("one"))
    plan.then(lambda: done.append("two"))
    assert done == []
    plan.carry_out()
    assert done == ["one", "two"]


def test_an_entry_is_of_the_virtual_host_it_names_or_of_the_one_that_all_are_for():
    broker = empty_server().broker
    broker.create_vhost("b")
    named = Entry("queues[0]", {"vhost": "/"})
    assert Plan(broker, "anna").vhost_of(named).name == "/"
    assert Plan(broker, "anna", "b").vhost_of(named).name == "b"
    with pytest.raises(DefinitionsError, match="What was exported from one virtual host is imported into one"):
        Plan(broker, "anna").vhost_of(Entry("queues[0]", {}))


def test_what_is_planned_for_a_virtual_host_is_not_in_it_yet():
    broker = empty_server().broker
    plan = Plan(broker, "anna")
    planned = plan.vhost_of(Entry("queues[0]", {"vhost": "/"}))
    planned.exchanges["x"] = broker.vhosts["/"].exchanges["amq.direct"]
    assert "x" in planned.exchanges
    assert "x" not in broker.vhosts["/"].exchanges
