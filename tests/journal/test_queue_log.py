"""What the log knows of one queue: what is settled, and how far messages may have been handed out."""

from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.journal.queue_log import NOTHING, QueueLog
from amqpbroker.model.consumer import ChannelBudget, Consumer
from tests.helpers.durable import DurableServer, acks, flagged, marks, numbered, there
from tests.helpers.outlet import Outlet

FIRST_LEASE, LONGEST_LEASE = 16, 8_192


def with_backlog(count: int) -> DurableServer:
    """A queue with so many messages, all on disk."""
    server = DurableServer()
    server.put(numbered(count))
    server.commit()
    return server


def log_of(server: DurableServer) -> QueueLog:
    log = server.queue().log
    assert isinstance(log, QueueLog)
    return log


def subscribe(server: DurableServer, prefetch: int = 0, *, no_ack: bool = False) -> tuple[Outlet, Consumer]:
    outlet = Outlet()
    queue = server.queue()
    consumer = Consumer("ctag", queue, outlet, ChannelBudget(), number=1, no_ack=no_ack, prefetch=prefetch)
    queue.add_consumer(consumer)
    queue.drain()
    return outlet, consumer


def numbers(first: int, last: int) -> list[str]:
    return [str(number) for number in range(first, last + 1)]


# Settling


def test_acknowledgements_of_a_turn_are_one_record_of_runs() -> None:
    server = with_backlog(20)
    for position in (3, 4, 5, 9, 1, 2, 10, 15):
        log_of(server).settle((position,))
    server.finish_turn()
    assert server.in_flight is not None
    assert acks(server.in_flight) == {log_of(server).id: [(1, 6), (9, 11), (15, 16)]}


def test_what_was_never_recorded_or_is_settled_already_is_not_recorded() -> None:
    server = with_backlog(3)
    log_of(server).settle((1,))
    server.commit()
    log_of(server).settle((1, 77))
    server.finish_turn()
    assert server.in_flight is None


@given(st.sets(st.integers(1, 30)), st.sets(st.integers(1, 30)))
def test_what_is_settled_in_any_order_is_gone_after_a_restart_and_nothing_else(
    first: set[int], second: set[int]
) -> None:
    server = with_backlog(30)
    log_of(server).settle(list(first))
    server.commit()
    log_of(server).settle(sorted(second, reverse=True))
    server.commit()
    left = [str(number) for number in range(1, 31) if number not in first | second]
    assert there(server.after_a_power_cut().queue()) == left


# Handing out


def test_what_is_recorded_in_the_same_turn_may_go_out_at_once() -> None:
    server = DurableServer()
    server.put(numbered(5))
    assert log_of(server).allowance(server.queue().head) >= NOTHING
    server.finish_turn()
    assert log_of(server).allowance(server.queue().head) <= 0


def test_the_mark_goes_to_disk_with_the_message_that_is_handed_out() -> None:
    server = DurableServer()
    server.queue()
    server.commit()
    outlet, _ = subscribe(server)
    server.put(numbered(1))
    assert outlet.bodies == ["1"]
    server.finish_turn()
    assert server.in_flight is not None
    assert marks(server.in_flight) == {log_of(server).id: (2 + FIRST_LEASE, [])}


def test_of_a_backlog_nothing_is_handed_out_before_the_mark_is_on_disk() -> None:
    server = with_backlog(100)
    outlet, _ = subscribe(server)
    assert outlet.bodies == []
    assert log_of(server).mark == 1 + FIRST_LEASE
    server.finish_turn()
    assert outlet.bodies == []
    server.commit_one()
    assert outlet.bodies == numbers(1, FIRST_LEASE)
    server.commit()
    assert outlet.bodies == numbers(1, 100)


def test_a_lease_doubles_each_time_up_to_a_bound() -> None:
    server = with_backlog(100_000)
    log, leases = log_of(server), []
    end = 1
    for _ in range(12):
        log.handed_out(end)
        leases.append(log.mark - end)
        assert end <= log.renew_at < log.mark
        end = log.renew_at + 1
    assert leases == [min(FIRST_LEASE << step, LONGEST_LEASE) for step in range(12)]


def test_a_busy_consumer_is_not_kept_waiting_at_the_end_of_each_lease() -> None:
    server = with_backlog(5_000)
    outlet, consumer = subscribe(server, prefetch=8)
    server.commit()
    given_out = 0
    while given_out < 5_000 - 8:
        count = len(outlet.deliveries) - given_out
        assert count > 0
        given_out += count
        server.queue().settle(consumer, count)
        server.queue().drain()
        server.commit()
    assert outlet.bodies == numbers(1, 5_000)


