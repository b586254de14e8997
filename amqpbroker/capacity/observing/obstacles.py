"""Why there is no forecast for a queue, in words: what is missing, and what would have to be otherwise."""

from typing import Final

from amqpbroker.capacity.measuring.measured import Measured
from amqpbroker.capacity.units import show_duration

# With so few a rate is known to a third, which is little enough.
EVENTS_MIN: Final = 30


def obstacle(measured: Measured) -> str:
    """The sentence; empty: there is none, as far as can be told from what was measured."""
    served = measured.services.count
    if measured.keeps_messages:
        return "a stream keeps what it gives out: no message waits for a consumer there, and none has to be done with"
    if not measured.consumers and measured.silent_consumers:
        return (
            "its consumers acknowledge nothing (auto-ack): nobody can see when they are done with a message, so there "
            "is no service time, no utilisation and no forecast"
        )
    if not measured.consumers and measured.fetched:
        return f"nobody consumes from it: {_messages(measured.fetched)} were fetched one by one, with basic.get"
    if not measured.consumers:
        return "nobody consumes from it: what is published stays"
    if measured.arrived < EVENTS_MIN or served < EVENTS_MIN:
        return (
            f"too little is known yet: {_messages(measured.arrived)} came and {served:,} were acknowledged in "
            f"{show_duration(measured.watched_s)}; a forecast takes {EVENTS_MIN} of each"
        )
    if not measured.services.mean_s:
        return "what is delivered is acknowledged in no time that a clock can tell: nothing ever waits"
    return ""


def _messages(count: int) -> str:
    return f"{count:,} {'message' if count == 1 else 'messages'}"
