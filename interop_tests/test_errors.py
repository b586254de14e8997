"""Every fault of a program gets RabbitMQ's very answer: scope, code, text, ids, and what lives on after it."""

from collections.abc import Iterator

import pytest

from interop_tests.raw import codec, errors, expected
from interop_tests.raw.client import Client
from interop_tests.raw.provocation import Probe, observe, observe_all

MESSAGE_MAX_BYTES = 16_777_216  # since 4.0; 128 MiB before, which is too much to send here

# What RabbitMQ was recorded to answer and is not provoked here: where it is tested, or which issue brings it.
LEFT_OUT = {
    "access-queue-configure": "permissions: 6",
    "access-exchange-write": "permissions: 6",
    "access-default-exchange-write": "permissions: 6",
    "access-bind-queue-write": "permissions: 6",
    "access-topic-write": "topic permissions: 6",
    "access-topic-read": "topic permissions: 6",
    "vhost-no-access": "users: 6",
    "vhost-queue-limit": "no wire method sets a limit: tests/session/test_queue.py",
    "vhost-deleted": "virtual hosts made and deleted by the HTTP API: 6",
    "user-channel-limit": "no wire method sets a limit: tests/session/test_connection.py",
    "closed-via-ctl": "closing a connection from outside: 6",
    "policy-max-length": "no wire method sets a policy: tests/model/policies/test_parameters.py",
    "operator-policy-min": "no wire method sets a policy: tests/model/policies/test_parameters.py",
    "stream-consume-no-prefetch": "in test_streams.py",
    "stream-consume-noack": "in test_streams.py",
    "stream-get": "in test_streams.py",
    "stream-purge": "in test_streams.py",
    "quorum-global-qos": "in test_consumer_rules.py",
    "quorum-sac-get": "in test_consumer_rules.py",
    "consumer-timeout": "takes a broker of its own: tests/session/test_consumer_timeout.py",
    "consumers-per-channel": "consumer_max_per_channel, off by default: 6",
    "chash-bad-weight": "in test_exchange_types.py",
    "chash-two-args": "in test_exchange_types.py",
    "chash-bad-property": "in test_exchange_types.py",
}


@pytest.fixture(scope="module")
def answers(request: pytest.FixtureRequest) -> expected.Answers:
    return expected.answers("errors.yaml", request.config.getoption("--profile", default=None))


@pytest.fixture(scope="module")
def handshakes(amqp_url: str, answers: expected.Answers) -> dict[str, list[str]]:
    """What came of the faults before connection.open; at the same time, as each is answered with a silence of 3 s."""
    provocations = {name: one for name, one in errors.PROVOCATIONS.items() if one.probe is Probe.NONE}
    return observe_all(amqp_url, {name: (one, answers[name]) for name, one in provocations.items()})


@pytest.fixture
def clean_url(amqp_url: str) -> Iterator[str]:
    errors.delete_leftovers(amqp_url)
    yield amqp_url
    errors.delete_leftovers(amqp_url)


@pytest.mark.parametrize("name", [name for name, one in errors.PROVOCATIONS.items() if one.probe is Probe.NONE])
def test_fault_before_open_is_answered(name: str, handshakes: dict[str, list[str]], answers: expected.Answers) -> None:
    assert handshakes[name] == answers[name]


@pytest.mark.parametrize("name", [name for name, one in errors.PROVOCATIONS.items() if one.probe is not Probe.NONE])
def test_fault_is_answered(name: str, clean_url: str, answers: expected.Answers) -> None:
    assert observe(clean_url, errors.PROVOCATIONS[name], answers[name]) == answers[name]


def test_message_over_the_largest_size_is_refused(amqp_url: str, request: pytest.FixtureRequest) -> None:
    if request.config.getoption("--profile", default=None) == "3.13":
        pytest.skip("128 MiB are too much to send")
    pieces = b"".join(codec.body(1, bytes(131_064)) for _ in range(MESSAGE_MAX_BYTES // 131_064))
    rest = codec.body(1, bytes(MESSAGE_MAX_BYTES + 1 - MESSAGE_MAX_BYTES // 131_064 * 131_064))
    with Client(amqp_url) as client:
        client.open().open_channel()
        client.send(codec.method(1, "basic.publish") + codec.header(1, MESSAGE_MAX_BYTES + 1) + pieces + rest)
        assert client.outcome(bool) == [
            "channel.close 406 (60,40) PRECONDITION_FAILED -"
            " message size 16777217 is larger than configured max size 16777216"
        ]


def test_every_recorded_fault_is_provoked_or_left_out_with_a_reason() -> None:
    assert list(expected.read("errors.yaml")["3.13"]) == list(errors.PROVOCATIONS)
    assert not set(LEFT_OUT) & set(errors.PROVOCATIONS)
