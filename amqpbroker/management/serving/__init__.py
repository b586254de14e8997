"""HTTP beside AMQP: sockets, the server on them, the web UI's files."""
