"""For aiormq and aio-pika: the broker under test in place of the container that their conftest starts.

aio-pika's conftest imports `tests.docker_client`, so a module of that name is put in its place before; aiormq's sdist
has a conftest that uses two fixtures which no file in it defines, so they are defined here. TLS is not offered:
port 5671 is one where nothing listens.
"""

import os
import sys
from dataclasses import dataclass, field
from types import ModuleType

import pytest
from yarl import URL

HOST = os.environ["UPSTREAM_HOST"]
PORT = int(os.environ["UPSTREAM_PORT"])
NOTHING_LISTENS_PORT = 1


@dataclass
class ContainerInfo:
    """What their tests read of a container: its host and the ports it is reached at."""

    id: str = "broker under test"
    host: str = HOST
    ports: dict[str, int] = field(default_factory=lambda: {"5672/tcp": PORT, "5671/tcp": NOTHING_LISTENS_PORT})


class DockerHostInfo:
    """Named in an annotation of aio-pika's conftest."""


class DockerNotAvailableError(Exception):
    """Never raised: there is no Docker to miss."""


class DockerClient:
    """Runs nothing: the broker is there already."""

    def __init__(self, docker_host_info: DockerHostInfo | None = None) -> None:
        """Take what aio-pika's conftest passes."""

    def run(self, image: str, ports: list[str], environment: dict[str, str] | None = None) -> ContainerInfo:
        """Answer with the broker under test, whatever the image."""
        return ContainerInfo()

    def kill(self, container_id: str) -> None:
        """Leave the broker alone: the next suite needs it."""

    remove = kill


def check_docker_available() -> DockerHostInfo:
    """Say yes."""
    return DockerHostInfo()


_docker_client = ModuleType("tests.docker_client")
for _name in (ContainerInfo, DockerHostInfo, DockerNotAvailableError, DockerClient, check_docker_available):
    setattr(_docker_client, _name.__name__, _name)
sys.modules["tests.docker_client"] = _docker_client


@pytest.fixture(scope="session")
def rabbitmq_container() -> ContainerInfo:
    """The broker under test; aio-pika's conftest has its own fixture of this name, which comes first."""
    return ContainerInfo()


@pytest.fixture(scope="session")
def amqp_direct_url(rabbitmq_container: ContainerInfo) -> URL:
    """The plain AMQP URL of the broker under test, default virtual host."""
    return URL.build(
        scheme="amqp",
        user="guest",
        password="guest",
        host=rabbitmq_container.host,
        port=rabbitmq_container.ports["5672/tcp"],
        path="//",
    )
