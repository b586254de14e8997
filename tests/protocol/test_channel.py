"""A channel as it begins."""

from amqpbroker.profiles import DEFAULT_PROFILE
from amqpbroker.protocol.channel import Channel
from amqpbroker.protocol.states import ChannelState
from amqpbroker.wire.methods import Basic, encode_frame


def test_a_new_channel_waits_to_be_opened():
    channel = Channel(3, DEFAULT_PROFILE)
    assert channel.machine.state is ChannelState.STARTING
    assert channel.handler is None
    assert not channel.hot


def test_it_knows_the_acks_that_come_on_it():
    assert encode_frame(3, Basic.Ack(delivery_tag=1)).startswith(Channel(3, DEFAULT_PROFILE).ack_prefix)
    assert not encode_frame(4, Basic.Ack(delivery_tag=1)).startswith(Channel(3, DEFAULT_PROFILE).ack_prefix)
