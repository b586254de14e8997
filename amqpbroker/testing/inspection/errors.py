"""What fails a test: told with what was there instead."""


class WaitTimeoutError(AssertionError):
    """What was waited for has not come in time."""


class ExpectationError(AssertionError):
    """The broker is not as it was expected to be."""
