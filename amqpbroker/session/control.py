"""The small classes: channel.flow, access, confirm. Source: RabbitMQ `rabbit_channel:handle_method`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from amqpbroker.errors import NOT_IMPLEMENTED, PRECONDITION_FAILED, AMQPError
from amqpbroker.session.confirms import Confirms
from amqpbroker.wire.methods import Access, Confirm
from amqpbroker.wire.methods import Channel as ChannelMethods

if TYPE_CHECKING:
    from amqpbroker.session.channel import Channel


def flow(channel: "Channel", method: ChannelMethods.Flow) -> None:
    if not method.active:
        raise AMQPError(NOT_IMPLEMENTED, "active=false")
    channel.reply(ChannelMethods.FlowOk(active=True))


def access_request(channel: "Channel", method: Access.Request) -> None:
    """A ticket of AMQP 0-8 and 0-9: all have the same."""
    channel.reply(Access.RequestOk(ticket=1))


def confirm_select(channel: "Channel", method: Confirm.Select) -> None:
    if channel.transaction is not None:
        raise AMQPError(PRECONDITION_FAILED, "cannot switch from tx to confirm mode")
    if channel.confirms is None:
        channel.confirms = Confirms(channel.number)
    channel.reply(Confirm.SelectOk(), nowait=method.nowait)


HANDLERS: dict[tuple[int, int], Callable[..., None]] = {
    (20, 20): flow,
    (30, 10): access_request,
    (85, 10): confirm_select,
}
