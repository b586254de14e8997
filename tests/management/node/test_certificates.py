"""When certificates end."""

from datetime import UTC, datetime
from pathlib import Path

import pytest

from amqpbroker.management.node.certificates import expiring
from tests.helpers.certificates import EXPIRED, Authority
from tests.helpers.management import api


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path)


async def test_one_that_has_ended_is_told_with_who_shows_it(authority: Authority) -> None:
    pair = authority.issue("old", **EXPIRED)
    async with api(node_name="rabbit@here", **authority.server_settings(pair)) as (server, _):
        (found,) = expiring(server, datetime.now(UTC))
        told = ("node", "protocol", "interface", "certfile", "cacertfile", "cacertfile_expires_on")
        assert [found[name] for name in told] == ["rabbit@here", "amqp/ssl", "127.0.0.1", pair.certificate, "", []]
        assert found["certfile_expires_on"] == ["2002-01-01 00:00:00"]


async def test_one_that_is_good_ends_later(authority: Authority) -> None:
    async with api(**authority.server_settings()) as (server, _):
        assert expiring(server, datetime.now(UTC)) == []
        assert len(expiring(server, datetime(9_999, 1, 1, tzinfo=UTC))) == 1


async def test_authorities_end_too(authority: Authority) -> None:
    async with api(**authority.server_settings(), **authority.verifying()) as (server, _):
        (found,) = expiring(server, datetime(9_999, 1, 1, tzinfo=UTC))
        assert len(found["cacertfile_expires_on"]) == 1


async def test_one_that_cannot_be_read_any_more_is_told(authority: Authority) -> None:
    pair = authority.issue("gone")
    async with api(**authority.server_settings(pair)) as (server, _):
        Path(pair.certificate).unlink()
        (found,) = expiring(server, datetime.now(UTC))
        assert found["certfile_expires_on"][0].startswith("the certificates cannot be read: ")


async def test_without_tls_nothing_ends() -> None:
    async with api() as (server, _):
        assert expiring(server, datetime(9_999, 1, 1, tzinfo=UTC)) == []
