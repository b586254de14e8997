"""Faults as rules: what goes wrong in production, and seldom where tests look, done on purpose."""
