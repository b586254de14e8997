"""The fixtures, in test suites of their own."""

import subprocess
import sys
from textwrap import dedent

import aio_pika  # noqa: F401 - a run within this process forgets what it was the first to import
import pytest

from amqpbroker.testing import async_broker, broker  # noqa: F401
from amqpbroker.testing.fixtures import failure, findings, loops, source  # noqa: F401

pytest_plugins = ["pytester"]
# What the filters of these tests say holds for runs within them, too.
pytestmark = pytest.mark.filterwarnings("always::amqpbroker.testing.AmqpBrokerWarning")

PIKA = """
import pika
import pytest

def channel_to(url):
    return pika.BlockingConnection(pika.URLParameters(url)).channel()
"""


@pytest.fixture
def outcome(pytester):
    """Runs a test file with these options and gives the result."""

    def run(tests: str, *options: str, in_process: bool = True) -> pytest.RunResult:
        pytester.makepyfile(PIKA + dedent(tests))
        # hypothesis's plugin is loaded anew for each run, which takes longer than the run.
        arguments = ["-p", "no:hypothesispytest", "-p", "no:cacheprovider"]
        arguments += ["-o", "asyncio_default_fixture_loop_scope=function"]
        return (pytester.runpytest_inprocess if in_process else pytester.runpytest_subprocess)(*arguments, *options)

    return run


def test_what_a_test_leaves_in_the_broker_is_not_there_for_the_next(outcome):
    tests = """
    @pytest.mark.parametrize("again", [False, True])
    def test_order(amqp_broker, again):
        channel = channel_to(amqp_broker.url)
        assert channel.queue_declare("orders").method.message_count == 0
        channel.basic_publish("", "orders", b"one")
    """
    outcome(tests).assert_outcomes(passed=2)


def test_a_broker_that_a_test_has_stopped_is_there_again_for_the_next(outcome):
    tests = """
    @pytest.mark.parametrize("again", [False, True])
    def test_order(amqp_broker, again):
        channel_to(amqp_broker.url)
        amqp_broker.stop()
    """
    outcome(tests).assert_outcomes(passed=2)


def test_a_broker_that_a_test_has_crashed_is_there_again_for_the_next_and_leaves_no_thread(outcome):
    tests = """
    import threading

    @pytest.mark.parametrize("again", [False, True])
    def test_order(amqp_broker, again):
        amqp_broker.crash()
        assert [one.name for one in threading.enumerate()].count("amqpbroker") == 1
    """
    outcome(tests).assert_outcomes(passed=2)


def test_a_marker_and_the_ini_file_say_which_rabbitmq_it_is(outcome):
    tests = """
    def version(url):
        return channel_to(url).connection._impl.server_properties["version"][:4]

    def test_of_the_ini_file(amqp_url):
        assert version(amqp_url) == "3.13"

    @pytest.mark.amqp_broker(profile="4.3")
    class TestMarked:
        def test_of_the_class(self, amqp_url):
            assert version(amqp_url) == "4.3."

        @pytest.mark.amqp_broker(profile="4.2")
        def test_of_its_own(self, amqp_broker):
            assert version(amqp_broker.url) == "4.2."
    """
    outcome(tests, "-o", "amqpbroker_profile=3.13", "--strict-markers").assert_outcomes(passed=3)


def test_an_unknown_setting_is_named(outcome):
    tests = """
    @pytest.mark.amqp_broker(profil="4.3")
    def test_order(amqp_broker):
        pass
    """
    outcome(tests).stdout.fnmatch_lines(["*did you mean profile*"])


def test_a_virtual_host_is_new_and_gone_after_the_test(outcome):
    tests = """
    seen = []

    @pytest.mark.parametrize("again", [False, True])
    def test_order(amqp_vhost, again):
        assert channel_to(amqp_vhost.url).queue_declare("orders").method.message_count == 0
        seen.append(amqp_vhost)

    def test_gone():
        first, second = seen
        assert first.name != second.name
        with pytest.raises(pika.exceptions.ProbableAccessDeniedError):
            channel_to(first.url)
    """
    outcome(tests).assert_outcomes(passed=3)


def test_brokers_of_the_factory_end_with_the_test(outcome):
    tests = """
    brokers = []

    def test_two(amqp_broker_factory):
        brokers.extend([amqp_broker_factory(), amqp_broker_factory(profile="3.13")])
        assert len({channel_to(one.url).connection._impl.server_properties["version"] for one in brokers}) == 2

    def test_ended():
        assert [one.is_stopped for one in brokers] == [True, True]
    """
    outcome(tests).assert_outcomes(passed=2)


def test_a_process_is_there_to_be_killed(outcome):
    tests = """
    def test_kill(amqp_broker_process):
        amqp_broker_process.kill()
        amqp_broker_process.restart()
        channel_to(amqp_broker_process.url)
        assert False
    """
    outcome(tests).stdout.fnmatch_lines(["*log of the amqpbroker at amqp://*"])


