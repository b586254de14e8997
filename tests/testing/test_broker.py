"""A broker in a thread of its own."""

import gc
import json
import threading
from base64 import b64encode
from urllib.error import URLError
from urllib.request import Request, urlopen

import pika
import pytest

from amqpbroker.server.config import ConfigError
from amqpbroker.testing import Broker, BrokerStoppedError


def test_pika_publishes_and_gets(channel):
    channel.queue_declare("tasks")
    channel.basic_publish("", "tasks", b"first")
    assert channel.basic_get("tasks", auto_ack=True)[2] == b"first"


def test_what_was_published_before_a_look_is_counted_without_a_confirm(broker, channel):
    channel.queue_declare("tasks")
    for number in range(1, 201):
        channel.basic_publish("", "tasks", b"x" * number)
        assert broker.ask(lambda: broker.server.broker.vhosts["/"].queues["tasks"].message_count) == number


def test_it_is_a_profile_of_rabbitmq():
    with Broker(profile="4.3") as broker:
        connection = pika.BlockingConnection(pika.URLParameters(broker.url))
        assert connection._impl.server_properties["version"].startswith("4.3")
        connection.close()


def test_stopped_it_says_so():
    broker = Broker()
    with pytest.raises(BrokerStoppedError, match="has not been started"):
        _ = broker.url
    with broker:
        pass
    with pytest.raises(BrokerStoppedError, match="has been stopped"):
        broker.clock.advance(1)


def test_its_thread_ends_with_it():
    before = threading.active_count()
    with Broker():
        assert threading.active_count() == before + 1
    assert threading.active_count() == before


def test_an_unknown_setting_is_named_with_the_nearest():
    with pytest.raises(ConfigError, match="did you mean profile"):
        Broker(profil="4.3")


def test_it_cannot_be_asked_from_its_own_thread(broker):
    with pytest.raises(RuntimeError, match="AsyncBroker"):
        broker.ask(broker.clock.freeze)


def test_the_management_api_answers_and_ends_with_it():
    with Broker(http=True) as broker:
        url = broker.http_url
        login = {"authorization": f"Basic {b64encode(b'guest:guest').decode()}"}
        request = Request(f"{url}/api/overview", headers=login)
        with urlopen(request) as answer:
            assert json.load(answer)["rabbitmq_version"] == broker.server.config.profile.version
    with pytest.raises(URLError):
        urlopen(url)


def test_one_that_ends_before_its_management_api_has_loaded_leaves_nothing_under_way(caplog):
    with Broker(http=True):
        pass
    gc.collect()  # a task that was forgotten is told of when it goes
    assert caplog.text == ""


def test_without_a_management_api_it_says_how_to_have_one(broker):
    with pytest.raises(ValueError, match="make it with http=True"):
        _ = broker.http_url
