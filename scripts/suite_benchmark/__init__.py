"""What the broker costs a test suite: its first fixture, a further broker, a reset, and 200 tests beside a RabbitMQ."""
