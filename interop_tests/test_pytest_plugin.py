"""The fixtures of `amqpbroker[pytest]` with --amqpbroker-url: a suite in the test, against the broker under test."""

import pytest

pytest_plugins = ["pytester"]

TESTS = """
import pika

names = []

def channel_to(url):
    return pika.BlockingConnection(pika.URLParameters(url)).channel()

def test_a_virtual_host_for_each_test(amqp_broker, amqp_vhost):
    for url in (amqp_broker.url, amqp_vhost.url):
        channel = channel_to(url)
        channel.queue_declare("tasks", durable=True)
        channel.basic_publish("", "tasks", b"one")
        names.append(url)

def test_nothing_of_another_test(amqp_broker):
    assert amqp_broker.url not in names
    assert channel_to(amqp_broker.url).queue_declare("tasks", durable=True).method.message_count == 0

def test_the_virtual_hosts_are_gone():
    for url in names:
        try:
            channel_to(url)
        except pika.exceptions.AMQPConnectionError:
            continue
        raise AssertionError(url)

def test_clock(amqp_broker):
    amqp_broker.clock.advance("30m")

def test_queues(amqp_vhost):
    amqp_vhost.queues

def test_factory(amqp_broker_factory):
    amqp_broker_factory(profile="4.3")

def test_process(amqp_broker_process):
    pass
"""


def test_each_test_has_a_virtual_host_and_what_looks_inside_is_skipped(pytester, amqp_url, management):
    pytester.makepyfile(TESTS)
    where = [
        "--amqpbroker-url",
        amqp_url,
        "--amqpbroker-management-url",
        str(management.base_url.join("/")).rstrip("/"),
    ]
    result = pytester.runpytest_subprocess("-p", "no:cacheprovider", "-rs", *where)
    result.assert_outcomes(passed=3, skipped=4)
    result.stdout.fnmatch_lines(
        ["*clock: it looks into the broker, which the RabbitMQ of --amqpbroker-url does not allow"]
    )
    left = [vhost["name"] for vhost in management.get("/vhosts").json() if vhost["name"].startswith("amqpbroker-test-")]
    assert left == []


@pytest.mark.parametrize("url", ["amqp://guest:wrong@127.0.0.1:{port}/", "amqp://guest:guest@127.0.0.1:{port}/"])
def test_what_is_wrong_with_the_http_api_is_told_with_what_to_do(pytester, url, management):
    pytester.makepyfile("def test_url(amqp_url): pass")
    api = str(management.base_url.join("/")).rstrip("/") if "wrong" in url else "http://127.0.0.1:1"
    result = pytester.runpytest_subprocess("--amqpbroker-url", url.format(port=1), "--amqpbroker-management-url", api)
    wanted = "*has to be an administrator*" if "wrong" in url else "*say where it is with --amqpbroker-management-url*"
    result.stdout.fnmatch_lines([wanted])
