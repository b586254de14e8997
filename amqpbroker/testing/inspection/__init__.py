"""What a test sees of its broker: queues, messages, history, connections. Nothing is consumed by looking."""
