"""SciPy takes a while to load: it is there before any property is tried, whose examples have to be quick."""

import scipy.optimize
import scipy.special
import scipy.stats  # noqa: F401
