"""The handshake step by step: what is answered, what is refused in silence, what is told."""

import pytest

from amqpbroker.limits import CHANNEL_MAX, CLOSE_TIMEOUT_S, FRAME_MAX_BYTES, HEARTBEAT_S
from amqpbroker.profiles import PROFILES
from amqpbroker.protocol.states import ConnectionState
from amqpbroker.wire.constants import PROTOCOL_HEADER, PROTOCOL_HEADER_0_9, PROTOCOL_HEADER_1_0
from amqpbroker.wire.methods import Channel, Connection, Method
from amqpbroker.wire.tables import from_python
from tests.helpers.wire_client import ProtocolHeader, WireClient, start_ok

PROFILE_3_13 = PROFILES["3.13"]


def greeted(**options: object) -> WireClient:
    client = WireClient(**options)
    client.feed(PROTOCOL_HEADER)
    client.take()
    return client


def tuning(**options: object) -> WireClient:
    client = greeted(**options)
    client.send(0, start_ok())
    client.take()
    return client


def opening(**options: object) -> WireClient:
    client = tuning(**options)
    client.send(0, Connection.TuneOk(channel_max=2_047, frame_max=131_072, heartbeat=0))
    return client


def tune_ok(**values: int) -> Method:
    return Connection.TuneOk(**{"channel_max": 2_047, "frame_max": 131_072, "heartbeat": 0, **values})


def is_dropped_after(client: WireClient, seconds: float) -> bool:
    """Whether the broker waits so long, and no longer, before it drops the client."""
    client.advance(seconds - 0.1)
    dropped_early = client.dropped
    client.advance(0.2)
    return client.dropped and not dropped_early


def refusal(client: WireClient) -> str:
    """Why the client was refused in silence, as the log has it."""
    assert client.take() == []
    assert is_dropped_after(client, 3.0)
    return str(client.faults[-1])


# The protocol header


@pytest.mark.parametrize("header", [PROTOCOL_HEADER, PROTOCOL_HEADER_0_9])
def test_a_header_of_0_9_is_answered_with_start(header):
    client = WireClient(server_properties=from_python({"product": "RabbitMQ"}).value)
    client.feed(header)
    (start,) = client.methods()
    assert (start.version_major, start.version_minor, start.locales) == (0, 9, b"en_US")
    assert start.mechanisms == b"PLAIN AMQPLAIN"
    assert start.server_properties == from_python({"product": "RabbitMQ"}).value


@pytest.mark.parametrize(
    ("header", "answer", "answer_3_13"),
    [
        (b"GET / HT", PROTOCOL_HEADER_1_0, PROTOCOL_HEADER),
        (b"AMQP\x00\x00\x08\x00", PROTOCOL_HEADER_1_0, PROTOCOL_HEADER),
        (b"AMQP\x00\x00\x0a\x00", PROTOCOL_HEADER, PROTOCOL_HEADER),
        (PROTOCOL_HEADER_1_0, PROTOCOL_HEADER, PROTOCOL_HEADER),
    ],
)
def test_another_header_is_answered_with_what_is_spoken_here(header, answer, answer_3_13):
    for profile, expected in ((PROFILES["4.2"], answer), (PROFILE_3_13, answer_3_13)):
        client = WireClient(profile=profile)
        client.feed(header)
        assert client.take() == [ProtocolHeader(expected)]
        assert client.dropped


@pytest.mark.parametrize(
    ("header", "hint"),
    [
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", "the client speaks TLS"),
        (b"PROXY TC", "the client begins with the header of a proxy"),
        (b"\r\n\r\n\0\r\nQ", "the client begins with the header of a proxy"),
    ],
)
def test_a_client_at_the_wrong_port_is_explained_in_the_log(header, hint):
    client = WireClient()
    client.feed(header)
    assert client.dropped
    assert str(client.faults[0]).startswith(hint)


def test_part_of_a_header_is_waited_for():
    client = WireClient()
    client.feed(PROTOCOL_HEADER[:7])
    assert client.take() == []
    client.feed(PROTOCOL_HEADER[7:])
    assert len(client.take()) == 1


# Authentication


def test_a_name_and_a_password_are_answered_with_tune():
    client = greeted()
    client.send(0, start_ok("anna", "secret"))
    assert client.methods() == [
        Connection.Tune(channel_max=CHANNEL_MAX, frame_max=FRAME_MAX_BYTES, heartbeat=HEARTBEAT_S)
    ]
    assert client.session.user_name == "anna"


def test_amqplain_does_as_well():
    client = greeted()
    response = b"\x05LOGINS\0\0\0\x04anna\x08PASSWORDS\0\0\0\x06secret"
    client.send(0, Connection.StartOk(mechanism="AMQPLAIN", response=response))
    assert isinstance(client.methods()[0], Connection.Tune)


def test_a_user_who_is_known_without_a_password_is_answered_with_tune():
    client = WireClient(logins={"EXTERNAL": ("anna", "")})
    client.feed(PROTOCOL_HEADER)
    assert client.methods()[0].mechanisms == b"PLAIN AMQPLAIN EXTERNAL"
    client.send(0, Connection.StartOk(mechanism="EXTERNAL", response=b""))
    assert isinstance(client.methods()[0], Connection.Tune)
    assert client.session.user_name == "anna"


