"""One AMQP method turned into calls of the model, and the reply to it."""
