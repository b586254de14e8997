"""Who guesses waits; nobody else does."""

import pytest

from amqpbroker.limits import FAILED_LOGINS_MAX
from amqpbroker.model.access import LoginRefused
from amqpbroker.model.access.failed_logins import FailedLogins
from tests.helpers.wire_client import MemoryServer

HERE = "192.0.2.1"


def failing(count: int, now_s: float = 0.0) -> FailedLogins:
    """So many failures of anna's at the same moment."""
    logins = FailedLogins()
    for _ in range(count):
        logins.failed(HERE, "anna", now_s)
    return logins


@pytest.mark.parametrize(
    ("count", "wait_s"), [(0, 0), (4, 0), (5, 1), (6, 2), (7, 4), (8, 8), (9, 16), (10, 16), (5_000, 16)]
)
def test_the_wait_begins_with_the_fifth_failure_and_grows(count: int, wait_s: float) -> None:
    assert failing(count).wait_s(HERE, "anna", 0.0) == wait_s


def test_the_wait_passes() -> None:
    logins = failing(6, now_s=100.0)
    assert [logins.wait_s(HERE, "anna", now_s) for now_s in (100.0, 101.5, 102.0, 500.0)] == [2.0, 0.5, 0.0, 0.0]


def test_nobody_else_waits() -> None:
    logins = failing(9)
    assert (logins.wait_s(HERE, "bert", 0.0), logins.wait_s("192.0.2.2", "anna", 0.0)) == (0.0, 0.0)


def test_the_right_password_ends_it() -> None:
    logins = failing(4)
    logins.succeeded(HERE, "anna")
    logins.failed(HERE, "anna", 0.0)
    assert logins.wait_s(HERE, "anna", 0.0) == 0.0


def test_failures_are_forgotten_after_a_quarter_of_an_hour() -> None:
    logins = failing(9)
    logins.failed(HERE, "anna", 1_000.0)
    assert logins.wait_s(HERE, "anna", 1_000.0) == 0.0


def test_no_more_than_a_bounded_number_is_kept_and_the_latest_are() -> None:
    logins = failing(5)
    for number in range(FAILED_LOGINS_MAX):
        logins.failed(HERE, f"user{number}", 0.0)
    assert len(logins) == FAILED_LOGINS_MAX
    assert logins.wait_s(HERE, "anna", 0.0) == 0.0


# The broker's


def test_while_it_lasts_not_even_the_right_password_is_looked_at() -> None:
    server = MemoryServer()
    broker = server.broker
    for _ in range(5):
        with pytest.raises(LoginRefused, match="user 'anna' - invalid credentials"):
            broker.log_in("anna", b"wrong", HERE)
    with pytest.raises(LoginRefused, match=r"too many failed logins from 192\.0\.2\.1: 1\.0 s to wait"):
        broker.log_in("anna", b"secret", HERE)
    assert broker.log_in("guest", b"guest", HERE).name == "guest"
    assert broker.log_in("anna", b"secret", "192.0.2.2").name == "anna"
    server.clock.advance(1.0)
    assert broker.log_in("anna", b"secret", HERE).name == "anna"
    assert len(broker.failed_logins) == 0
