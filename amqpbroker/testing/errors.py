"""What goes wrong in the hands of a test, told so that the test can be mended."""


class BrokerStoppedError(RuntimeError):
    """The broker was asked for something before it was started, or after it has ended."""

    def __init__(self, what: str, is_started: bool, *, is_crashed: bool = False) -> None:
        """what: the name of what was asked for."""
        state = (
            "has been stopped" if is_started else "has not been started: use it as a context manager, or call start()"
        )
        if is_crashed:
            state = "has crashed: restart() starts it again"
        self._state = is_started, is_crashed
        super().__init__(f"{what}: the broker {state}")

    def about(self, what: str) -> "BrokerStoppedError":
        """The same of something else that was asked for."""
        is_started, is_crashed = self._state
        return BrokerStoppedError(what, is_started, is_crashed=is_crashed)


class FaultTargetError(LookupError):
    """A fault was to strike what is not there; the text has what is there instead."""

    def __init__(self, fault: str, there: list[str]) -> None:
        """fault: as it stands in the test. there: what it might have struck."""
        found = "\n".join(f"  {one}" for one in there) if there else "  nothing of the kind"
        super().__init__(f"{fault}: there is nothing that it matches now; there is\n{found}")
