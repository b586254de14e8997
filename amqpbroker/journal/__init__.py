"""The journal: what survives a restart, with all that reads and writes the data directory."""
