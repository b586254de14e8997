"""A package, since a library that tests use (ciw) installs one of this name, which would be found in its place."""
