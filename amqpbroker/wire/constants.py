"""The numbers of the wire format.

A frame, section 4.2.3 of the specification; the size counts the payload alone:

    0      1         3             7                  size+7 size+8
    +------+---------+-------------+  +------------+  +-----------+
    | type | channel |    size     |  |  payload   |  | frame-end |
    +------+---------+-------------+  +------------+  +-----------+
     octet    short        long        size octets        octet 206

The payload of a method frame is `class id (short), method id (short), arguments`; that of a content header frame is
`class id (short), weight (short), body size (long long), property flags (short), property values`; that of a content
body frame is octets of the body; a heartbeat has none.
"""

from typing import Final

PROTOCOL_HEADER: Final = b"AMQP\x00\x00\x09\x01"

FRAME_METHOD: Final = 1
FRAME_HEADER: Final = 2
FRAME_BODY: Final = 3
FRAME_HEARTBEAT: Final = 8
FRAME_TYPES: Final = frozenset({FRAME_METHOD, FRAME_HEADER, FRAME_BODY, FRAME_HEARTBEAT})

FRAME_END: Final = 0xCE
FRAME_END_OCTET: Final = b"\xce"
FRAME_HEADER_BYTES: Final = 7

# The specification's least frame-max, octets of a whole frame: both peers must take frames up to this.
FRAME_MIN_MAX_BYTES: Final = 4_096

HEARTBEAT_FRAME: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"

# Classes.
CONNECTION: Final = 10
CHANNEL: Final = 20
ACCESS: Final = 30
EXCHANGE: Final = 40
QUEUE: Final = 50
BASIC: Final = 60
CONFIRM: Final = 85
TX: Final = 90

# Methods that are cut and built by hand, as (class, method) and, in front of each payload, as four octets.
BASIC_PUBLISH: Final = (60, 40)
BASIC_RETURN: Final = (60, 50)
BASIC_DELIVER: Final = (60, 60)
BASIC_GET: Final = (60, 70)
BASIC_GET_OK: Final = (60, 71)
BASIC_GET_EMPTY: Final = (60, 72)
BASIC_ACK: Final = (60, 80)
BASIC_REJECT: Final = (60, 90)
BASIC_NACK: Final = (60, 120)

BASIC_PUBLISH_OCTETS: Final = b"\x00\x3c\x00\x28"
BASIC_RETURN_OCTETS: Final = b"\x00\x3c\x00\x32"
BASIC_DELIVER_OCTETS: Final = b"\x00\x3c\x00\x3c"
BASIC_GET_OCTETS: Final = b"\x00\x3c\x00\x46"
BASIC_GET_OK_OCTETS: Final = b"\x00\x3c\x00\x47"
BASIC_GET_EMPTY_OCTETS: Final = b"\x00\x3c\x00\x48"
BASIC_ACK_OCTETS: Final = b"\x00\x3c\x00\x50"
BASIC_REJECT_OCTETS: Final = b"\x00\x3c\x00\x5a"
BASIC_NACK_OCTETS: Final = b"\x00\x3c\x00\x78"
