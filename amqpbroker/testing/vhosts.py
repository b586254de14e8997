"""A virtual host of a broker, with a URL of its own, that shows what the broker shows of its first one."""

from collections.abc import Callable, Coroutine
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from amqpbroker.testing.async_looking import AsyncLooking
from amqpbroker.testing.inspection.view import View
from amqpbroker.testing.looking import Looking

if TYPE_CHECKING:
    from amqpbroker.testing.async_broker import AsyncBroker
    from amqpbroker.testing.broker import Broker
    from amqpbroker.testing.server import ObservedServer

P = ParamSpec("P")
T = TypeVar("T")


class Vhost(Looking):
    """name: of the virtual host."""

    def __init__(self, broker: "Broker", name: str) -> None:
        self._broker = broker
        self.name = name

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self._broker.url_of(self.name)

    @property
    def _view(self) -> View:
        return View(self._broker.server, self.name)

    def ask(self, look: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        return self._broker.ask(look, *arguments, **keywords)

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._broker._run(work)


class AsyncVhost(AsyncLooking):
    """name: of the virtual host."""

    def __init__(self, broker: "AsyncBroker", name: str) -> None:
        self._broker = broker
        self.name = name

    @property
    def url(self) -> str:
        """Where clients connect."""
        return self._broker.url_of(self.name)

    @property
    def _view(self) -> View:
        return View(self._broker.server, self.name)

    async def ask(self, look: Callable[P, T], *arguments: P.args, **keywords: P.kwargs) -> T:
        return await self._broker.ask(look, *arguments, **keywords)


def create(server: "ObservedServer", name: str) -> None:
    """A virtual host that every user of the broker may do everything in. ValueError: it is there already."""
    broker = server.broker
    if name in broker.vhosts:
        raise ValueError(f"there is a virtual host {name!r} already")
    broker.create_vhost(name)
    for user in broker.users:
        broker.permissions.set(user.name, name, configure=".*", write=".*", read=".*")


def delete(server: "ObservedServer", name: str) -> None:
    """It goes with all that is in it, and its connections. Raises UnknownVhostError; ValueError: it is the first."""
    if name == server.config.vhost:
        raise ValueError(f"{name!r} is the virtual host that the broker starts with: reset() empties it")
    server.broker.delete_vhost(View(server, name).vhost.name)
