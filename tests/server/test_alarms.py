"""When alarms come and go: by what is accounted, not by what the process takes."""

import random

import pytest

from amqpbroker.limits import ALARM_LOOK_BYTES, ALARM_LOOK_S, DISK_LOOK_S
from amqpbroker.model.access import Users
from amqpbroker.model.broker import Broker
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.profiles import DEFAULT_PROFILE
from amqpbroker.server.alarms import Alarms
from tests.helpers.hand_turned import HandTurned


class Watched:
    """A broker with alarms. used_bytes, free_bytes: what there is; looks: how often memory was looked at."""

    def __init__(self, watermark_bytes: int = 1_000, look_takes_s: float = 0.0) -> None:
        self.used_bytes = 0
        self.free_bytes: int | OSError = 10_000
        self.looks = 0
        self.disk_looks = 0
        self.look_takes_s = look_takes_s
        self.ticker = HandTurned()
        self.broker = Broker(DEFAULT_PROFILE, Users([]), random.Random(1).randbytes, HandClock())
        self.alarms = Alarms(
            self.broker,
            self.ticker,  # type: ignore[arg-type]
            watermark_bytes=watermark_bytes,
            accounted_bytes=self._used,
            disk_free_limit_bytes=5_000,
            free_bytes=self._free,
        )

    def _used(self) -> int:
        self.looks += 1
        self.ticker.time_s += self.look_takes_s
        return self.used_bytes

    def _free(self) -> int:
        self.disk_looks += 1
        if isinstance(self.free_bytes, OSError):
            raise self.free_bytes
        return self.free_bytes

    def read(self, octets: int = 1) -> None:
        """As a connection does it."""
        self.alarms.octets_read += octets
        if self.alarms.octets_read >= self.alarms.look_at_octets:
            self.alarms.have_read()


# Memory


def test_the_alarm_comes_at_the_watermark_and_goes_below_nine_tenths() -> None:
    watched = Watched(watermark_bytes=1_000)
    seen = []
    for used_bytes in (999, 1_000, 1_500, 999, 900, 899, 999):
        watched.used_bytes = used_bytes
        watched.alarms.look()
        seen.append(watched.broker.blocked_reason is not None)
    assert seen == [False, True, True, True, True, False, False]


def test_a_watermark_of_nothing_holds_back_all() -> None:
    watched = Watched(watermark_bytes=0)
    watched.alarms.look()
    assert watched.broker.blocked_reason == "low on memory"


def test_what_is_read_is_looked_at_within_a_tenth_of_a_second() -> None:
    watched = Watched()
    watched.used_bytes = 2_000
    watched.read()
    assert watched.looks == 0
    watched.ticker.advance(ALARM_LOOK_S)
    assert watched.broker.blocked_reason == "low on memory"


def test_a_flood_is_looked_at_at_once() -> None:
    watched = Watched()
    watched.read()
    watched.used_bytes = 2_000
    watched.read(ALARM_LOOK_BYTES - 2)
    assert watched.broker.blocked_reason is None
    watched.read(1)
    assert watched.broker.blocked_reason == "low on memory"


def test_a_busy_broker_is_looked_at_ten_times_a_second() -> None:
    watched = Watched()
    for _ in range(1_000):
        watched.read(10)
        watched.ticker.advance(0.001)
    assert 9 <= watched.looks <= 10


def test_a_look_that_takes_long_is_taken_less_often() -> None:
    watched = Watched(look_takes_s=0.05)
    for _ in range(10_000):
        watched.read(10)
        watched.ticker.advance(0.001)
    assert watched.looks * 0.05 <= 10.0 / 15


def test_an_idle_broker_has_no_timer() -> None:
    watched = Watched()
    watched.read()
    watched.ticker.advance(1.0)
    assert (watched.looks, watched.ticker.deadlines) == (1, [])
    watched.read()
    watched.ticker.advance(1.0)
    assert (watched.looks, watched.ticker.deadlines) == (2, [])


def test_an_alarm_ends_by_itself_though_nothing_is_read() -> None:
    watched = Watched()
    watched.used_bytes = 2_000
    watched.alarms.look()
    watched.ticker.advance(5.0)
    assert watched.broker.blocked_reason == "low on memory"
    watched.used_bytes = 0
    watched.ticker.advance(ALARM_LOOK_S)
    assert watched.broker.blocked_reason is None
    watched.ticker.advance(1.0)
    assert watched.ticker.deadlines == []


# Disk


def test_the_disk_alarm_comes_below_the_limit_and_goes_at_it() -> None:
    watched = Watched()
    seen = []
    for free_bytes in (5_000, 4_999, 4_999, 5_000):
        watched.free_bytes = free_bytes
        watched.alarms.look()
        seen.append(watched.broker.blocked_reason)
    assert seen == [None, "low on disk", "low on disk", None]


def test_the_disk_is_looked_at_once_a_second_while_anything_is_read() -> None:
    watched = Watched()
    watched.alarms.look()
    watched.free_bytes = 0
    for _ in range(120):
        watched.ticker.advance(0.01)
        watched.read()
    assert (watched.disk_looks, watched.broker.blocked_reason) == (2, "low on disk")
    watched.free_bytes = 9_000
    watched.ticker.advance(DISK_LOOK_S + ALARM_LOOK_S)
    assert watched.broker.blocked_reason is None


def test_a_flood_looks_at_the_disk_too() -> None:
    watched = Watched()
    watched.read()
    watched.free_bytes = 0
    watched.read(ALARM_LOOK_BYTES)
    assert watched.broker.blocked_reason == "low on disk"


def test_a_disk_that_cannot_be_asked_is_taken_for_full(caplog: pytest.LogCaptureFixture) -> None:
    watched = Watched()
    watched.free_bytes = OSError(5, "Input/output error")
    watched.alarms.look()
    watched.alarms.look()
    assert watched.broker.blocked_reason == "low on disk"
    errors = [record.message for record in caplog.records if record.levelname == "ERROR"]
    assert errors == ["the disk does not say what it has free: [Errno 5] Input/output error"]


def test_a_broker_in_memory_has_no_disk() -> None:
    watched = Watched()
    watched.alarms._free_bytes = None
    watched.free_bytes = 0
    watched.alarms.look()
    assert watched.broker.blocked_reason is None


def test_both_are_named_and_both_must_go() -> None:
    watched = Watched()
    watched.used_bytes, watched.free_bytes = 2_000, 0
    watched.alarms.look()
    assert watched.broker.blocked_reason == "low on disk & memory"
    watched.used_bytes = 0
    watched.alarms.look()
    assert watched.broker.blocked_reason == "low on disk"


def test_the_log_says_how_much_as_rabbitmq_does(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level("INFO")
    watched = Watched()
    watched.used_bytes, watched.free_bytes = 2_000, 7
    watched.alarms.look()
    assert [record.message for record in caplog.records if record.levelname == "INFO"] == [
        "vm_memory_high_watermark set. Memory used:2000 allowed:1000",
        "Free disk space is insufficient. Free bytes: 7. Limit: 5000",
    ]
