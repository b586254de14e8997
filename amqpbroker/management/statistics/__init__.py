"""What was counted, what waits, and how that changes with time."""
