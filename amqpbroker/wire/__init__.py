"""Octets to values and back: frames, methods, field tables and properties. Nothing is kept between calls."""
