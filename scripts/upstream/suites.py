"""The suites: where each comes from, how it is pointed at a broker, which of its tests are left out and why."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass

REQUIREMENTS = (
    # Fetches the source distributions.
    "pip",
    "pytest==9.2.0",
    "pytest-timeout==2.4.0",
    # aiormq and aio-pika: event loop, TCP proxy and names of their fixtures.
    "aiomisc==18.0.37",
    "aiomisc-pytest==2.0.0",
    "shortuuid==1.0.13",
    # pika: the event loops it has adapters for.
    "gevent",
    "tornado",
    "twisted",
    # Celery: what its integration tasks import, and the result backend.
    "redis",
    "pydantic",
    "cryptography",
    "sqlalchemy",
    "django",
    # The clients under test; the suites import the unpacked sources where these lie in the directory they run in.
    "pamqp==4.0.1",
    "pika==1.4.4",
    "aiormq==7.2.4",
    "aio-pika==10.2.1",
    "amqp==5.4.2",
    "kombu==5.7.0",
    "celery==5.7.0",
)
"""One environment for all suites."""

DURABLE, MANAGEMENT = 4, 6
"""Numbers of the issues that turn on what is left out: durable storage, TLS with users and control."""


@dataclass(frozen=True, slots=True)
class Target:
    """Where a broker listens, and the Redis server beside it, for the suites that store results in one."""

    host: str
    port: int
    redis_port: int


@dataclass(frozen=True, slots=True)
class LeftOut:
    """Tests that are not run. pattern: a node id in which `*` matches anything. issue: the one that turns them on."""

    pattern: str
    reason: str
    issue: int | None = None


@dataclass(frozen=True, slots=True)
class Known:
    """Tests whose failure is understood and no fault of the broker's. pattern: as in LeftOut."""

    pattern: str
    reason: str


@dataclass(frozen=True, slots=True)
class Suite:
    """One run of pytest.

    distribution: its name on the package index, None for what has to be a checkout. arguments: for pytest. variables:
    the environment that points it at a broker. timeout_s: of the whole run; test_timeout_s: of one test.
    """

    name: str
    distribution: str | None
    version: str
    arguments: tuple[str, ...]
    variables: Callable[[Target], Mapping[str, str]]
    left_out: tuple[LeftOut, ...] = ()
    known: tuple[Known, ...] = ()
    timeout_s: float = 600.0
    test_timeout_s: float = 60.0
    needs_redis: bool = False


def _upstream(target: Target) -> Mapping[str, str]:
    return {"UPSTREAM_HOST": target.host, "UPSTREAM_PORT": str(target.port)}


def _rabbitmq(target: Target) -> Mapping[str, str]:
    return {"RABBITMQ_HOST": target.host, "RABBITMQ_5672_TCP": str(target.port)}


def _celery(backend: str) -> Callable[[Target], Mapping[str, str]]:
    def variables(target: Target) -> Mapping[str, str]:
        return {
            "TEST_BROKER": f"pyamqp://guest:guest@{target.host}:{target.port}//",
            "TEST_BACKEND": backend.format(redis_port=target.redis_port),
            "REDIS_HOST": "127.0.0.1",
            "REDIS_PORT": str(target.redis_port),
        }

    return variables


_NO_BROKER = "talks to no AMQP broker"
_BIG_MESSAGE = (
    "sends more than 16 MiB, which RabbitMQ refuses since 4.0 and so do the profiles 4.2 and 4.3; 3.13 takes it"
)
_CLOSING_RACE = (
    "in the client the caller's close and the one that its ended reader starts race to set the reason; "
    "in 12 alternating rounds 28 and 41 of 72 failed on the two profiles here, 35 of 72 on RabbitMQ 3.10.8"
)
_TLS = "TLS"

PIKA = Suite(
    name="pika",
    distribution=None,
    version="1.4.4",
    arguments=("-pupstream_pika", "tests/acceptance"),
    variables=_upstream,
    left_out=(
        LeftOut(
            "*TestGetaddrinfoWWWGoogleDotComPort80*", "looks up a host name on the Internet; talks to no AMQP broker"
        ),
    ),
    known=(
        Known(
            "*TestInvalidExchangeTypeRaisesConnectionClosed*",
            "expects 406 on the channel, RabbitMQ's answer since 3.13.3; before, and in profile 3.13, 503 closes all",
        ),
    ),
)

