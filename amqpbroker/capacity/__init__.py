"""What to expect of a load, such as waits and consumers needed, and whether what was measured bears it out."""
