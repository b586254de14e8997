"""Who guesses passwords waits longer and longer; who does not, never.

The wait is of one user's name from one address: nobody else's login is held up, and a login that succeeds ends it. As
long as it lasts a password is not looked at, so that asking on many connections at once is no way around it.
"""

from dataclasses import dataclass
from typing import Final

from amqpbroker.limits import FAILED_LOGINS_MAX

# So many may fail before the next has to wait for a second; with each further one it is twice as long.
_FREE_ATTEMPTS: Final = 5
_FIRST_WAIT_S: Final = 1.0
_WAIT_MAX_S: Final = 16.0
# After so long without a failure all is forgotten.
_FORGOTTEN_AFTER_S: Final = 900.0


@dataclass(slots=True)
class _Failures:
    count: int = 0
    until_s: float = 0.0
    last_s: float = 0.0


class FailedLogins:
    """The latest failures, by address and name; at most FAILED_LOGINS_MAX, of which the oldest goes first."""

    def __init__(self) -> None:
        self._by_key: dict[tuple[str, str], _Failures] = {}

    def __len__(self) -> int:
        return len(self._by_key)

    def wait_s(self, peer: str, name: str, now_s: float) -> float:
        """How long it takes until the next attempt counts; 0: it does now. peer: the address it comes from."""
        failures = self._by_key.get((peer, name))
        return max(0.0, failures.until_s - now_s) if failures is not None else 0.0

    def failed(self, peer: str, name: str, now_s: float) -> None:
        """A wrong password, or a wrong name."""
        failures = self._by_key.pop((peer, name), None)
        if failures is None or now_s - failures.last_s > _FORGOTTEN_AFTER_S:
            failures = _Failures()
        failures.count += 1
        failures.last_s = now_s
        if failures.count >= _FREE_ATTEMPTS:
            # The exponent is bounded as well: who guesses for days comes to no number too large.
            failures.until_s = now_s + min(_WAIT_MAX_S, _FIRST_WAIT_S * 2 ** min(failures.count - _FREE_ATTEMPTS, 10))
        self._by_key[peer, name] = failures
        if len(self._by_key) > FAILED_LOGINS_MAX:
            del self._by_key[next(iter(self._by_key))]

    def succeeded(self, peer: str, name: str) -> None:
        """The right password: what failed before is forgotten."""
        self._by_key.pop((peer, name), None)
