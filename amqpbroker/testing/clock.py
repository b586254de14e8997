"""The time of a broker, in the hand of a test."""

from datetime import UTC, datetime

from amqpbroker.testing.durations import Duration, seconds_of
from amqpbroker.testing.server import ObservedServer


class Time:
    """What is done on the loop of the server; `Clock` and `AsyncClock` are what tests have of it."""

    def __init__(self, server: ObservedServer) -> None:
        self._server = server

    def freeze(self) -> None:
        """Nothing falls due but by `advance`."""
        self._server.clock.freeze()

    def resume(self) -> None:
        """Time goes on from where it stands."""
        self._server.clock.resume()

    def advance(self, duration: Duration, heartbeats: bool) -> None:
        """Turns time on. heartbeats: of heartbeats and handshakes too."""
        seconds = seconds_of(duration)
        self._server.clock.advance(seconds)
        if heartbeats:
            self._server.socket_clock.advance(seconds)

    def is_frozen(self) -> bool:
        """Whether it stands still."""
        return self._server.clock.is_frozen

    def now(self) -> datetime:
        """The time of day that the broker goes by."""
        return datetime.fromtimestamp(self._server.clock.unix_ms() / 1000, UTC)
