"""Why there is no forecast, as a sentence for the person who asked for it."""


class CapacityError(Exception):
    """There is no answer; the text says why, and what would have one."""


class WrongInput(CapacityError):
    """A number that no load can have, such as a rate below zero. The text names it and what is expected."""


class Unstable(CapacityError):
    """More arrives than the consumers get done: the queue grows for ever, and no wait is the usual one.

    consumers_needed: the fewest that keep up, or None where more of them would not help.
    """

    def __init__(self, text: str, consumers_needed: int | None = None) -> None:
        super().__init__(text)
        self.consumers_needed = consumers_needed
