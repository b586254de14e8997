"""Who is connected but has not logged in, by the address that it comes from: one address cannot take up all places.

A rush of clients that log in at once is no attack, so a handshake is left alone while it is young, however many there
are; the deadline for the whole handshake is the wire connection's own.
"""

from typing import Protocol

from amqpbroker.limits import HANDSHAKE_SPARED_S, HANDSHAKES_PER_ADDRESS_MAX


class Abortable(Protocol):
    """A connection that can be ended without a word."""

    def abort(self) -> None: ...


class Handshakes:
    """The handshakes under way, oldest first."""

    def __init__(self) -> None:
        self._since_s: dict[str, dict[Abortable, float]] = {}

    def begin(self, connection: Abortable, address: str, now_s: float) -> None:
        """One more; over the limit the oldest from that address goes, unless it is young itself."""
        waiting = self._since_s.setdefault(address, {})
        waiting[connection] = now_s
        if len(waiting) > HANDSHAKES_PER_ADDRESS_MAX:
            oldest = next(iter(waiting))
            if now_s - waiting[oldest] > HANDSHAKE_SPARED_S:
                self.end(oldest, address)
                oldest.abort()

    def end(self, connection: Abortable, address: str) -> None:
        """It has logged in, or is gone; whoever was not under way (any more) is none's loss."""
        waiting = self._since_s.get(address, {})
        if waiting.pop(connection, None) is not None and not waiting:
            del self._since_s[address]
