"""What a test suite has of the broker, over HTTP: for tests in other languages than Python."""
