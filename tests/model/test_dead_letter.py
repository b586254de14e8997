"""Dead letters: what is written into them, where they go, and that each is there once, whatever happens."""

from collections.abc import Callable
from contextlib import suppress
from typing import Any

import pytest

from amqpbroker.model.binding import Binding, Destination
from amqpbroker.model.dead_letter import EXPIRED, REJECTED, TOO_LONG
from amqpbroker.model.exchanges import EXCHANGE_TYPES
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.message import DIED, EXPIRES, Message
from amqpbroker.model.queue import Queue
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.wire import properties
from amqpbroker.wire.tables import Table, from_python, text
from tests.helpers.durable import DurableServer
from tests.helpers.hosts import TO_DEAD, clock_of, deaths, declare, headers_of, host, message, put, taken, waiting
from tests.helpers.simulated_disk import PowerLost

ALIKE = [message(number) for number in "123"]
OF_ALL_KINDS = [
    message("1"),
    message("2", mode=2, priority=3),
    message("3", expiration=9_000),
    message("4", headers=from_python({"colour": "red"}).value, expiration=9_000),
    message("5", headers=from_python({"CC": ["elsewhere"]}).value),
    message("6", key="other"),
    message("7", headers={}),
    *ALIKE,
]


def with_dead(profile: str = "4.2", /, **arguments: Any) -> tuple[VirtualHost, Queue]:
    vhost = host(profile)
    declare(vhost, "dead")
    return vhost, declare(vhost, **(TO_DEAD | arguments))


def dead_letters(vhost: VirtualHost) -> list[Message]:
    return [one for _, one, _ in vhost.queues["dead"].messages()]


# In runs: those that are alike are laid once, and each is what it would be alone


@pytest.mark.parametrize("reason", [REJECTED, EXPIRED])
@pytest.mark.parametrize("arguments", [{}, {"x_message_ttl": 60_000}])
def test_together_they_are_what_each_would_be_alone(reason: str, arguments: dict[str, Any]) -> None:
    vhost, queue = with_dead(**arguments)
    vhost.dead_letters.add(queue, reason, OF_ALL_KINDS)
    alone = []
    for one in OF_ALL_KINDS:
        other, its_queue = with_dead(**arguments)
        other.dead_letters.add(its_queue, reason, [one])
        alone += dead_letters(other)
    assert dead_letters(vhost) == alone
    assert len(alone) == len(OF_ALL_KINDS)
    assert not any(properties.expiration(header) or flags & EXPIRES for _, header, _, flags in alone)


def test_one_that_dies_again_is_counted_though_others_of_the_run_are_new() -> None:
    vhost, queue = with_dead()
    vhost.dead_letters.add(queue, REJECTED, ALIKE[:1])
    (died,) = dead_letters(vhost)
    vhost.dead_letters.add(queue, REJECTED, [ALIKE[1], died, ALIKE[2]])
    assert [deaths(one) for one in dead_letters(vhost)[1:]] == [[("tasks", "rejected", count)] for count in (1, 2, 1)]


def test_the_time_of_a_death_is_its_own() -> None:
    vhost, queue = with_dead()
    for one in ALIKE:
        vhost.dead_letters.add(queue, REJECTED, [one])
        clock_of(vhost).advance(1)
    headers = [properties.headers(one[1]) or {} for one in dead_letters(vhost)]
    times = [table["x-death"].value[0].value["time"].value for table in headers]
    assert times == [times[0], times[0] + 1, times[0] + 2]


def test_a_binding_that_comes_counts_for_those_that_die_then() -> None:
    vhost, queue = with_dead(x_dead_letter_exchange="graves")
    vhost.add_exchange(EXCHANGE_TYPES["direct"]("graves", False, False, False, {}))
    vhost.dead_letters.add(queue, REJECTED, ALIKE[:1])
    vhost.bind(Binding("graves", Destination("queue", "dead"), "dead", {}))
    vhost.dead_letters.add(queue, REJECTED, ALIKE[1:])
    assert waiting(vhost, "dead") == "2 3"


