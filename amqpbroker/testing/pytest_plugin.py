"""The fixtures of a test suite. pytest loads this file by itself, so it imports nothing but what pytest has.

One broker is there for the session, or for each worker of pytest-xdist, from the first test on that asks for it. It is
emptied after every test that used it. A test with settings of its own (`@pytest.mark.amqp_broker(profile="4.3")`) has a
broker of its own. With --amqpbroker-url there is a virtual host of that RabbitMQ instead, a new one for every test.
"""

from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack
from typing import TYPE_CHECKING, Any, Final

import pytest

if TYPE_CHECKING:
    from amqpbroker.testing import AsyncBroker, Broker, BrokerProcess, Vhost
    from amqpbroker.testing.fixtures.failure import Used
    from amqpbroker.testing.fixtures.source import Source

_PROFILE: Final = "which RabbitMQ the brokers of the tests are: 3.13, 4.2 or 4.3"
_MARKER: Final = "amqp_broker(**settings): what the brokers of this test are set to, such as profile='4.3' or http=True"
# The name of another plugin → what is there with it.
_GOES_WITH: Final = {
    "celery.contrib.pytest": "amqpbroker.testing.fixtures.for_celery",
    "pytest_asyncio.plugin": "amqpbroker.testing.fixtures.for_pytest_asyncio",
}
# The brokers that a test has used, for the report of its failure.
_USED: Final = pytest.StashKey["list[Used]"]()
# Set once a test has used the broker of the session, which is then to be emptied.
_SOURCE: Final = pytest.StashKey["Source"]()


def pytest_addoption(parser: pytest.Parser, pluginmanager: pytest.PytestPluginManager) -> None:
    """The options, and amqpbroker_profile of the ini file."""
    # pytest compiles each module of a package that has a plugin once more, to show more of its asserts. Of hundreds of
    # them that takes seconds, in every run where bytecode is not kept. There is no public way to leave it out.
    getattr(getattr(pluginmanager, "rewrite_hook", None), "_must_rewrite", set()).discard("amqpbroker")
    group = parser.getgroup("amqpbroker", "amqpbroker: an AMQP broker for the tests")
    group.addoption("--amqpbroker-url", metavar="URL", help="run against the RabbitMQ at this amqp:// URL instead")
    group.addoption(
        "--amqpbroker-management-url",
        metavar="URL",
        help="where the HTTP API of that RabbitMQ is; without it, port 15672 of the same machine",
    )
    group.addoption("--amqpbroker-profile", metavar="VERSION", help=f"{_PROFILE}; in the ini file amqpbroker_profile")
    parser.addini("amqpbroker_profile", _PROFILE, default="")


def pytest_configure(config: pytest.Config) -> None:
    """The marker."""
    config.addinivalue_line("markers", _MARKER)


@pytest.hookimpl(trylast=True)
def pytest_plugin_registered(plugin: object, manager: pytest.PytestPluginManager) -> None:
    """What goes with another plugin comes right after it, so that its fixture is the one that counts."""
    if (ours := _GOES_WITH.get(getattr(plugin, "__name__", ""))) is not None:
        manager.import_plugin(ours)


@pytest.hookimpl(wrapper=True)
def pytest_runtest_call(item: pytest.Item) -> Generator[None, object, object]:
    """What its clients did that will break in production is told as a warning of the test, or fails it."""
    result = yield
    _warn(item)
    return result


@pytest.hookimpl(wrapper=True)
def pytest_runtest_teardown(item: pytest.Item) -> Generator[None, object, object]:
    """Empties the broker of the session once all that the test has set up is gone, in whatever order it came."""
    try:
        result = yield
        _warn(item)
        return result
    finally:
        if (source := item.stash.get(_SOURCE, None)) is not None:
            source.reset()


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport(item: pytest.Item) -> Generator[None, pytest.TestReport, pytest.TestReport]:
    """A test that fails tells what was in its broker."""
    report = yield
    if report.failed and (used := item.stash.get(_USED, None)):
        from amqpbroker.testing.fixtures.failure import sections

        report.sections += sections(used)
    return report


