"""What any AMQP 0-9-1 peer obeys, whatever broker stands behind it. Bytes in, bytes out; no socket, no clock."""
