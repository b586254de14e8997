"""Where publish, consume and bench connect to, and as whom; what cannot be used is refused before that."""

import ssl
import sys
from argparse import ArgumentParser, Namespace

import pika
import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.cli import amqp
from amqpbroker.cli.amqp import Address, Failure
from amqpbroker.cli.login import UsageError
from tests.helpers.served_broker import ServedBroker


def options(*flags: str) -> Namespace:
    parser = ArgumentParser()
    amqp.add_options(parser, "--uri")
    return parser.parse_args(flags)


@pytest.mark.parametrize(
    ("flags", "environment", "found"),
    [
        ([], {}, Address("127.0.0.1", 5672, "guest", "guest", "/")),
        (["--url", "amqp://h"], {}, Address("h", 5672, "guest", "guest", "/")),
        (["--uri", "amqp://anna:a%2Fb@h:1/v%2Fw"], {}, Address("h", 1, "anna", "a/b", "v/w")),
        (["--url", "amqp://anna:a@h/v", "--vhost", "w"], {}, Address("h", 5672, "anna", "a", "w")),
        (["--url", "amqp://anna:a@h", "--user", "bert", "--password", "b"], {}, Address("h", 5672, "bert", "b", "/")),
        ([], {"AMQPBROKER_URL": "amqp://[::1]:1/v"}, Address("::1", 1, "guest", "guest", "v")),
        ([], {"AMQPBROKER_VHOST": "v", "AMQPBROKER_PASSWORD": "p"}, Address("127.0.0.1", 5672, "guest", "p", "v")),
    ],
)
def test_an_address_is_made_of(flags: list[str], environment: dict[str, str], found: Address) -> None:
    assert amqp.address(options(*flags), environment) == found


def test_amqps_looks_at_the_certificate_unless_told_not_to() -> None:
    secure = amqp.address(options("--url", "amqps://h"), {})
    assert secure.port == 5671
    assert secure.tls is not None and secure.tls.verify_mode == ssl.CERT_REQUIRED
    insecure = amqp.address(options("--url", "amqps://h", "--insecure"), {})
    assert insecure.tls is not None and insecure.tls.verify_mode == ssl.CERT_NONE


def test_an_address_is_told_without_a_password() -> None:
    assert str(amqp.address(options("--url", "amqp://anna:s3cret@[::1]/v"), {})) == "amqp://[::1]:5672"


@pytest.mark.parametrize("url", ["http://h", "h", "amqp://", "amqp://u:s3cret@h:port", "amqps://h:99999", "amqp://["])
def test_what_is_no_address_is_refused_and_not_repeated(url: str) -> None:
    with pytest.raises(UsageError) as refusal:
        amqp.address(options("--url", url), {})
    assert "s3cret" not in str(refusal.value)


def test_certificates_that_cannot_be_read_are_told() -> None:
    with pytest.raises(UsageError, match=r"nowhere\.pem: cannot be used as certificates"):
        amqp.address(options("--url", "amqps://h", "--ca", "nowhere.pem"), {})


@given(st.text())
def test_any_text_is_an_address_or_refused(text: str) -> None:
    try:
        amqp.address(options(f"--url={text}"), {})
    except UsageError:
        pass


def test_nobody_there(closed_port: int) -> None:
    with pytest.raises(Failure, match=r"cannot be reached \(Connection refused\)") as failure:
        amqp.connect(Address("127.0.0.1", closed_port, "guest", "guest", "/"))
    assert failure.value.exit_code == 69


def test_somebody_who_is_not_let_in(served: ServedBroker) -> None:
    there = Address("127.0.0.1", served.port, "guest", "wrong", "/")
    with pytest.raises(Failure, match="ACCESS_REFUSED") as failure:
        amqp.connect(there)
    assert failure.value.exit_code == 1
    with pytest.raises(Failure, match="NOT_ALLOWED - vhost nowhere not found"):
        amqp.connect(there._replace(password="guest", vhost="nowhere"))


def test_what_the_broker_ends_is_told(served: ServedBroker) -> None:
    def declare(connection: pika.BlockingConnection) -> int:
        connection.channel().queue_declare("nowhere", passive=True)
        return 0

    with pytest.raises(Failure, match=r"^404 NOT_FOUND - no queue 'nowhere' in vhost '/'"):
        amqp.with_connection(Address("127.0.0.1", served.port, "guest", "guest", "/"), declare)


def test_without_pika_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pika", None)
    with pytest.raises(UsageError, match=r"pip install amqpbroker\[cli\]"):
        amqp.connect(Address("127.0.0.1", 1, "guest", "guest", "/"))
