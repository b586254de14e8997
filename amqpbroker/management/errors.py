"""What the API answers when it does not do what it was asked for: RabbitMQ's statuses and its two words for each.

Source: RabbitMQ `rabbit_mgmt_util` (bad_request, not_authorised, not_found), recorded replies.
"""

from collections.abc import Mapping
from typing import Any

from amqpbroker.errors import ACCESS_REFUSED, NOT_ALLOWED, NOT_FOUND, AMQPError


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
    """404: no such thing, or no such path. reason: what is not there, where that is not what the path names."""

    def __init__(self, reason: str = "") -> None:
        super().__init__(404, "not_found" if reason else "Object Not Found", reason or "Not Found")


class PreconditionFailed(ApiError):
    """412: something is in the way, which has to be taken away first."""

    def __init__(self, reason: str) -> None:
        super().__init__(412, "precondition_failed", reason)


class Unavailable(ApiError):
    """503: not now."""

    def __init__(self, reason: str) -> None:
        super().__init__(503, "service_unavailable", reason)


class TooLarge(ApiError):
    """413: more was sent than is read."""

    def __init__(self, size_max_bytes: int) -> None:
        super().__init__(413, "payload_too_large", f"the body is larger than {size_max_bytes} bytes")


def refusal(error: AMQPError) -> ApiError:
    """What AMQP refuses, as the API puts it. Source: RabbitMQ `rabbit_mgmt_util:direct_request`."""
    if error.code == NOT_FOUND:
        return NotFound(error.explanation)
    if error.code in (ACCESS_REFUSED, NOT_ALLOWED):
        return NotAuthorised("Access refused.")
    return BadRequest(error.explanation)
