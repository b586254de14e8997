"""What stands in bodies and paths, in AMQP's terms and back."""
