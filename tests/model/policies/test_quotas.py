"""Connections and channels are counted, and refused where there are enough: RabbitMQ 3.10.8's words."""

from random import Random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.errors import AMQPError
from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.policies.quotas import Quotas
from amqpbroker.model.policies.validation import InvalidParameterError
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.profiles import PROFILES


@pytest.fixture
def vhost() -> VirtualHost:
    return VirtualHost("test", PROFILES["4.2"], Random(0).randbytes, HandClock())


@pytest.fixture
def quotas() -> Quotas:
    return Quotas(PROFILES["4.2"])


def enter(quotas: Quotas, vhost: VirtualHost, user: str) -> None:
    """A new connection of a user, if there is room for it."""
    quotas.check_connection(vhost, user)
    quotas.open_connection(vhost, user)


def test_a_virtual_host_has_room_again_when_somebody_has_gone(quotas: Quotas, vhost: VirtualHost) -> None:
    vhost.parameters.set_limit("max-connections", 1)
    enter(quotas, vhost, "anna")
    with pytest.raises(AMQPError) as refused:
        enter(quotas, vhost, "bert")
    assert refused.value.text == (
        "NOT_ALLOWED - access to vhost 'test' refused for user 'bert': connection limit (1) is reached"
    )
    quotas.close_connection(vhost, "anna")
    enter(quotas, vhost, "bert")


def test_a_user_has_so_many_connections(quotas: Quotas, vhost: VirtualHost) -> None:
    quotas.set_user_limits("anna", {"max-connections": 1})
    enter(quotas, vhost, "anna")
    enter(quotas, vhost, "bert")
    with pytest.raises(AMQPError) as refused:
        enter(quotas, vhost, "anna")
    assert refused.value.text == (
        "NOT_ALLOWED - connection refused for user 'anna': user connection limit (1) is reached"
    )


def test_the_virtual_host_is_asked_before_the_user(quotas: Quotas, vhost: VirtualHost) -> None:
    vhost.parameters.set_limit("max-connections", 0)
    quotas.set_user_limits("anna", {"max-connections": 0})
    with pytest.raises(AMQPError, match="access to vhost 'test'"):
        enter(quotas, vhost, "anna")


@pytest.mark.parametrize(("series", "shown"), [("3.13", "(2)"), ("4.2", "2"), ("4.3", "2")])
def test_a_user_has_so_many_channels_on_all_connections(series: str, shown: str) -> None:
    quotas = Quotas(PROFILES[series])
    quotas.set_user_limits("anna", {"max-channels": 2})
    quotas.open_channel("anna")
    quotas.open_channel("anna")
    with pytest.raises(AMQPError) as refused:
        quotas.open_channel("anna")
    reached = "number of channels opened for user 'anna' has reached the maximum allowed user limit of"
    assert (refused.value.text, refused.value.method_id) == (f"NOT_ALLOWED - {reached} {shown}", (0, 0))
    quotas.close_channel("anna")
    quotas.open_channel("anna")


def test_below_0_there_is_no_limit(quotas: Quotas, vhost: VirtualHost) -> None:
    vhost.parameters.set_limit("max-connections", -1)
    quotas.set_user_limits("anna", {"max-connections": -1, "max-channels": -1})
    enter(quotas, vhost, "anna")
    quotas.open_channel("anna")
    assert (quotas.connections_of["anna"], quotas.channels_of["anna"]) == (1, 1)


@pytest.mark.parametrize(
    ("limits", "reason"),
    [
        ({"nonsense": 2}, 'Unrecognised terms [{<<"nonsense">>,2}] in user-limits'),
        ({"max-channels": "x"}, 'max-channels should be a number, actually was <<"x">>'),
        (1, "user-limits not a list 1"),
    ],
)
def test_limits_that_are_refused(quotas: Quotas, limits: object, reason: str) -> None:
    with pytest.raises(InvalidParameterError) as refused:
        quotas.set_user_limits("anna", limits)
    assert refused.value.reason == reason


def test_limits_are_added_and_cleared_one_by_one_or_all(quotas: Quotas) -> None:
    quotas.set_user_limits("anna", {"max-connections": 1})
    quotas.set_user_limits("anna", {"max-channels": 2})
    assert quotas.user_limits() == {"anna": {"max-connections": 1, "max-channels": 2}}
    quotas.clear_user_limit("anna", "max-channels")
    assert quotas.user_limits() == {"anna": {"max-connections": 1}}
    quotas.clear_user_limit("anna", "all")
    assert quotas.user_limits() == {}


@given(st.lists(st.tuples(st.sampled_from("ab"), st.booleans()), max_size=30))
def test_never_more_than_allowed_and_nothing_is_left_behind(steps: list[tuple[str, bool]]) -> None:
    quotas = Quotas(PROFILES["4.2"])
    vhost = VirtualHost("test", PROFILES["4.2"], Random(0).randbytes, HandClock())
    vhost.parameters.set_limit("max-connections", 3)
    quotas.set_user_limits("a", {"max-connections": 2})
    present: list[str] = []
    for user, comes in steps:
        if comes:
            try:
                enter(quotas, vhost, user)
            except AMQPError:
                assert len(present) == 3 or present.count("a") == 2
            else:
                present.append(user)
        elif user in present:
            present.remove(user)
            quotas.close_connection(vhost, user)
        assert quotas.connections_in["test"] == len(present) <= 3
        assert quotas.connections_of["a"] == present.count("a") <= 2
    for user in present:
        quotas.close_connection(vhost, user)
    assert not quotas.connections_in
    assert not quotas.connections_of
