"""Octets no client should send: RabbitMQ's very answer, whatever pieces they come in, and nobody else is disturbed."""

import random
from collections.abc import Callable, Iterator

import pytest

from interop_tests.raw import bad_input, codec, errors, expected, states
from interop_tests.raw.client import DROPPED, Client
from interop_tests.raw.provocation import Provocation, observe, observe_all

# A few of every kind, by file; each is replayed cut to pieces.
CUT = {
    "bad_input.yaml": (
        "header-0-9-2",
        "heartbeat-before-start-ok",
        "open-unknown-virtual-host",
        "end-octet-zero",
        "heartbeat-on-channel",
        "heartbeat-in-content",
        "method-where-body-is-due",
        "body-empty-frame-between",
        "header-octets-left-over",
        "table-type-unknown",
        "table-type-d",
        "truncated-queue.declare",
        "left-over-basic.qos",
        "not-utf-8-binding-key",
        "publish-on-closed-channel",
    ),
    "errors.yaml": (
        "queue-inequiv-arg-added",
        "unknown-delivery-tag-double-ack",
        "exchange-delete-in-use",
        "commands-after-channel-error",
        "unroutable-mandatory",
        "confirm-select-twice",
        "login-refused",
    ),
    "states.yaml": (
        "open awaited: basic.publish",
        "connection open, channel closed by the client: basic.deliver",
        "channel open, queue declared: basic.get",
        "connection.close-ok received: connection.close",
    ),
}
CASES = {"bad_input.yaml": bad_input.CASES, "errors.yaml": errors.PROVOCATIONS, "states.yaml": states.PROVOCATIONS}

# Where a 3.x broker is not followed, and why.
OURS_ALONE = {
    "header-0-8": "AMQP 0-8, which 4.x does not speak either, is another protocol",
    "header-0-8-as-on-the-web-site": "AMQP 0-8, which 4.x does not speak either, is another protocol",
    "body-size-2-to-63": "a body that is too large is refused when its size is announced, not waited for",
    "body-size-over-512-mib": "a body that is too large is refused when its size is announced, not waited for",
}


class Witness:
    """A connection that was there before, with a queue of its own."""

    def __init__(self, client: Client) -> None:
        self.client = client.open().open_channel()
        self.queue = str(client.call(1, "queue.declare", exclusive=True)["queue"])

    def publish_and_get(self, octets: bytes) -> bytes:
        """A message that goes to the queue and comes back."""
        self.client.send(codec.publish(1, octets, routing_key=self.queue))
        self.client.send_method(1, "basic.get", no_ack=True)
        return self.client.expect_content("basic.get-ok")


@pytest.fixture(scope="module")
def witness(amqp_url: str) -> Iterator[Witness]:
    with Client(amqp_url) as client:
        yield Witness(client)


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest) -> expected.Answers:
    return expected.answers("bad_input.yaml", request.config.getoption("--profile", default=None))


@pytest.fixture(scope="module")
def observed(amqp_url: str, answers: expected.Answers, witness: Witness) -> dict[str, list[str]]:
    """All at the same time: a handshake that goes nowhere is left alone for 10 s."""
    cases = {name: one for name, one in bad_input.CASES.items() if answers[name] is not None}
    return observe_all(amqp_url, {name: (one, answers[name]) for name, one in cases.items()})


@pytest.mark.parametrize("name", bad_input.CASES)
def test_bad_input_is_answered_and_disturbs_no_one(
    name: str,
    observed: dict[str, list[str]],
    answers: expected.Answers,
    witness: Witness,
    request: pytest.FixtureRequest,
) -> None:
    if name in OURS_ALONE and request.config.getoption("--profile") == "3.13" and not _given(request):
        pytest.skip(OURS_ALONE[name])
    if answers[name] is None:
        pytest.skip("what this version answers is not known, or not to be had without AMQP 1.0")
    assert observed[name] == answers[name]
    assert witness.publish_and_get(name.encode()) == name.encode()


def _given(request: pytest.FixtureRequest) -> bool:
    """Whether another broker than ours is asked."""
    return bool(request.config.getoption("--amqpbroker-url"))


@pytest.mark.parametrize("name", bad_input.DEEP_TABLES)
def test_table_of_any_depth_is_taken_or_ends_its_connection(name: str, amqp_url: str, witness: Witness) -> None:
    with Client(amqp_url) as client:
        provocation = bad_input.DEEP_TABLES[name]
        provocation.prepare(client)
        client.send(provocation.octets(client))
        event = client.outcome(bool)[0]
    assert event in ("queue.declare-ok", DROPPED) or event.startswith("connection.close ")
    assert witness.publish_and_get(b"still here") == b"still here"


def _by_octet(octets: bytes) -> list[bytes]:
    return [octets[place : place + 1] for place in range(len(octets))]


def _at_random(seed: int) -> Callable[[bytes], list[bytes]]:
    source = random.Random(seed)

    def cut(octets: bytes) -> list[bytes]:
        places = sorted(source.sample(range(len(octets)), min(len(octets), source.randint(1, 6))))
        return [octets[start:end] for start, end in zip([0, *places], [*places, len(octets)], strict=True)]

    return cut


@pytest.mark.parametrize("cut", [_by_octet, _at_random(1), _at_random(2)], ids=["by-octet", "random-1", "random-2"])
@pytest.mark.parametrize(("file", "name"), [(file, name) for file, names in CUT.items() for name in names])
def test_octets_in_pieces_have_the_same_outcome(
    file: str, name: str, cut: Callable[[bytes], list[bytes]], amqp_url: str, request: pytest.FixtureRequest
) -> None:
    errors.delete_leftovers(amqp_url)
    events = expected.answers(file, request.config.getoption("--profile", default=None))[name]
    provocation: Provocation = CASES[file][name]
    assert observe(amqp_url, provocation, events, cut) == events


def test_every_case_was_recorded() -> None:
    assert list(expected.read("bad_input.yaml")["3.13"]) == list(bad_input.CASES)
