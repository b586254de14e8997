"""An AMQP 0-9-1 message broker that takes RabbitMQ's place. The public names of the package live here."""

__all__ = ["__version__"]

__version__ = "0.1.0"
