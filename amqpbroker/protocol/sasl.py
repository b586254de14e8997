"""The ways to log in: two that carry a name and a password, and two that carry nothing.

By EXTERNAL a client is whom its certificate names, by ANONYMOUS whom the configuration does; what it sends is not read.

Source: RFC 4616 (PLAIN), RFC 4422 (EXTERNAL), RFC 4505 (ANONYMOUS); RabbitMQ `rabbit_auth_mechanism_plain`,
`rabbit_auth_mechanism_amqplain`, `rabbit_auth_mechanism_ssl`, `rabbit_auth_mechanism_anonymous`.
"""

from amqpbroker.errors import COMMAND_INVALID, SYNTAX_ERROR, AMQPError
from amqpbroker.wire.tables import TableError, decode_table

MECHANISMS = ("PLAIN", "AMQPLAIN", "EXTERNAL", "ANONYMOUS")
# What everybody is offered.
WITH_PASSWORD = MECHANISMS[:2]


def credentials(mechanism: str, response: bytes, offered: tuple[str, ...]) -> tuple[str, bytes | None]:
    """(user, password) of a start-ok's response; ("", None): the mechanism carries neither.

    Raises 503: no such mechanism, or none that was offered. Raises 502: the response is not of the mechanism's form.
    """
    if mechanism not in offered:
        what = "invalid" if mechanism in MECHANISMS else "unknown"
        raise AMQPError(COMMAND_INVALID, f"{what} authentication mechanism '{mechanism}'")
    if mechanism == "PLAIN":
        return _plain(response)
    if mechanism == "AMQPLAIN":
        return _amqplain(response)
    return "", None


def _plain(response: bytes) -> tuple[str, bytes]:
    parts = response.split(b"\0")
    # An identity to act for, which may stand before the first NUL, is not RabbitMQ's to give.
    if len(parts) != 3 or parts[0]:
        raise AMQPError(SYNTAX_ERROR, "response of PLAIN is not NUL user NUL password")
    return parts[1].decode("utf-8", "surrogateescape"), parts[2]


def _amqplain(response: bytes) -> tuple[str, bytes]:
    octets = len(response).to_bytes(4, "big") + response
    try:
        table, _ = decode_table(octets, 0, len(octets))
    except TableError as fault:
        raise AMQPError(SYNTAX_ERROR, "response of AMQPLAIN is not a table") from fault
    login, password = table.get("LOGIN"), table.get("PASSWORD")
    if login is None or password is None or login.kind != "S" or password.kind != "S":
        raise AMQPError(SYNTAX_ERROR, "AMQPLAIN auth info is missing LOGIN or PASSWORD")
    return login.value.decode("utf-8", "surrogateescape"), password.value
