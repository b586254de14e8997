"""What watches for the linter: taps at the virtual hosts, and what channels and connections tell it.

It changes nothing of what a client sees, and answers nothing: what it has found is asked for.
"""

from collections.abc import Collection, Sequence

from amqpbroker.errors import AMQPError
from amqpbroker.model.broker import Broker
from amqpbroker.model.consumer import Consumer
from amqpbroker.model.exchange import Exchange
from amqpbroker.model.message import Message
from amqpbroker.model.ports import Sink, Tap
from amqpbroker.model.queue import Entry, Queue
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.session.channel import Channel
from amqpbroker.testing.linter.connecting import Connecting
from amqpbroker.testing.linter.consuming import Consuming
from amqpbroker.testing.linter.declaring import look_at_declaration
from amqpbroker.testing.linter.dying import look_at_deaths
from amqpbroker.testing.linter.findings import Finding, Findings
from amqpbroker.testing.linter.publishing import Publishing
from amqpbroker.testing.linter.rules import RULES
from amqpbroker.wire.methods import Method
from amqpbroker.wire.methods import Queue as QueueMethods


class Linter:
    """is_on: whether it finds anything at all. ignored: names of rules that are not wanted.

    Raises ConfigError: there is no such rule.
    """

    def __init__(self, *, is_on: bool = True, ignored: Collection[str] = ()) -> None:
        self._is_on = is_on
        self._findings = Findings(ignored if is_on else RULES)
        self.connecting = Connecting(self._findings)
        self.consuming = Consuming(self._findings)
        self.publishing = Publishing(self._findings)

    def watch(self, broker: Broker) -> None:
        """From now on, in every virtual host."""
        self._findings.is_open = True
        if self._is_on:
            broker.watch_vhosts(lambda vhost: vhost.watch(LinterTap(self, vhost)))

    def end(self) -> None:
        """The broker is about to end: what its clients meet by that is not their doing."""
        self._findings.is_open = False

    def found(self) -> list[Finding]:
        """What was found so far."""
        return self._findings.all()

    def take(self) -> list[Finding]:
        """The same; what happens from now on is found again, and counted anew: another test begins."""
        self.consuming.forget()
        self.connecting.forget()
        return self._findings.take()

    # What channels tell

    def asked(self, channel: Channel, method: Method) -> None:
        """A client asks for something; it may be refused."""
        look_at_declaration(self._findings, channel, method)
        if isinstance(method, QueueMethods.Declare):
            self.publishing.declared(channel, method.queue)

    def done(self, channel: Channel, method: Method) -> None:
        """It was done."""
        self.consuming.done(channel, method)

    def refused(self, channel: Channel, fault: AMQPError) -> None:
        """It was."""
        self.consuming.refused(channel, fault)

    # What taps tell

    def published(
        self, vhost: VirtualHost, sink: Sink, exchange: Exchange, queues: Sequence[Queue], messages: Sequence[Message]
    ) -> None:
        """Messages of a client."""
        if isinstance(sink, Channel):
            self.publishing.published(sink, exchange, queues, messages)
        self.publishing.grown(vhost, queues, messages)

    def given_up(self, vhost: VirtualHost, queue: Queue, reason: str, messages: Sequence[Message]) -> None:
        """Messages that a queue has dropped."""
        look_at_deaths(self._findings, vhost, queue, reason, messages)


class LinterTap(Tap):
    """Tells the linter of the traffic in a virtual host."""

    in_order = False

    def __init__(self, linter: Linter, vhost: VirtualHost) -> None:
        self._linter = linter
        self._vhost = vhost

    def published(self, sink: Sink, exchange: Exchange, queues: Sequence[Queue], messages: Sequence[Message]) -> None:
        self._linter.published(self._vhost, sink, exchange, queues, messages)

    def forwarded(self, exchange: Exchange, queues: Sequence[Queue], messages: Sequence[Message]) -> None:
        self._linter.publishing.grown(self._vhost, queues, messages)

    def settled(self, consumer: Consumer, entries: Sequence[Entry], how: str) -> None:
        self._linter.consuming.settled(consumer, entries, how, self._vhost.clock.now_s())

    def given_up(self, queue: Queue, reason: str, messages: Sequence[Message]) -> None:
        self._linter.given_up(self._vhost, queue, reason, messages)
