"""How long each message waited, in the order in which they were published."""

from array import array


class Waits:
    """until_delivered_s, until_begun_s: from its publish until a message is with a consumer, until that works on it.

    left: how many nobody has begun with. With a prefetch of 1 the two times are the same.
    """

    def __init__(self, count: int) -> None:
        self.until_delivered_s = array("d", bytes(8 * count))
        self.until_begun_s = array("d", bytes(8 * count))
        self.left = count

    def delivered(self, number: int, wait_s: float) -> None:
        """The message with this number, from 0, is with a consumer."""
        self.until_delivered_s[number] = wait_s

    def begun(self, number: int, wait_s: float) -> None:
        """A consumer works on it."""
        self.until_begun_s[number] = wait_s
        self.left -= 1
