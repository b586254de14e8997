"""Examples of a property may take their time: SciPy is loaded in the first, and no test asserts a time."""

from hypothesis import settings

settings.register_profile("capacity", deadline=None)
settings.load_profile("capacity")
