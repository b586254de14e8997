"""`python -m amqpbroker` is the command `amqpbroker`."""

import sys

from amqpbroker.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
