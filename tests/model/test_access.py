"""Who may log in, and from where."""

import pytest

from amqpbroker.model.access import User, Users

GUEST = User("guest", "guest")
ANNA = User("anna", "pässwort", ("administrator",))
USERS = Users([GUEST, ANNA])


@pytest.mark.parametrize(
    ("name", "password", "found"),
    [
        ("guest", b"guest", GUEST),
        ("anna", "pässwort".encode(), ANNA),
        ("guest", b"Guest", None),
        ("guest", b"", None),
        ("nobody", b"guest", None),
        ("nobody", b"", None),
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


def test_a_password_is_not_shown() -> None:
    assert "pässwort" not in repr(ANNA)