def test_by_their_headers_each_of_a_run_goes_its_own_way() -> None:
    vhost, queue = with_dead(x_dead_letter_exchange="graves")
    vhost.add_exchange(EXCHANGE_TYPES["headers"]("graves", False, False, False, {}))
    red = from_python({"colour": "red"}).value
    vhost.bind(Binding("graves", Destination("queue", "dead"), "", red))
    run = [message("1", headers=red), message("2"), message("3", headers=red)]
    vhost.dead_letters.add(queue, REJECTED, run)
    assert waiting(vhost, "dead") == "1 3"


# What is written


def reject(queue: Queue, count: int = 1) -> None:
    """A client gets so many messages and rejects them together."""
    held = [taken(queue) for _ in range(count)]
    queue.discard([(position, one, 1) for position, one in held])


def shown(table: Table) -> dict[str, object]:
    return {name: text(field) if field.kind == "S" else field.value for name, field in table.items()}


@pytest.mark.parametrize(
    ("profile", "order"),
    [
        ("3.13", ["count", "reason", "queue", "time", "exchange", "routing-keys", "original-expiration"]),
        ("4.2", ["original-expiration", "count", "reason", "queue", "time", "exchange", "routing-keys"]),
    ],
)
def test_a_death_says_where_why_when_and_how_it_had_come_there(profile: str, order: list[str]) -> None:
    vhost, queue = with_dead(profile)
    put(vhost, 1, expiration=60_000)
    reject(queue)
    (entry,) = headers_of(dead_letters(vhost)[0])["x-death"].value
    assert list(entry.value) == order
    keys = entry.value.pop("routing-keys")
    assert [text(key) for key in keys.value] == ["tasks"]
    assert shown(entry.value) == {
        "count": 1,
        "reason": "rejected",
        "queue": "tasks",
        "time": vhost.clock.unix_ms() // 1_000,
        "exchange": "",
        "original-expiration": "60000",
    }


def test_the_first_death_is_kept_and_the_last_is_written_since_4_0() -> None:
    for profile, has_last in (("3.13", False), ("4.2", True)):
        vhost, queue = with_dead(profile, x_dead_letter_routing_key="second")
        second = declare(vhost, "second", **TO_DEAD)
        put(vhost, 1)
        reject(queue)
        clock_of(vhost).advance(1)
        reject(second)
        headers = headers_of(dead_letters(vhost)[0])
        assert deaths(dead_letters(vhost)[0]) == [("second", "rejected", 1), ("tasks", "rejected", 1)]
        assert text(headers["x-first-death-queue"]) == "tasks"
        assert ("x-last-death-queue" in headers) == has_last
        assert list(headers) == sorted(headers)


def test_what_died_there_before_is_counted_and_keeps_the_time_of_the_first() -> None:
    vhost, queue = with_dead(x_dead_letter_routing_key="tasks")
    put(vhost, 1)
    began_s = vhost.clock.unix_ms() // 1_000
    for count in (1, 2, 3):
        reject(queue)
        clock_of(vhost).advance(1)
        ((_, one, was_out),) = queue.messages()
        assert (deaths(one), was_out) == ([("tasks", "rejected", count)], False)
    assert headers_of(one)["x-death"].value[0].value["time"].value == began_s


@pytest.mark.parametrize(
    ("profile", "expected"),
    [("3.13", [("tasks", "rejected", 1), ("x", "expired", 7)]), ("4.2", [("tasks", "rejected", 1)])],
)
def test_an_x_death_that_a_client_has_published_is_none_since_4_0(
    profile: str, expected: list[tuple[str, str, int]]
) -> None:
    vhost, queue = with_dead(profile)
    forged = from_python({"x-death": [{"queue": "x", "reason": "expired", "count": 7}]}).value
    put(vhost, 1, headers=forged)
    reject(queue)
    assert deaths(dead_letters(vhost)[0]) == expected


