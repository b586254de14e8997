"""Operators: the HTTP API, the web UI, the metrics, definitions. Loaded once AMQP is ready."""
