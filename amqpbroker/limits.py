"""Every bound of the broker: the unit is in the name, the reason beside it.

A bound that a client meets in the protocol has RabbitMQ's value; the others stop one peer from using up what all share.
"""

from typing import Final

# Negotiated with the client (connection.tune).
CHANNEL_MAX: Final = 2047
FRAME_MAX_BYTES: Final = 131_072
HEARTBEAT_S: Final = 60

# A frame is its payload, a header of 7 octets and the end octet.
FRAME_OVERHEAD_BYTES: Final = 8

# From accepting the socket to connection.open-ok; a half-open handshake holds a descriptor.
HANDSHAKE_TIMEOUT_S: Final = 10.0
# One address may have so many handshakes under way; more, and the oldest goes if it had this long.
HANDSHAKES_PER_ADDRESS_MAX: Final = 1_024
HANDSHAKE_SPARED_S: Final = 2.0
# RabbitMQ drops a peer that errs before connection.open after this silence, so that guessing is slow.
HANDSHAKE_ERROR_DELAY_S: Final = 3.0
# A peer that was sent connection.close and does not answer is dropped after this.
CLOSE_TIMEOUT_S: Final = 10.0

# No message is ever larger, whatever the configuration lets through; RabbitMQ's since 3.8.
BODY_MAX_BYTES: Final = 536_870_912

# RabbitMQ sets no limit to these unless told to; these only stop one client from using up what all share.
CONNECTIONS_MAX: Final = 65_536
QUEUES_PER_VHOST_MAX: Final = 1_000_000
CONSUMERS_PER_CHANNEL_MAX: Final = 100_000

# Field tables come from the client and are walked by recursion.
TABLE_DEPTH_MAX: Final = 64
ARGUMENTS_MAX_BYTES: Final = 65_536

# Names and routing keys are short strings.
NAME_MAX_BYTES: Final = 255

# What a client sends may fill a memo, never grow it without bound.
ROUTE_MEMO_MAX: Final = 4_096
HEADER_MEMO_MAX: Final = 1_024
DELIVER_MEMO_MAX: Final = 4_096

# A connection's share of one turn of the loop, so that a consumer without prefetch cannot fill the outbox before the
# transport can say that it is full.
OUTBOX_MAX_BYTES: Final = 1_048_576
# What one connection may have done in one turn of the loop, but for publishes and acks that are read many at a time:
# 256 KiB of small requests would keep all others waiting for half a second.
TURN_MAX_FRAMES: Final = 256
# Nothing more is read from a client that leaves so many octets of answers unread, beyond one message: deliveries stop
# long before.
UNREAD_MAX_BYTES: Final = 16_777_216
# A publisher that floods a queue whose consumers lag so many messages behind rests until they are back at the lower
# number, or for this long: queues stay short, and their consumers are not starved by it.
BACKLOG_HIGH_MESSAGES: Final = 2_000
BACKLOG_LOW_MESSAGES: Final = 500
BACKLOG_REST_S: Final = 0.002
# Messages given out in one go between two looks at the consumers.
DRAIN_MAX_MESSAGES: Final = 2_048
