"""Where each program of RabbitMQ's begins that `amqpbroker install-shims` has written."""

import sys
from collections.abc import Sequence
from typing import Final

from amqpbroker.cli.shims.failing import Failed

PROGRAMS: Final = ("rabbitmq-server", "rabbitmqctl", "rabbitmq-diagnostics", "rabbitmq-plugins", "rabbitmqadmin")


def run(program: str, arguments: Sequence[str] | None = None) -> int:
    """One call of a program, and its exit code. arguments: this process's own if None."""
    words = sys.argv[1:] if arguments is None else arguments
    try:
        match program:
            case "rabbitmq-server":
                from amqpbroker.cli.shims import server

                return server.run(words)
            case "rabbitmq-plugins":
                from amqpbroker.cli.shims import plugins

                plugins.run(program, words)
                return 0
            case "rabbitmqadmin":
                from amqpbroker.cli.shims import rabbitmqadmin

                return rabbitmqadmin.run(words)
            case _:
                from amqpbroker.cli.shims import rabbitmqctl

                return rabbitmqctl.run(program, words)
    except Failed as failure:
        from amqpbroker.cli.tables import printable_lines

        print(printable_lines(failure.text), file=sys.stderr)
        return failure.exit_code
    except KeyboardInterrupt:
        return 130
