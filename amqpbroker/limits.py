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

# Failed logins that are remembered, by address and user; whoever guesses may fill this table, and nothing else.
FAILED_LOGINS_MAX: Final = 4_096

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
# So many ways of messages hold back what they have counted; then all of them are counted up.
UNCOUNTED_MAX: Final = 1_024

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
# A client may take so long to acknowledge a message, unless somebody says otherwise; RabbitMQ's consumer_timeout.
CONSUMER_TIMEOUT_MS: Final = 1_800_000
# Messages given out in one go between two looks at the consumers.
DRAIN_MAX_MESSAGES: Final = 2_048

# RabbitMQ's defaults: publishers are held back above this share of the memory, or with less than this of the disk free.
MEMORY_WATERMARK_SHARE: Final = 0.6
DISK_FREE_MIN_BYTES: Final = 50_000_000
# The memory alarm is over below this share of the watermark, so that it does not come and go with every message.
MEMORY_CLEAR_SHARE: Final = 0.9
# How often memory is looked at while anything is read, or an alarm is up; and after how many octets in any case, which
# is how far a fast publisher goes over the watermark.
ALARM_LOOK_S: Final = 0.1
ALARM_LOOK_BYTES: Final = 8_388_608
DISK_LOOK_S: Final = 1.0
# What a message takes in memory beside its header and its body: the tuple, two objects, places in deques and tables.
MESSAGE_OVERHEAD_BYTES: Final = 200
# Of what a channel has unacknowledged so many messages stand for all: to weigh each would cost more than it tells.
UNACKED_SAMPLE_MESSAGES: Final = 100
# A publisher that is held back is read so much at a time, this often, while it has messages to acknowledge: only when
# they are gone is there room again. So many steps without an acknowledgement, and it is read no more; what sockets hold
# before the first one is less than that.
HELD_BACK_STEP_BYTES: Final = 65_536
HELD_BACK_STEP_S: Final = 0.25
HELD_BACK_STEPS_MAX: Final = 128

# The journal. A segment is as small as keeps new ones rare, since each costs four syncs, and as large as three of them
# may lie about on a small disk. Under the floor the log is not compacted: nobody misses so little.
SEGMENT_BYTES: Final = 16_777_216
SPACE_FLOOR_BYTES: Final = 268_435_456
# What a queue keeps in memory of what waits: its head. The rest is on disk.
HEAD_MAX_BYTES: Final = 67_108_864
# A publisher whose messages are not on disk yet rests above this: it is read no faster than the journal commits.
PENDING_MAX_BYTES: Final = 16_777_216
# After so long without a commit the last is sealed.
SEAL_AFTER_S: Final = 0.02

# Of a forecast. Its arithmetic goes through all consumers one by one, many times when it looks for how many are needed;
# and over waits through the messages that may be served until then.
FORECAST_CONSUMERS_MAX: Final = 100_000
FORECAST_PREFETCH_MAX: Final = 65_535
FORECAST_LENGTH_MAX: Final = 100_000_000
FORECAST_NODES_MAX: Final = 10_000