def test_all_but_the_expiration_is_kept_and_the_body_is_not_touched() -> None:
    vhost, queue = with_dead()
    put(vhost, "body", mode=2, priority=3, expiration=60_000)
    reject(queue)
    ((address, header, body, flags),) = dead_letters(vhost)
    values = properties.decode(header)
    assert (values.delivery_mode, values.priority, values.expiration, body) == (2, 3, None, b"body")
    assert flags & ~DIED == message("", mode=2, priority=3)[3]
    assert address == b"\0\4dead"


@pytest.mark.parametrize(("profile", "stays"), [("3.13", False), ("4.2", True)])
def test_a_key_of_the_queues_own_takes_the_place_of_all_others(profile: str, stays: bool) -> None:
    vhost, queue = with_dead(profile)
    declare(vhost, "copy")
    put(vhost, 1, headers=from_python({"CC": ["copy"]}).value)
    reject(queue)
    assert waiting(vhost, "copy") == ""
    assert ("CC" in headers_of(dead_letters(vhost)[0])) == stays


def test_without_one_it_goes_by_the_keys_it_had() -> None:
    vhost = host()
    vhost.add_exchange(EXCHANGE_TYPES["direct"]("graves", False, False, False, {}))
    queue = declare(vhost, x_dead_letter_exchange="graves")
    for key in ("tasks", "copy"):
        declare(vhost, f"of {key}")
        vhost.bind(Binding("graves", Destination("queue", f"of {key}"), key, {}))
    put(vhost, 1, headers=from_python({"CC": ["copy"]}).value)
    reject(queue)
    assert (waiting(vhost, "of tasks"), waiting(vhost, "of copy")) == ("1", "1")


# Where they go


@pytest.mark.parametrize("exchange", ["missing", "amq.direct"])
def test_without_anywhere_to_go_they_are_gone(exchange: str) -> None:
    vhost, queue = with_dead(x_dead_letter_exchange=exchange)
    put(vhost, 1)
    reject(queue)
    assert (queue.message_count, queue.unacked, waiting(vhost, "dead")) == (0, 0, "")


def test_a_full_queue_that_refuses_does_not_take_them_and_another_drops_its_head() -> None:
    for overflow, expected in (("reject-publish", "1"), ("drop-head", "3")):
        vhost = host()
        declare(vhost, "dead", x_max_length=1, x_overflow=overflow)
        queue = declare(vhost, **TO_DEAD)
        put(vhost, 1, 2, 3)
        reject(queue, 3)
        assert waiting(vhost, "dead") == expected


def test_those_that_die_together_keep_their_order() -> None:
    vhost, queue = with_dead()
    put(vhost, *range(20))
    reject(queue, 20)
    assert waiting(vhost, "dead").split() == [str(number) for number in range(20)]


def test_nothing_of_a_queue_that_is_purged_or_deleted_is_a_dead_letter() -> None:
    vhost, queue = with_dead()
    put(vhost, 1, 2)
    held = taken(queue)
    queue.purge()
    vhost.delete_queue(queue)
    queue.discard([(*held, 1)])
    assert waiting(vhost, "dead") == ""


def test_a_message_is_in_all_its_queues_before_what_it_pushes_out_of_one() -> None:
    vhost = host()
    declare(vhost, "full", x_max_length=1, x_dead_letter_exchange="", x_dead_letter_routing_key="all")
    declare(vhost, "all")
    for number in (1, 2):
        vhost.put([vhost.queues["full"], vhost.queues["all"]], [message(number)])
    assert waiting(vhost, "all") == "1 2 1"


def test_a_chain_of_queues_is_no_recursion() -> None:
    vhost = host()
    count = 200
    for number in range(count):
        declare(
            vhost, f"q{number}", x_max_length=0, x_dead_letter_exchange="", x_dead_letter_routing_key=f"q{number + 1}"
        )
    declare(vhost, f"q{count}")
    put(vhost, "body", name="q0")
    assert len(deaths(vhost.queues[f"q{count}"].messages()[0][1])) == count


# Cycles


