"""Values as JSON has them."""

from dataclasses import dataclass
from datetime import UTC, datetime

from amqpbroker.testing.http_api.showing import shown


@dataclass
class Fact:
    name: str
    body: bytes


def test_what_a_look_gives_becomes_json():
    facts = {"facts": [Fact("text", b"abc"), Fact("octets", b"\xff")], "when": datetime(2026, 1, 1, tzinfo=UTC)}
    assert shown(facts) == {
        "facts": [{"name": "text", "body": "abc"}, {"name": "octets", "body": {"base64": "/w=="}}],
        "when": "2026-01-01T00:00:00+00:00",
    }
