"""A raw AMQP 0-9-1 client for provoking a broker: it validates nothing, so that it can send anything."""