def in_a_circle(vhost: VirtualHost, *names: str, **arguments: Any) -> None:
    for name, following in zip(names, (*names[1:], names[0]), strict=True):
        declare(vhost, name, x_dead_letter_exchange="", x_dead_letter_routing_key=following, **arguments)


@pytest.mark.parametrize("names", [("tasks",), ("tasks", "second"), ("tasks", "second", "third")])
def test_a_circle_in_which_nobody_rejects_ends(names: tuple[str, ...], caplog: pytest.LogCaptureFixture) -> None:
    vhost = host()
    in_a_circle(vhost, *names, x_message_ttl=1_000)
    for _ in range(3):
        put(vhost, 1)
        clock_of(vhost).advance(60)
    assert [waiting(vhost, name) for name in names] == [""] * len(names)
    assert len(caplog.records) == 1


def test_a_circle_in_which_a_client_rejects_goes_on() -> None:
    vhost = host()
    declare(vhost, "wait", x_message_ttl=1_000, x_dead_letter_exchange="", x_dead_letter_routing_key="tasks")
    queue = declare(vhost, x_dead_letter_exchange="", x_dead_letter_routing_key="wait")
    put(vhost, 1)
    for _ in range(5):
        reject(queue)
        clock_of(vhost).advance(1)
    (one,) = [one for _, one, _ in queue.messages()]
    assert deaths(one) == [("wait", "expired", 5), ("tasks", "rejected", 5)]


def test_what_ends_in_one_queue_goes_on_to_the_others() -> None:
    vhost = host()
    declare(vhost, "other")
    declare(vhost, x_message_ttl=1_000, x_dead_letter_exchange="amq.fanout")
    for name in ("tasks", "other"):
        vhost.bind(Binding("amq.fanout", Destination("queue", name), "", {}))
    put(vhost, 1)
    clock_of(vhost).advance(5)
    assert (waiting(vhost), waiting(vhost, "other")) == ("", "1")


# A death is one commit


def by_rejection(server: DurableServer) -> None:
    reject(server.vhost.queues["tasks"], 3)


def by_expiry(server: DurableServer) -> None:
    server.clock.advance(1)


def by_a_limit(server: DurableServer) -> None:
    tasks = server.vhost.queues["tasks"]
    assert tasks.rules is not None
    tasks.rules.dead_letter(TOO_LONG, tasks.drop(3))


@pytest.mark.parametrize("levels", [{}, {"x_max_priority": 3}])
@pytest.mark.parametrize("dying", [by_rejection, by_expiry, by_a_limit])
def test_wherever_the_power_is_cut_a_message_is_there_once(
    dying: Callable[[DurableServer], None], levels: dict[str, Any]
) -> None:
    ends = set()
    began_s = HandClock().seconds
    for call in range(1, 40):
        server = DurableServer(segment_bytes=4_096)
        declare(server.vhost, "dead", durable=True, **levels)
        declare(server.vhost, durable=True, **TO_DEAD, **levels)
        # So much that the commit of their deaths begins another segment.
        put(server.vhost, *(number.ljust(500) for number in "123"), mode=2, expiration=1_000)
        put(server.vhost, 4, 5, mode=2)
        server.commit()
        lost: list[int] = []
        end_of_power(server, call, lost)
        dying(server)
        with suppress(PowerLost):
            server.commit()
        server.disk.before = None
        # What is left in the queue has not expired since.
        server.clock.seconds = began_s
        again = server.after_a_power_cut()
        left, died = waiting(again.vhost).split(), waiting(again.vhost, "dead").split()
        assert sorted(left + died) == list("12345"), call
        ends.add(len(died))
        if not lost:
            assert (ends, died, call > 3) == ({0, 3}, ["1", "2", "3"], True)
            return
    raise AssertionError("a commit takes more calls than it should")


def end_of_power(server: DurableServer, call: int, lost: list[int]) -> None:
    """The power goes at this call of the disk from now on, which is then noted."""
    last = server.disk.calls + call

    def count(number: int, *_: object) -> None:
        if number == last:
            lost.append(number)
            raise PowerLost

    server.disk.before = count
