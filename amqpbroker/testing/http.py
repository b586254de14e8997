"""The management API and the web UI of a broker in a test suite, on its loop."""

from amqpbroker.management.management import Management
from amqpbroker.management.serving.listener import missing
from amqpbroker.server.config import ConfigError
from amqpbroker.testing.server import ObservedServer


def begun(server: ObservedServer) -> Management:
    """Listens, and answers as soon as it is loaded; whoever asks earlier waits. Raises ConfigError, ListenError.

    No login is left for programs of this machine: nothing of a test is to be found outside of it.
    """
    if without := missing():
        raise ConfigError(f"http: it needs {', '.join(without)}: pip install amqpbroker[management]")
    management = Management(server, leaves_login=False)
    management.open()
    management.serve()
    return management


def url_of(management: Management | None) -> str:
    """Where it is. ValueError: there is none."""
    if management is None or not management.web:
        raise ValueError("http_url: this broker has no management API: make it with http=True")
    endpoint = management.web[0]
    return f"{'https' if endpoint.tls else 'http'}://{endpoint.host}:{endpoint.port}"
