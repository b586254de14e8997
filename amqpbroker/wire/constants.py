"""The numbers of the wire format.

A frame; the size counts the payload alone:

    0      1         3             7                  size+7 size+8
    +------+---------+-------------+  +------------+  +-----------+
    | type | channel |    size     |  |  payload   |  | frame-end |
    +------+---------+-------------+  +------------+  +-----------+
     octet    short        long        size octets        octet 206

The payload of a method frame is `class id (short), method id (short), arguments`; that of a content header frame is
`class id (short), weight (short), body size (long long), property flags (short), property values`; that of a content
body frame is octets of the body; a heartbeat has none.

Source: AMQP 0-9-1 specification, 4.2.3.
"""

from typing import Final

PROTOCOL_HEADER: Final = b"AMQP\x00\x00\x09\x01"
# 0-9 says its version this way; it is near enough to 0-9-1 that RabbitMQ takes it for that.
PROTOCOL_HEADER_0_9: Final = b"AMQP\x01\x01\x00\x09"
# AMQP 1.0 behind SASL.
PROTOCOL_HEADER_1_0: Final = b"AMQP\x03\x01\x00\x00"

# Types of frame.
METHOD: Final = 1
HEADER: Final = 2
BODY: Final = 3
HEARTBEAT: Final = 8

FRAME_END: Final = 0xCE
FRAME_END_OCTET: Final = b"\xce"
HEARTBEAT_FRAME: Final = b"\x08\x00\x00\x00\x00\x00\x00\xce"

# The class that has content.
BASIC: Final = 60

# What the payloads of the hot methods begin with: class and method.
PUBLISH: Final = b"\x00\x3c\x00\x28"
RETURN: Final = b"\x00\x3c\x00\x32"
DELIVER: Final = b"\x00\x3c\x00\x3c"
ACK: Final = b"\x00\x3c\x00\x50"
NACK: Final = b"\x00\x3c\x00\x78"
REJECT: Final = b"\x00\x3c\x00\x5a"
