"""Who may log in, and from where; how users come, change and go."""

import pytest

from amqpbroker.model.access import User, Users
from amqpbroker.model.access.passwords import MD5, SHA256, SHA512, hash_password
from amqpbroker.model.access.users import INSIDER
from amqpbroker.model.broker import Broker
from amqpbroker.model.policies.validation import InvalidParameterError
from tests.helpers.users import user_with
from tests.helpers.wire_client import MemoryServer

GUEST = user_with("guest", "guest")
ANNA = user_with("anna", "pässwort", "administrator")
USERS = Users([GUEST, ANNA])


@pytest.fixture
def broker() -> Broker:
    return MemoryServer().broker


@pytest.mark.parametrize(
    ("name", "password", "found"),
    [
        ("guest", b"guest", GUEST),
        ("anna", "pässwort".encode(), ANNA),
        ("guest", b"Guest", None),
        ("guest", b"", None),
        ("nobody", b"guest", None),
        ("nobody", b"", None),
        ("", b"", None),
        ("anna", b"\xff\xfe", None),
    ],
)
def test_a_user_is_known_by_name_and_password(name: str, password: bytes, found: User | None) -> None:
    assert USERS.authenticate(name, password) is found


def test_guest_may_connect_from_this_machine_alone() -> None:
    assert USERS.may_connect(GUEST, from_loopback=True)
    assert not USERS.may_connect(GUEST, from_loopback=False)
    assert USERS.may_connect(ANNA, from_loopback=False)
    assert Users([GUEST], frozenset()).may_connect(GUEST, from_loopback=False)


def test_neither_password_nor_hash_is_shown() -> None:
    assert "pässwort" not in repr(ANNA)
    assert ANNA.password_hash not in repr(ANNA)


def test_users_are_listed_by_name() -> None:
    assert [user.name for user in USERS] == ["anna", "guest"]
    assert ("anna" in USERS, "bert" in USERS, len(USERS)) == (True, False, 2)


def test_a_new_user_can_log_in_with_the_password(broker: Broker) -> None:
    assert broker.users.set("bert", password="wort", tags=["monitoring"])
    bert = broker.users.authenticate("bert", b"wort")
    assert bert is not None
    assert (bert.hashing_algorithm, bert.tags) == (SHA256, ("monitoring",))


def test_two_users_with_one_password_have_two_hashes(broker: Broker) -> None:
    hashes = set()
    for name in ("bert", "carl"):
        broker.users.set(name, password="wort")
        user = broker.users.get(name)
        assert user is not None
        hashes.add(user.password_hash)
    assert len(hashes) == 2


@pytest.mark.parametrize("algorithm", [SHA256, SHA512, MD5])
def test_a_user_keeps_the_hash_that_comes_with_definitions(broker: Broker, algorithm: str) -> None:
    password_hash = hash_password(b"wort", b"salt", algorithm)
    broker.users.set("bert", password_hash=password_hash, hashing_algorithm=algorithm)
    assert broker.users.authenticate("bert", b"wort") is not None
    assert broker.users.authenticate("bert", b"word") is None


def test_a_user_without_a_password_cannot_log_in_with_any(broker: Broker) -> None:
    assert not broker.users.set("anna")
    assert broker.users.authenticate("anna", b"") is None
    assert broker.users.authenticate("anna", b"secret") is None


@pytest.mark.parametrize(
    ("wrong", "reason"),
    [
        ({"password_hash": "not base64!"}, "password_hash is not base64"),
        ({"password_hash": "ä"}, "password_hash is not base64"),
        (
            {"hashing_algorithm": "rot13"},
            "hashing_algorithm rot13 is not known; known are rabbit_password_hashing_sha256, "
            "rabbit_password_hashing_sha512, rabbit_password_hashing_md5",
        ),
    ],
)
def test_what_is_no_hash_is_refused_and_changes_nothing(broker: Broker, wrong: dict[str, str], reason: str) -> None:
    before = broker.users.get("anna")
    with pytest.raises(InvalidParameterError) as refused:
        broker.users.set("anna", **wrong)  # type: ignore[arg-type]
    assert refused.value.reason == reason
    assert broker.users.get("anna") is before


def test_a_user_who_was_removed_is_not_there(broker: Broker) -> None:
    broker.users.remove("anna")
    assert (broker.users.get("anna"), broker.users.authenticate("anna", b"secret")) == (None, None)


def test_nobody_takes_the_name_of_the_brokers_own_programs(broker: Broker) -> None:
    with pytest.raises(InvalidParameterError, match="choose another one"):
        broker.users.set(INSIDER.name, password="x")
    assert INSIDER.name not in broker.users
