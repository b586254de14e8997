"""Who changes users, virtual hosts and permissions while a broker runs, by RabbitMQ's HTTP API."""

from typing import Any
from urllib.parse import quote

import httpx


class Administrator:
    """guest, who may do everything. client: of the API, logged in."""

    def __init__(self, client: httpx.Client) -> None:
        self._client = client

    def put(self, *path: str, **body: Any) -> None:
        """Makes something, or changes it. Raises httpx.HTTPStatusError if it is refused."""
        self._client.put(_joined(path), json=body).raise_for_status()

    def delete(self, *path: str) -> None:
        """Deletes something that may be gone already."""
        answer = self._client.delete(_joined(path))
        if answer.status_code != httpx.codes.NOT_FOUND:
            answer.raise_for_status()

    def permit(self, user: str, vhost: str, *, configure: str = "", write: str = "", read: str = "") -> None:
        """Sets what a user may in a virtual host."""
        self.put("permissions", vhost, user, configure=configure, write=write, read=read)

    def permit_topics(self, user: str, vhost: str, exchange: str, *, write: str = ".*", read: str = ".*") -> None:
        """Sets under which routing keys a user may publish and bind."""
        self.put("topic-permissions", vhost, user, exchange=exchange, write=write, read=read)


def _joined(path: tuple[str, ...]) -> str:
    return "/" + "/".join(quote(part, safe="") for part in path)
