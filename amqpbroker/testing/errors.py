"""What goes wrong in the hands of a test, told so that the test can be mended."""


class BrokerStoppedError(RuntimeError):
    """The broker was asked for something before it was started, or after it has ended."""

    def __init__(self, what: str, is_started: bool) -> None:
        """what: the name of what was asked for."""
        state = (
            "has been stopped" if is_started else "has not been started: use it as a context manager, or call start()"
        )
        super().__init__(f"{what}: the broker {state}")
