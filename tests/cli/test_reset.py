"""`amqpbroker reset`: a virtual host is deleted and made again as it was, with its permissions."""

import io

import pytest

from amqpbroker.cli.main import main
from tests.helpers.http_api import Api

VHOST = {"name": "v", "description": "d", "tags": ["a", "b"], "default_queue_type": "undefined", "tracing": False}
RIGHTS = {"configure": "c", "write": "w", "read": "r"}
TOPIC_RIGHTS = {"exchange": "amq.topic", "write": "w", "read": "r"}


@pytest.fixture(autouse=True)
def broker(api: Api) -> None:
    api.answers |= {
        "GET /api/vhosts": [VHOST],
        "GET /api/vhosts/v": VHOST,
        "GET /api/vhosts/v/permissions": [{"user": "anna", "vhost": "v", **RIGHTS}],
        "GET /api/vhosts/v/topic-permissions": [{"user": "anna", "vhost": "v", **TOPIC_RIGHTS}],
        "DELETE /api/vhosts/v": (204, None),
        "PUT /api/vhosts/v": (201, None),
        "PUT /api/permissions/v/anna": (204, None),
        "PUT /api/topic-permissions/v/anna": (204, None),
    }


@pytest.mark.parametrize("flags", [[], ["--vhost", "v"]])
def test_it_is_there_again_as_it_was(api: Api, flags: list[str]) -> None:
    assert main(["reset", "--yes", *flags]) == 0
    assert [one for one in api.asked if one[0] != "GET"] == [
        ("DELETE", "/api/vhosts/v", None),
        ("PUT", "/api/vhosts/v", {"description": "d", "tags": "a,b", "tracing": False}),
        ("PUT", "/api/permissions/v/anna", RIGHTS),
        ("PUT", "/api/topic-permissions/v/anna", TOPIC_RIGHTS),
    ]


@pytest.mark.parametrize(
    ("terminal", "typed", "exit_code"),
    [(True, "yes\n", 0), (True, "no\n", 2), (True, "y\n", 2), (True, "", 2), (False, "yes\n", 2)],
)
def test_without_a_yes_nothing_is_deleted(
    api: Api, monkeypatch: pytest.MonkeyPatch, terminal: bool, typed: str, exit_code: int
) -> None:
    monkeypatch.setattr("sys.stdin", io.StringIO(typed))
    monkeypatch.setattr("sys.stdin.isatty", lambda: terminal)
    assert main(["reset"]) == exit_code
    assert any(one[0] == "DELETE" for one in api.asked) == (exit_code == 0)


def test_what_could_not_be_made_again_is_told(api: Api, capsys: pytest.CaptureFixture[str]) -> None:
    api.answers["PUT /api/vhosts/v"] = (500, None)
    assert main(["reset", "--yes"]) == 1
    assert "v was deleted, and could not be made again with all its permissions: 500" in capsys.readouterr().err
