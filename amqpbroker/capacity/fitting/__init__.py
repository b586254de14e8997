"""Whether measured times are what the models assume, and what they look like if not. NumPy and SciPy."""
