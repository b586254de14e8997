"""What the broker tells of itself as a process: where it listens, with what, and what it takes."""
