"""RabbitMQ's hashes of passwords: made, and known again."""

import base64

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.model.access.passwords import ALGORITHMS, MD5, SHA256, SHA512, hash_password, is_hash, is_password

# Of the documentation of RabbitMQ: the password test12 with the salt 908DC60A.
DOCUMENTED = "kI3GCqW5JLMJa4iX1lo7X4D6XbYqlLgxIs30+P6tENUV2POR"
# What RabbitMQ 3.10.8 keeps of guest, whose password is guest.
GUEST = "YciWNGluZ4lwKwtD+9CmfrdkGnzH4ym1iF8mLwdyy1PirivR"


def test_hashes_of_rabbitmq_are_known() -> None:
    assert is_password(b"test12", DOCUMENTED, SHA256)
    assert is_password(b"guest", GUEST, SHA256)
    assert not is_password(b"guest", DOCUMENTED, SHA256)


def test_the_hash_is_rabbitmqs() -> None:
    assert hash_password(b"test12", bytes.fromhex("908DC60A")) == DOCUMENTED


@given(st.binary(min_size=1), st.binary(min_size=4, max_size=4), st.sampled_from(sorted(ALGORITHMS)))
def test_a_password_is_known_and_no_other(password: bytes, salt: bytes, algorithm: str) -> None:
    password_hash = hash_password(password, salt, algorithm)
    assert is_hash(password_hash)
    assert is_password(password, password_hash, algorithm)
    assert not is_password(password + b"x", password_hash, algorithm)


@pytest.mark.parametrize(("algorithm", "size_bytes"), [(SHA256, 32), (SHA512, 64), (MD5, 16)])
def test_salt_and_digest_are_kept(algorithm: str, size_bytes: int) -> None:
    octets = base64.b64decode(hash_password(b"word", b"salt", algorithm))
    assert (octets[:4], len(octets)) == (b"salt", 4 + size_bytes)


@pytest.mark.parametrize("password_hash", ["", "YQ==", "c2FsdA==", "not base64!", "ä"])
def test_what_is_no_hash_is_no_passwords(password_hash: str) -> None:
    assert not is_password(b"word", password_hash, SHA256)
    assert not is_password(b"", password_hash, SHA256)


def test_an_empty_password_is_nobodys() -> None:
    assert not is_password(b"", hash_password(b"", b"salt"), SHA256)


@pytest.mark.parametrize(("text", "expected"), [("", True), (GUEST, True), ("a", False), ("a b=", False), ("ä", False)])
def test_what_can_be_kept(text: str, expected: bool) -> None:
    assert is_hash(text) is expected