@pytest.fixture(scope="session")
def _amqpbroker_source(request: pytest.FixtureRequest) -> Iterator["Source"]:
    from amqpbroker.testing.fixtures.source import source_of

    source = source_of(request.config)
    yield source
    source.stop()


@pytest.fixture
def amqp_broker(request: pytest.FixtureRequest) -> Iterator["Broker"]:
    """A broker with nothing in it: one for the session, emptied after every test; with --amqpbroker-url, a RabbitMQ."""
    source: Source = request.getfixturevalue("_amqpbroker_source")
    with ExitStack() as stack:
        if settings := settings_of(request.node):
            broker = stack.enter_context(source.new_broker("amqp_broker with settings of its own", settings))
        else:
            broker = stack.enter_context(source.shared_broker())
            request.node.stash[_SOURCE] = source
        _has_used(request.node, broker)
        yield broker


@pytest.fixture
def amqp_url(amqp_broker: "Broker") -> str:
    """The amqp:// URL of `amqp_broker`."""
    return amqp_broker.url


@pytest.fixture
def amqp_vhost(request: pytest.FixtureRequest) -> Iterator["Vhost"]:
    """A new virtual host with a name of its own, gone after the test; what else is in the broker stays."""
    source: Source = request.getfixturevalue("_amqpbroker_source")
    with source.new_vhost() as vhost:
        _has_used(request.node, vhost)
        yield vhost


@pytest.fixture
def amqp_broker_factory(request: pytest.FixtureRequest) -> Iterator[Callable[..., "Broker"]]:
    """Makes brokers, each with settings of its own: `amqp_broker_factory(profile="3.13")`. They end with the test."""
    source: Source = request.getfixturevalue("_amqpbroker_source")
    with ExitStack() as stack:

        def started(**settings: object) -> "Broker":
            broker = stack.enter_context(
                source.new_broker("amqp_broker_factory", {**settings_of(request.node), **settings})
            )
            _has_used(request.node, broker)
            return broker

        yield started


@pytest.fixture
def amqp_broker_process(request: pytest.FixtureRequest) -> Iterator["BrokerProcess"]:
    """A broker in a process of its own, with its messages on disk: to be killed, and started again."""
    source: Source = request.getfixturevalue("_amqpbroker_source")
    with source.new_process(settings_of(request.node)) as process:
        _has_used(request.node, process)
        yield process


@pytest.fixture
def aio_amqp_broker(request: pytest.FixtureRequest) -> "AsyncBroker":
    """An AsyncBroker with nothing in it, on the loop of the test: pytest-asyncio's, in either mode, or anyio's."""
    from amqpbroker.testing.fixtures.loops import fixture_of

    broker: AsyncBroker = request.getfixturevalue(fixture_of(request))
    _has_used(request.node, broker)
    return broker


@pytest.fixture
async def _aio_amqp_broker_anyio(request: pytest.FixtureRequest, _amqpbroker_source: "Source") -> Any:
    async with _amqpbroker_source.new_async_broker(settings_of(request.node)) as broker:
        yield broker


def settings_of(item: pytest.Item) -> dict[str, Any]:
    """What the markers of a test set its brokers to; that of the test goes before that of its module."""
    settings: dict[str, Any] = {}
    for marker in item.iter_markers("amqp_broker"):
        if marker.args:
            raise pytest.UsageError(f"{item.nodeid}: amqp_broker({marker.args[0]!r}): give settings by name")
        settings = {**marker.kwargs, **settings}
    return settings


def _has_used(item: pytest.Item, broker: "Used") -> None:
    used = item.stash.setdefault(_USED, [])
    if broker not in used:
        used.append(broker)


def _warn(item: pytest.Item) -> None:
    if used := item.stash.get(_USED, None):
        from amqpbroker.testing.fixtures.findings import warn

        warn(item, used)
