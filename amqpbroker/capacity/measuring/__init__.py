"""What the traffic of a queue is like, measured while it goes by: when messages come, wait, and are done with."""
