"""What Prometheus asks for, by the names of RabbitMQ's metrics: docs/monitoring.md."""
