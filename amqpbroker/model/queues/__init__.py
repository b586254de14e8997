"""Kinds of queues: what differs from the plain one, and only that."""
