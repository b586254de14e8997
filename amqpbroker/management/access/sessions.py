"""Who has logged in with a browser: a random token for each, which the browser brings back as a cookie.

The web UI never keeps a password, nor puts one into a URL. A session ends when its user logs out, is deleted or gets
another password, and when it was not used for long; all end with the broker.
"""

import secrets
from collections.abc import Callable, Mapping
from typing import Final, NamedTuple

from amqpbroker.model.access import User, Users

IDLE_MAX_S: Final = 8 * 3_600.0
SESSIONS_MAX: Final = 1_000
_TOKEN_BYTES: Final = 32


class _Session(NamedTuple):
    """password_hash: the user's when they logged in. used_s: when it was used last."""

    name: str
    password_hash: str
    used_s: float


class Sessions:
    """now_s: the clock they go by."""

    def __init__(self, users: Users, now_s: Callable[[], float]) -> None:
        self._users = users
        self._now_s = now_s
        # By token, the one that was used last behind all others.
        self._by_token: dict[str, _Session] = {}

    def __len__(self) -> int:
        return len(self._by_token)

    def begin(self, user: User) -> str:
        """A session for a user who has just shown that it is them: its token. The one longest unused gives way."""
        while len(self._by_token) >= SESSIONS_MAX:
            del self._by_token[next(iter(self._by_token))]
        token = secrets.token_urlsafe(_TOKEN_BYTES)
        self._by_token[token] = _Session(user.name, user.password_hash, self._now_s())
        return token

    def user_of(self, token: str) -> User | None:
        """Whose session it is, as the user is now; None: nobody's, or it is over."""
        session = self._by_token.pop(token, None)
        if session is None:
            return None
        now_s = self._now_s()
        user = self._users.get(session.name)
        if user is None or user.password_hash != session.password_hash or now_s - session.used_s > IDLE_MAX_S:
            return None
        self._by_token[token] = session._replace(used_s=now_s)
        return user

    def end(self, token: str) -> None:
        """It is over."""
        self._by_token.pop(token, None)


def cookie_name(port: int | None) -> str:
    """Browsers send a cookie to all ports of a host: those of two brokers on one machine need two names."""
    return f"amqpbroker_session_{port or 0}"


def token_of(cookies: Mapping[str, str], port: int | None) -> str | None:
    """The token that a browser has brought, if any."""
    return cookies.get(cookie_name(port))
