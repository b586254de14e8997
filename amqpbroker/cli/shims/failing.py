"""How a shim ends that has not done what it was asked for. Exit codes are sysexits.h's, as RabbitMQ's programs have."""

from typing import Final

EX_USAGE: Final = 64
EX_DATA: Final = 65
EX_NO_USER: Final = 67
EX_UNAVAILABLE: Final = 69
EX_SOFTWARE: Final = 70
EX_TIMEOUT: Final = 75


class Failed(Exception):
    """text: for stderr, as it is said there."""

    def __init__(self, exit_code: int, text: str) -> None:
        super().__init__(text)
        self.exit_code = exit_code
        self.text = text


def error(exit_code: int, text: str) -> Failed:
    """A refusal under the heading that most of them have."""
    return Failed(exit_code, f"Error:\n{text}")


def cannot(what: str, instead: str) -> Failed:
    """What this broker does not do. instead: what to do, or why it need not be done."""
    return Failed(EX_USAGE, f"Error: amqpbroker cannot {what}: {instead}")
