"""Sessions of browsers: how they begin, and all the ways in which they end."""

from amqpbroker.management.access import sessions as module
from amqpbroker.management.access.sessions import IDLE_MAX_S, Sessions, cookie_name, token_of
from amqpbroker.model.access import User, Users
from amqpbroker.model.hand_clock import HandClock

ANNA = User("anna", "hash", tags=("management",))


def with_sessions() -> tuple[Users, Sessions, HandClock]:
    users, clock = Users([ANNA]), HandClock()
    return users, Sessions(users, clock.now_s), clock


def test_a_token_is_its_user() -> None:
    _, sessions, _ = with_sessions()
    token, other = sessions.begin(ANNA), sessions.begin(ANNA)
    assert token != other and len(token) >= 43
    assert sessions.user_of(token) == sessions.user_of(token) == ANNA
    assert sessions.user_of("something") is None


def test_it_is_over_when_it_is_ended() -> None:
    _, sessions, _ = with_sessions()
    token, other = sessions.begin(ANNA), sessions.begin(ANNA)
    sessions.end(token)
    sessions.end("something")
    assert (sessions.user_of(token), sessions.user_of(other)) == (None, ANNA)


def test_it_is_over_when_its_user_has_another_password() -> None:
    users, sessions, _ = with_sessions()
    token = sessions.begin(ANNA)
    users.add(changed := User("anna", "hash", tags=("monitoring",)))
    assert sessions.user_of(token) == changed
    users.add(User("anna", "other hash"))
    assert sessions.user_of(token) is None
    users.add(ANNA)
    assert sessions.user_of(token) is None


def test_it_is_over_when_nobody_uses_it() -> None:
    _, sessions, clock = with_sessions()
    token = sessions.begin(ANNA)
    clock.advance(IDLE_MAX_S)
    assert sessions.user_of(token) == ANNA
    clock.advance(IDLE_MAX_S + 1)
    assert sessions.user_of(token) is None
    assert len(sessions) == 0


def test_of_too_many_the_one_longest_unused_is_over(monkeypatch) -> None:
    monkeypatch.setattr(module, "SESSIONS_MAX", 2)
    _, sessions, _ = with_sessions()
    first, second = sessions.begin(ANNA), sessions.begin(ANNA)
    sessions.user_of(first)
    third = sessions.begin(ANNA)
    assert [sessions.user_of(token) for token in (first, second, third)] == [ANNA, None, ANNA]


def test_each_port_has_its_own_cookie() -> None:
    cookies = {cookie_name(15672): "one", cookie_name(25672): "two"}
    assert [token_of(cookies, port) for port in (15672, 25672, 1, None)] == ["one", "two", None, None]
