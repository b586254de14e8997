"""One provocation: bring a connection into a state, send octets, and tell what came back and that nothing else did.

What came back ends where the answers themselves say so, never after a sleep: a probe is sent whose answer can only come
after everything the provocation caused. Recording has nothing to compare with, so there a silence ends it.
"""

import enum
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import NamedTuple

from interop_tests.raw import codec
from interop_tests.raw.client import Client

RECORDING_SILENCE_S = 0.8  # on a connection that is open
HANDSHAKE_TIMEOUT_S = 14.0  # before connection.open the answer may be 3 or 10 s of silence, then the socket's end
TIMEOUT_S = 5.0
FAILED = "provocation failed"  # the event when the broker did not even let the state be reached
UNANSWERED = "probe unanswered"  # the event when the connection fell silent
PARALLEL = 110  # most provocations before connection.open only wait


class Probe(enum.Enum):
    """What is asked after a provocation that left the connection alive."""

    NONE = "nothing: the provocation is answered by a frame or by the end of the socket"
    CONNECTION = "connection.update-secret, answered on channel 0"
    CHANNEL = "basic.qos on channel 1, or opening it again after the broker closed it"


class Provocation(NamedTuple):
    """prepare: brings a fresh client into the state. octets: what it then sends. probe: what shows that was all."""

    prepare: Callable[[Client], None]
    octets: Callable[[Client], bytes]
    probe: Probe


def observe(
    url: str,
    provocation: Provocation,
    expected: list[str] | None = None,
    cut: Callable[[bytes], Iterable[bytes]] = lambda octets: [octets],
) -> list[str]:
    """The events that a provocation causes, as `Client.outcome` words them; expected is None when recording."""
    with Client(url, cut) as client:
        provocation.prepare(client)
        client.send(provocation.octets(client))
        before_open = provocation.probe is Probe.NONE
        silence_s = HANDSHAKE_TIMEOUT_S if before_open else TIMEOUT_S if expected else RECORDING_SILENCE_S
        enough = len(expected) if expected is not None else 1 if before_open else 9
        events = client.outcome(lambda events: len(events) >= enough and not _is_refusal(events), silence_s)
        if not before_open and not client.ended:
            events += _events_before_probe(client, provocation.probe, events)
        return events


def observe_all(url: str, wanted: dict[str, tuple[Provocation, list[str] | None]]) -> dict[str, list[str]]:
    """`observe` for many, at the same time: by name, each provocation with what is expected of it."""
    with ThreadPoolExecutor(PARALLEL) as pool:
        futures = {name: pool.submit(_observe_or_say, url, *item) for name, item in wanted.items()}
        return {name: future.result() for name, future in futures.items()}


def _observe_or_say(url: str, provocation: Provocation, expected: list[str] | None) -> list[str]:
    try:
        return observe(url, provocation, expected)
    except Exception as error:  # whatever went wrong is the outcome of this one, and not of the others
        return [f"{FAILED}: {type(error).__name__}: {error}"]


def _is_refusal(events: list[str]) -> bool:
    """Whether the last event is a protocol header, which the end of the socket must follow."""
    return events[-1:] != [] and events[-1].startswith("protocol header")


def _events_before_probe(client: Client, probe: Probe, events: list[str]) -> list[str]:
    if "connection.close-ok" in events or client.close_ok_owed:
        client.send_method(0, "connection.close", reply_code=200)
        last = "connection.close-ok"
    elif probe is Probe.CHANNEL and any(event.startswith("channel.close ") for event in events):
        client.send(codec.method(1, "channel.close-ok") + codec.method(1, "channel.open"))
        last = "channel.open-ok"
    elif probe is Probe.CHANNEL and "channel.close-ok" not in events:
        client.send_method(1, "basic.qos")
        last = "basic.qos-ok"
    else:
        client.send(codec.method(0, "connection.update-secret", new_secret=client.password))
        last = "connection.update-secret-ok"
    more = client.outcome(lambda more: last in more, TIMEOUT_S)
    return more[:-1] if more[-1:] == [last] else [*more, f"{UNANSWERED}: {last} is missing"]
