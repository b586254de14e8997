"""What the API answers when it does not do what it was asked for: RabbitMQ's statuses and its two words for each.

Source: RabbitMQ `rabbit_mgmt_util` (bad_request, not_authorised, not_found), recorded replies.
"""

from collections.abc import Mapping
from typing import Any


class ApiError(Exception):
    """Becomes an answer in `resources`. error, reason: as JSON has them; without an error the body is empty."""

    def __init__(
        self, status: int, error: str = "", reason: Any = "", headers: Mapping[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.error = error
        self.reason = reason
        self.headers = dict(headers or {})


class BadRequest(ApiError):
    """400: what was sent cannot be used; reason says what and where."""

    def __init__(self, reason: Any) -> None:
        super().__init__(400, "bad_request", reason)


class NotAuthenticated(ApiError):
    """401, and how to log in. RabbitMQ says nothing more to who has sent no credentials at all."""

    def __init__(self, reason: str = "") -> None:
        headers = {"www-authenticate": 'Basic realm="RabbitMQ Management"'}
        super().__init__(401, "not_authorized" if reason else "", reason, headers)


class NotAuthorised(ApiError):
    """401 too, as RabbitMQ has it: who it is is known, and may not do this."""

    def __init__(self, reason: str) -> None:
        super().__init__(401, "not_authorised", reason)


class Forbidden(ApiError):
    """403: a browser was led here by somebody else's page."""

    def __init__(self, reason: str) -> None:
        super().__init__(403, "forbidden", reason)


class NotFound(ApiError):
    """404: no such thing, or no such path."""

    def __init__(self) -> None:
        super().__init__(404, "Object Not Found", "Not Found")


class TooLarge(ApiError):
    """413: more was sent than is read."""

    def __init__(self, size_max_bytes: int) -> None:
        super().__init__(413, "payload_too_large", f"the body is larger than {size_max_bytes} bytes")