def test_a_refused_client_that_can_hear_it_is_told():
    client = greeted()
    client.send(0, start_ok("anna", "wrong"))
    (close,) = client.methods()
    assert (close.reply_code, close.class_id, close.method_id) == (403, 0, 0)
    assert close.reply_text == (
        "ACCESS_REFUSED - Login was refused using authentication mechanism PLAIN. For details see the broker logfile."
    )
    assert refusal(client) == "403 ACCESS_REFUSED - PLAIN login refused: user 'anna' - invalid credentials"


@pytest.mark.parametrize("capabilities", [{}, {"capabilities": {}}, {"capabilities": "all"}])
def test_a_refused_client_that_cannot_hear_it_is_dropped_in_silence(capabilities):
    client = greeted()
    client.send(0, start_ok("nobody", "wrong", from_python(capabilities).value))
    assert refusal(client) == "403 ACCESS_REFUSED - PLAIN login refused: user 'nobody' - invalid credentials"


def test_guest_may_not_come_from_another_machine():
    client = greeted(from_loopback=False)
    client.send(0, start_ok(client_properties={}))
    assert refusal(client).endswith("user 'guest' can only connect via localhost")


def test_an_unknown_mechanism_is_refused_in_silence():
    client = greeted()
    client.send(0, Connection.StartOk(mechanism="CRAM-MD5"))
    assert refusal(client) == "503 COMMAND_INVALID - unknown authentication mechanism 'CRAM-MD5'"


# Tuning


def test_what_was_negotiated_holds():
    client = tuning()
    client.send(0, tune_ok(channel_max=7, frame_max=8_192, heartbeat=5))
    wire = client.connection
    assert (wire.channel_max, wire.frame_max_bytes, wire.heartbeat.interval_s) == (7, 8_192, 5)
    assert wire.machine.state is ConnectionState.OPENING


@pytest.mark.parametrize(
    ("values", "explanation"),
    [
        ({"frame_max": 8_191}, "negotiated frame_max = 8191 is lower than the minimum allowed value (8192)"),
        ({"frame_max": 131_073}, "negotiated frame_max = 131073 is higher than the maximum allowed value (131072)"),
        ({"frame_max": 0}, "negotiated frame_max = 0 is higher than the maximum allowed value (131072)"),
        ({"channel_max": 2_048}, "negotiated channel_max = 2048 is higher than the maximum allowed value (2047)"),
        ({"channel_max": 0}, "negotiated channel_max = 0 is higher than the maximum allowed value (2047)"),
    ],
)
def test_what_was_not_offered_is_refused(values, explanation):
    client = tuning()
    client.send(0, tune_ok(**values))
    assert refusal(client) == f"530 NOT_ALLOWED - {explanation}"


def test_before_4_1_frames_may_be_smaller():
    client = tuning(profile=PROFILE_3_13)
    client.send(0, tune_ok(frame_max=4_096))
    assert client.connection.machine.state is ConnectionState.OPENING


def test_a_server_without_limits_grants_none():
    client = tuning(channel_max=0, frame_max_bytes=0)
    client.send(0, tune_ok(channel_max=0, frame_max=0))
    client.send(0, Connection.Open(virtual_host="/"))
    client.take()
    client.open_channel(65_535)
    client.publish(65_535, "", "nowhere", bytes(300_000), mandatory=True)
    (returned,) = client.take()
    assert returned.body == bytes(300_000)


# Opening


def test_a_virtual_host_is_opened():
    client = opening()
    client.send(0, Connection.Open(virtual_host="/"))
    assert client.methods() == [Connection.OpenOk()]
    assert client.connection.drop_at_s is None


def test_a_virtual_host_that_is_not_there_is_told_to_all():
    client = opening()
    client.send(0, Connection.Open(virtual_host="north"))
    (close,) = client.methods()
    assert (close.reply_code, close.reply_text) == (530, "NOT_ALLOWED - vhost north not found")
    assert (close.class_id, close.method_id) == (10, 40)
    assert is_dropped_after(client, CLOSE_TIMEOUT_S)


# What is out of order


@pytest.mark.parametrize(
    ("reach", "state"), [(greeted, "starting"), (tuning, "tuning")], ids=["before start-ok", "before tune-ok"]
)
def test_open_before_its_time_is_refused_in_silence(reach, state):
    client = reach()
    client.send(0, Connection.Open(virtual_host="/"))
    assert refusal(client) == f"504 CHANNEL_ERROR - unexpected method in connection state {state}"


def test_out_of_order_when_all_but_open_is_done_is_told():
    client = opening()
    client.send(0, Connection.Open(virtual_host="/"), start_ok())
    _, close = client.methods()
    assert (close.reply_code, close.reply_text) == (
        504,
        "CHANNEL_ERROR - unexpected method in connection state running",
    )


def test_a_channel_before_login_is_refused_in_silence():
    client = greeted()
    client.send(1, Channel.Open())
    assert refusal(client).startswith("505 UNEXPECTED_FRAME - type 1, all octets = ")


# While it runs


def test_new_credentials_are_taken():
    client = WireClient().connect()
    assert client.call(0, Connection.UpdateSecret(new_secret=b"s3", reason="r")) == Connection.UpdateSecretOk()


def test_after_close_the_client_may_close_again():
    client = WireClient().connect()
    assert client.call(0, Connection.Close()) == Connection.CloseOk()
    assert client.call(0, Connection.Close()) == Connection.CloseOk()
    assert not client.dropped


def test_close_ok_ends_a_close_of_ours():
    client = WireClient().connect()
    client.connection.force_close("shutdown", client.clock.seconds)
    client.send(0, Connection.CloseOk())
    assert client.dropped
