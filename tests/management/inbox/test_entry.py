"""What is noted of one message."""

from amqpbroker.management.inbox.entry import BODY_FRONT_BYTES, BODY_MAX_BYTES, Entry, key_of
from amqpbroker.model.message import Message, address_of


def entry(body: bytes = b"body", *queues: str) -> Entry:
    message: Message = (address_of("", "tasks"), b"header", body, 0)
    found = Entry(1, 0, "/", 0, None, message)
    found.states = dict.fromkeys(queues, "ready")
    return found


def test_it_becomes_what_was_seen_until_nothing_more_can_become_of_it() -> None:
    one = entry(b"body", "tasks")
    assert [one.becomes("tasks", state) for state in ("unacked", "unacked", "ready", "acked", "ready")] == [
        True,
        False,
        True,
        True,
        False,
    ]
    assert one.states == {"tasks": "acked"}


def test_in_a_queue_that_it_never_reached_nothing_becomes_of_it() -> None:
    one = entry(b"body", "tasks")
    assert not one.becomes("other", "acked")
    assert one.becomes("tasks", "dead", "expired")
    assert (one.states, one.reasons) == ({"tasks": "dead"}, {"tasks": "expired"})


def test_the_same_octets_are_known_again_in_another_tuple() -> None:
    one = entry(b"body")
    address, header, body, flags = one.message
    assert key_of((address, header, body, flags + 8)) == one.key
    assert key_of((address, header, bytes(bytearray(body)), flags)) != one.key


def test_of_short_octets_which_many_share_the_tuple_is_what_is_known() -> None:
    one = entry(b"")
    assert key_of((*one.message[:3], 0)) != one.key == key_of(one.message)


def test_of_a_large_body_the_front_is_kept_and_not_followed() -> None:
    small, large = entry(bytes(BODY_MAX_BYTES)), entry(bytes(BODY_MAX_BYTES + 1))
    assert (small.can_be_followed, large.can_be_followed) == (True, False)
    assert (len(large.message[2]), large.body_size_bytes) == (BODY_FRONT_BYTES, BODY_MAX_BYTES + 1)
    assert large.size_bytes < small.size_bytes
