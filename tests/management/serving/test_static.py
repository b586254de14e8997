"""The web UI's own files, as they are served."""

import pytest

from tests.helpers.management import api


@pytest.mark.parametrize(
    ("path", "kind"),
    [("/", "text/html"), ("/ui/app.js", "text/javascript"), ("/ui/style.css", "text/css"), ("/ui/lib/dom.js", "text/")],
)
async def test_they_are_for_whoever_asks(path: str, kind: str) -> None:
    async with api(auth=None) as (_, client):
        answer = await client.get(path)
        assert answer.status_code == 200
        assert answer.headers["content-type"].startswith(kind)
        assert "script-src 'self'" in answer.headers["content-security-policy"]


async def test_a_browser_that_has_one_is_told_so() -> None:
    async with api(auth=None) as (_, client):
        first = await client.get("/ui/app.js")
        again = await client.get("/ui/app.js", headers={"if-none-match": first.headers["etag"]})
        assert (again.status_code, again.content) == (304, b"")
        other = await client.get("/ui/style.css", headers={"if-none-match": first.headers["etag"]})
        assert other.status_code == 200


@pytest.mark.parametrize("path", ["/ui/nothing.js", "/ui/../static.py", "/ui/%2e%2e/static.py", "/ui/lib", "/ui"])
async def test_nothing_else_is_served(path: str) -> None:
    async with api(auth=None) as (_, client):
        assert (await client.get(path)).status_code == 404
