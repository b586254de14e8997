"""Watches what clients do, and warns of what will break in production or with the next RabbitMQ."""
