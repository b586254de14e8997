"""What the broker can do, as RabbitMQ lists it."""

import pytest

from amqpbroker.management.api.plugins import applications, exchange_types, mechanisms
from amqpbroker.profiles import PROFILES


def test_the_types_of_the_specification_are_described_as_there() -> None:
    described = {one["name"]: one["description"] for one in exchange_types(PROFILES["4.2"])}
    assert described["topic"] == "AMQP topic exchange, as per the AMQP specification"
    assert list(described) == sorted(described)


@pytest.mark.parametrize(("profile", "is_there"), [("3.13", False), ("4.2", True)])
def test_a_type_is_there_since_its_version(profile: str, is_there: bool) -> None:
    assert ("x-local-random" in {one["name"] for one in exchange_types(PROFILES[profile])}) is is_there


def test_who_looks_for_rabbitmq_finds_the_version_of_the_profile() -> None:
    versions = {one["name"]: one["version"] for one in applications(PROFILES["4.3"])}
    assert versions["rabbit"] == PROFILES["4.3"].version


def test_mechanisms_are_those_that_are_on() -> None:
    assert [one["name"] for one in mechanisms(("PLAIN", "EXTERNAL"))] == ["PLAIN", "EXTERNAL"]
