"""The header BCC: a message goes to its keys, too, and nobody who gets it sees them."""

from typing import Final

from amqpbroker.wire import properties
from amqpbroker.wire.properties import PropertiesError
from amqpbroker.wire.tables import Field

BCC: Final = "BCC"
_NAMED: Final = b"\x03BCC"


def blind_copies(header: bytes) -> Field | None:
    """The field, from the payload of a header frame as its client has sent it; None where there is none."""
    if _NAMED not in header:
        return None
    try:
        return (properties.headers(header) or {}).get(BCC)
    except PropertiesError:
        return None  # whoever publishes it is told
