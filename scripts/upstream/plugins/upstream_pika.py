"""For pika's acceptance tests: they name port 5672 in their source, this sends them to the broker under test.

`UPSTREAM_HOST` and `UPSTREAM_PORT` say where that is.
"""

import os

from pika import connection

HOST = os.environ["UPSTREAM_HOST"]
PORT = int(os.environ["UPSTREAM_PORT"])
DEFAULT_PORT = 5672

_port = connection.Parameters.port
_host = connection.Parameters.host


def _set_port(parameters: connection.Parameters, value: int) -> None:
    """Every URL and every ConnectionParameters of the tests passes here; other ports are their own forwarders."""
    if int(value) == DEFAULT_PORT:
        _host.fset(parameters, HOST)
        value = PORT
    _port.fset(parameters, value)


connection.Parameters.port = _port.setter(_set_port)