def test_a_queue_that_waits_is_drained_once_however_often_it_asked() -> None:
    server = with_backlog(3)
    outlet, _ = subscribe(server)
    for _ in range(3):
        server.queue().drain()
    server.commit()
    assert outlet.bodies == numbers(1, 3)


def test_a_consumer_that_is_gone_when_the_mark_is_on_disk_gets_nothing() -> None:
    server = with_backlog(3)
    outlet, consumer = subscribe(server)
    server.queue().remove_consumer(consumer)
    server.commit()
    assert outlet.bodies == []
    assert there(server.queue()) == numbers(1, 3)


# After a restart


def test_after_a_crash_what_is_below_the_mark_is_flagged() -> None:
    server = with_backlog(100)
    subscribe(server, prefetch=3)
    server.commit()
    mark = log_of(server).mark
    assert 3 < mark < 50
    assert flagged(server.after_a_power_cut().queue()) == numbers(1, mark - 1)


def test_after_a_stop_exactly_what_clients_had_is_flagged() -> None:
    server = with_backlog(100)
    _, _ = subscribe(server, prefetch=5)
    server.commit()
    queue = server.queue()
    log_of(server).settle((1, 3))
    queue.requeue([(position, numbered(1, position)[0]) for position in (2, 4, 5)])
    again = server.after_a_stop()
    assert flagged(again.queue()) == ["2", "4", "5"]
    assert there(again.queue()) == ["2", *numbers(4, 100)]


def test_a_queue_that_nobody_touched_flags_nothing() -> None:
    server = with_backlog(3).after_a_stop()
    assert flagged(server.queue()) == []
    assert flagged(server.after_a_kill().queue()) == []


def test_the_mark_never_goes_back() -> None:
    server = with_backlog(200)
    outlet, _ = subscribe(server)
    server.commit()
    assert len(outlet.deliveries) == 200
    server = server.after_a_kill()
    assert flagged(server.queue()) == numbers(1, 200)
    subscribe(server, prefetch=1)
    server.commit()
    assert flagged(server.after_a_kill().queue()) == numbers(1, 200)


def test_what_was_flagged_stays_so_over_any_number_of_stops() -> None:
    server = with_backlog(10)
    subscribe(server, prefetch=4)
    server.commit()
    server.queue().requeue([(position, numbered(1, position)[0]) for position in range(1, 5)])
    for _ in range(3):
        server = server.after_a_stop()
        assert flagged(server.queue()) == numbers(1, 4)
    server = server.after_a_kill()
    assert set(flagged(server.queue())) >= set(numbers(1, 4))


def test_what_was_flagged_and_is_acknowledged_is_no_longer_carried_along() -> None:
    server = with_backlog(10)
    subscribe(server, prefetch=4)
    server.commit()
    server.queue().requeue([(position, numbered(1, position)[0]) for position in range(1, 5)])
    server = server.after_a_stop()
    log_of(server).settle((2, 3))
    assert log_of(server).still_flagged() == [(1, 2), (4, 5)]


def test_after_a_stop_the_first_hand_out_waits_for_its_mark_again() -> None:
    server = with_backlog(3).after_a_stop()
    outlet, _ = subscribe(server)
    assert outlet.bodies == []
    server.commit()
    assert outlet.bodies == numbers(1, 3)
    assert flagged(server.after_a_kill().queue()) == numbers(1, 3)


@given(st.lists(st.tuples(st.integers(1, 40), st.booleans(), st.booleans()), max_size=6))
def test_nothing_that_was_handed_out_ever_comes_back_without_a_flag(
    lives: list[tuple[int, bool, bool]],
) -> None:
    """lives: (prefetch, whether the last commit was written, whether it stopped in peace) of each process."""
    server = with_backlog(120)
    seen: set[str] = set()
    for prefetch, written, stops in lives:
        outlet, _ = subscribe(server, prefetch)
        server.commit()
        if not written:
            server.put(numbered(1, 1_000))
            server.finish_turn()
        seen |= set(outlet.bodies)
        if stops:
            queue = server.queue()
            queue.requeue([(position, numbered(1, int(body))[0]) for _, position, body, _ in outlet.deliveries])
        server = server.after_a_stop() if stops else server.after_a_power_cut()
        assert set(there(server.queue())) >= set(numbers(1, 120))
        assert seen <= set(flagged(server.queue()))