AIO = """
import aio_pika

{mark}
async def test_order(aio_amqp_broker):
    async with await aio_pika.connect(aio_amqp_broker.url) as connection:
        await (await connection.channel()).declare_queue("orders", arguments={{"x-expires": 60_000}})
        await aio_amqp_broker.clock.advance("1m")
        assert await aio_amqp_broker.ask(lambda: len(aio_amqp_broker.server.broker.vhosts["/"].queues)) == 0
"""


@pytest.mark.parametrize(
    ("mark", "options"),
    [
        ("", ["--asyncio-mode=auto"]),
        ("@pytest.mark.asyncio", ["--asyncio-mode=strict"]),
        ("@pytest.mark.asyncio(loop_scope='session')", ["--asyncio-mode=strict"]),
        ("@pytest.mark.anyio", ["--asyncio-mode=strict"]),
        ("@pytest.mark.anyio", ["-p", "no:asyncio"]),
    ],
)
def test_the_broker_is_on_the_loop_of_the_test(outcome, mark, options):
    outcome(AIO.format(mark=mark), *options, in_process="no:asyncio" not in options).assert_outcomes(passed=1)


@pytest.mark.parametrize(
    ("tests", "reason"),
    [
        ("def test_order(aio_amqp_broker): pass", "*neither pytest-asyncio nor anyio runs this test*"),
        (AIO.format(mark="@pytest.mark.anyio"), "*both pytest-asyncio and anyio run this test*"),
    ],
)
def test_a_test_without_a_loop_of_its_own_is_told_so(outcome, tests, reason):
    result = outcome(tests, "--asyncio-mode=auto")
    result.assert_outcomes(errors=1)
    result.stdout.fnmatch_lines([reason])


def test_a_test_that_fails_tells_what_was_in_the_broker(outcome):
    tests = """
    def test_order(amqp_broker):
        channel = channel_to(amqp_broker.url)
        channel.queue_declare("orders")
        channel.basic_publish("", "orders", b"one")
        amqp_broker.faults.nack_publishes()
        assert False
    """
    result = outcome(tests)
    faults = ["faults:", "  nack_publishes(): struck 0 of 0 that matched"]
    result.stdout.fnmatch_lines(["*amqpbroker at amqp://*", "*orders  ready 1*", *faults])


def test_the_config_of_celery_is_that_of_the_broker(outcome, pytester):
    pytester.makeconftest('pytest_plugins = ("celery.contrib.pytest",)')
    tests = """
    def test_task(celery_app, celery_worker, amqp_broker):
        @celery_app.task
        def add(one, other):
            return one + other

        celery_worker.reload()
        assert celery_app.conf.broker_url == amqp_broker.url
        assert add.delay(2, 3).get(timeout=10) == 5
    """
    outcome(tests, in_process=False).assert_outcomes(passed=1)


def test_a_suite_goes_before_the_plugin(outcome, pytester):
    pytester.makeconftest("""
    import pytest
    pytest_plugins = ("celery.contrib.pytest",)

    @pytest.fixture(scope="session")
    def celery_config(celery_config):
        return {**celery_config, "task_default_queue": "mine"}
    """)
    tests = """
    def test_task(celery_config):
        assert celery_config["task_default_queue"] == "mine"
        assert celery_config["broker_url"].startswith("amqp://guest:guest@127.0.0.1:")
    """
    outcome(tests, in_process=False).assert_outcomes(passed=1)


def test_workers_of_xdist_have_brokers_of_their_own(outcome):
    tests = """
    @pytest.mark.parametrize("number", range(4))
    def test_order(amqp_broker, worker_id, number):
        channel_to(amqp_broker.url).queue_declare("orders", exclusive=True)
        print("broker", worker_id, amqp_broker.port, "end")
    """
    result = outcome(tests, "-p", "xdist", "-n", "2", "-rP", in_process=False)
    result.assert_outcomes(passed=4)
    brokers = {tuple(line.split()[1:3]) for line in result.outlines if line.startswith("broker ")}
    assert len(brokers) == len({port for _, port in brokers}) == 2


def test_the_plugin_loads_nothing_of_the_broker():
    look = "import pytest, sys; before = set(sys.modules); import amqpbroker.testing.pytest_plugin; "
    look += "print(*sorted(set(sys.modules) - before))"
    found = subprocess.run([sys.executable, "-c", look], capture_output=True, text=True, check=True).stdout.split()
    assert found == ["amqpbroker", "amqpbroker.testing", "amqpbroker.testing.pytest_plugin"]


def test_the_broker_is_not_compiled_once_more_by_pytest(outcome):
    tests = """
    def test_order(amqp_broker):
        import amqpbroker.testing.server
        assert "Rewrit" not in type(amqpbroker.testing.server.__loader__).__name__
    """
    outcome(tests, in_process=False).assert_outcomes(passed=1)
