"""Our own environment variables."""

from pathlib import Path

import pytest

from amqpbroker.server.config import ConfiguredUser, load
from amqpbroker.server.config.environment import value_or_file
from tests.helpers.configuration import refusal


def test_users_may_come_from_a_file(tmp_path: Path):
    path = tmp_path / "users"
    path.write_text("anna:a\nbert:b:monitoring\n")
    users = load({}, {"AMQPBROKER_USERS_FILE": str(path)}).users
    assert users == (ConfiguredUser("anna", "a"), ConfiguredUser("bert", "b", ("monitoring",)))
    assert "given twice" in refusal({}, {"AMQPBROKER_USERS_FILE": str(path), "AMQPBROKER_USERS": "anna:s3cret"})


def test_what_is_not_secret_comes_from_no_file():
    assert "unknown setting AMQPBROKER_PORT_FILE" in refusal({}, {"AMQPBROKER_PORT_FILE": "/dev/null"})


@pytest.mark.parametrize(
    ("content", "value"), [("secret\n", "secret"), ("secret\r\n", "secret"), (" a b ", " a b "), ("", "")]
)
def test_the_end_of_the_line_does_not_count(tmp_path: Path, content: str, value: str):
    (tmp_path / "password").write_bytes(content.encode())
    assert value_or_file({"A_FILE": str(tmp_path / "password")}, "A") == value


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path):
    text = refusal({}, {"RABBITMQ_DEFAULT_PASS_FILE": str(tmp_path)})
    assert text.startswith(f"RABBITMQ_DEFAULT_PASS_FILE: {tmp_path} cannot be read")
