"""Crash and recover inside a test: what a kill or a power cut leaves, and whether what was confirmed is there again."""
