"""Real clients over real sockets, against this broker as a process or against any other AMQP 0-9-1 broker."""
