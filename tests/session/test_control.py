"""The small classes."""

from amqpbroker.errors import NOT_IMPLEMENTED
from amqpbroker.wire.methods import Access, Channel, Confirm
from tests.helpers.sessions import fault, opened


def test_flow_can_be_switched_on_but_not_off() -> None:
    assert opened().call(1, Channel.Flow(active=True)) == Channel.FlowOk(active=True)
    assert fault(opened(), 1, Channel.Flow()) == (NOT_IMPLEMENTED, "NOT_IMPLEMENTED - active=false")


def test_tickets_are_for_everybody() -> None:
    assert opened().call(1, Access.Request(realm="/data")) == Access.RequestOk(ticket=1)


def test_confirm_select_is_answered_unless_it_is_not_to_be() -> None:
    client = opened()
    client.send(1, Confirm.Select(nowait=True), Confirm.Select())
    assert client.methods() == [Confirm.SelectOk()]
