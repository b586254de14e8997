"""A run of a broker in a file: what was declared and published, and when; and the same once more."""
