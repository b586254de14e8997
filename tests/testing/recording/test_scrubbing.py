"""What nobody is to read."""

import pika

from amqpbroker.testing.recording.lines import Published
from amqpbroker.testing.recording.scrubbing import scrubbed
from amqpbroker.wire.properties import Properties
from amqpbroker.wire.tables import Field, from_python

HEADERS = {"token": from_python("abc"), "nested": from_python({"a": [1, None, b"xy"]}), "kept": from_python("abc")}
MESSAGE = Published(0.0, "/", "", "a", Properties(headers=HEADERS, type="t"), b"secret")


def test_bodies_keep_their_length():
    line = scrubbed(MESSAGE, body=True, headers=())
    assert (line.body, line.properties) == (b"xxxxxx", MESSAGE.properties)


def test_headers_keep_their_types():
    line = scrubbed(MESSAGE, body=False, headers=("token", "nested", "other"))
    assert line.properties.headers == {
        "token": Field("S", b"xxx"),
        "nested": from_python({"a": [0, None, b"xx"]}),
        "kept": HEADERS["kept"],
    }
    assert (line.body, line.properties.type) == (b"secret", "t")


def test_a_recording_has_nothing_of_what_was_scrubbed(broker, channel, path):
    with broker.record(path, scrub=True, scrub_headers=("Authorization",)):
        properties = pika.BasicProperties(headers={"Authorization": "hunter2", "shown": "here"})
        channel.basic_publish("amq.fanout", "", b"top secret", properties)
    text = path.read_text()
    assert "secret" not in text
    assert "hunter2" not in text
    assert '"headers": {"Authorization": "xxxxxxx", "shown": "here"}' in text
    assert '"payload": "xxxxxxxxxx"' in text
