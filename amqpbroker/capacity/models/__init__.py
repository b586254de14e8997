"""Queueing models: pure functions from rates and times to waits and chances. Seconds, and rates a second, always."""