AIORMQ = Suite(
    name="aiormq",
    distribution="aiormq",
    version="7.2.4",
    arguments=("-pupstream_container", "tests"),
    variables=_upstream,
    left_out=(
        LeftOut("*[*amqps*", _TLS, MANAGEMENT),
        LeftOut("*::test_ssl_verification_fails_without_trusted_ca", _TLS, MANAGEMENT),
        LeftOut("*::test_ssl_context", _TLS, MANAGEMENT),
    ),
    known=(
        Known("*::test_big_message*", _BIG_MESSAGE),
        Known("*::test_closing_waiter_cancellation[*-connection-True]", _CLOSING_RACE),
        Known("*::test_connection_close_during_publish_drain*", _CLOSING_RACE),
    ),
)

AIO_PIKA = Suite(
    name="aio-pika",
    distribution="aio-pika",
    version="10.2.1",
    arguments=("-pupstream_container", "tests"),
    variables=_upstream,
    left_out=(
        LeftOut("tests/test_amqps.py*", _TLS, MANAGEMENT),
        LeftOut("*::test_restore_topology_and_consumers[kill]", "kills and restarts the broker", DURABLE),
        LeftOut("*::test_restore_topology_and_consumers[stop_app]", "runs rabbitmqctl stop_app", MANAGEMENT),
        LeftOut("*::test_pool_consumer_survives_broker_restart", "runs rabbitmqctl stop_app", MANAGEMENT),
    ),
    known=(Known("*::test_big_message*", _BIG_MESSAGE),),
    timeout_s=900.0,
)

PY_AMQP = Suite(
    name="py-amqp",
    distribution="amqp",
    version="5.4.2",
    arguments=("t/integration",),
    variables=_rabbitmq,
    left_out=(
        LeftOut("t/integration/test_rmq.py*[*tls*", _TLS, MANAGEMENT),
        LeftOut("t/integration/test_rmq.py::test_tls_connect_fails", _TLS, MANAGEMENT),
        LeftOut("t/integration/test_rmq.py::test_tls_*default_certs*", "connects to a host on the Internet"),
    ),
)

KOMBU = Suite(
    name="kombu",
    distribution="kombu",
    version="5.7.0",
    arguments=("t/integration/test_py_amqp.py",),
    variables=_rabbitmq,
    left_out=(),
)

_CELERY_SLOW = "takes a minute and more by itself on either broker"

CELERY = Suite(
    name="celery-redis",
    distribution="celery",
    version="5.7.0",
    arguments=("-pcelery.contrib.pytest", "t/integration", "--ignore=t/integration/test_backend.py"),
    variables=_celery("redis://127.0.0.1:{redis_port}/0"),
    left_out=(
        LeftOut("t/integration/test_backend_leak_in_fixture_teardown.py*", _NO_BROKER),
        LeftOut("t/integration/test_beat.py*", _NO_BROKER),
        LeftOut("t/integration/test_cache_backend.py*", _NO_BROKER),
        LeftOut("t/integration/test_database_backend.py*", _NO_BROKER),
        LeftOut("t/integration/test_connection_recovery.py*", "wants Redis as the broker"),
        LeftOut("t/integration/test_mem_leak_in_exception_handling.py*", _NO_BROKER),
        LeftOut("*::test_disabling_flag_allow_error_cb_on_chord_header", _CELERY_SLOW),
        LeftOut("*::test_enabling_flag_allow_error_cb_on_chord_header", _CELERY_SLOW),
        LeftOut("*::test_flag_allow_error_cb_on_chord_header_on_upgraded_chord", _CELERY_SLOW),
        LeftOut("*::test_error_propagates_from_chord", _CELERY_SLOW),
        LeftOut("*::test_nested_chord_header_link_error", _CELERY_SLOW),
    ),
    timeout_s=1500.0,
    test_timeout_s=60.0,
    needs_redis=True,
)

CELERY_RPC = Suite(
    name="celery-rpc",
    distribution="celery",
    version="5.7.0",
    arguments=("-pcelery.contrib.pytest", "t/integration/test_tasks.py"),
    variables=_celery("rpc://"),
    timeout_s=600.0,
    test_timeout_s=60.0,
    needs_redis=True,
)

SUITES = (CELERY, AIO_PIKA, AIORMQ, CELERY_RPC, KOMBU, PIKA, PY_AMQP)
"""The longest first, so that two at a time end together."""
