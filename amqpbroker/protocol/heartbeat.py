"""Heartbeats: when to send one, and when the peer has been silent for too long.

Octets count, whatever frame they belong to. Every half interval in which nothing was sent, a heartbeat goes out. The
peer is looked at every interval: two looks in a row without a new octet, and it is gone.

Source: AMQP 0-9-1 specification 4.2.7; RabbitMQ `rabbit_heartbeat`.
"""

from enum import Enum


class Beat(Enum):
    """What a look found."""

    NOTHING = "nothing"
    SEND = "send"
    SILENT = "silent"


class Heartbeat:
    """interval_s: as negotiated, 0 for none. paused: while reading is paused, silence is our own doing."""

    __slots__ = ("_looks", "_missed", "_received", "_sent", "due_s", "interval_s", "paused")

    def __init__(self, interval_s: int, now_s: float) -> None:
        self.interval_s = interval_s
        self.due_s: float | None = now_s + interval_s / 2 if interval_s else None
        self.paused = False
        self._looks = 0
        self._missed = 0
        self._sent = 0
        self._received = 0

    def look(self, now_s: float, sent: int, received: int) -> Beat:
        """What is due now, by the octets sent and received so far; sets the time of the next look."""
        self.due_s = now_s + self.interval_s / 2
        self._looks += 1
        if self._looks % 2 == 0:
            self._missed = self._missed + 1 if received == self._received and not self.paused else 0
            self._received = received
            if self._missed > 1:
                return Beat.SILENT
        beat = Beat.SEND if sent == self._sent else Beat.NOTHING
        self._sent = sent
        return beat
