"""One channel as the protocol sees it: its state, the content on its way, and who handles it."""

from amqpbroker.profiles import Profile
from amqpbroker.protocol.content import Assembler
from amqpbroker.protocol.ports import ChannelHandler
from amqpbroker.protocol.states import ChannelMachine
from amqpbroker.wire.hot import ack_prefix


class Channel:
    """handler: the session's channel, once it is open. hot: whether hot frames may be read by hand.

    hot is false while the channel is not open or a content is half received: the general path knows what to do then.
    """

    __slots__ = ("ack_prefix", "assembler", "handler", "hot", "machine", "number")

    def __init__(self, number: int, profile: Profile) -> None:
        self.number = number
        self.machine = ChannelMachine()
        self.assembler = Assembler(profile)
        self.handler: ChannelHandler | None = None
        self.hot = False
        self.ack_prefix = ack_prefix(number)
