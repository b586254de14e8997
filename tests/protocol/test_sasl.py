"""What clients prove themselves with: PLAIN and AMQPLAIN, well-formed and not, and what carries nothing."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from amqpbroker.errors import AMQPError
from amqpbroker.protocol.sasl import MECHANISMS, WITH_PASSWORD, credentials
from amqpbroker.wire.tables import Field, encode_table, long_string


def amqplain(**fields: Field) -> bytes:
    """A table without its length, as clients send it."""
    return encode_table(fields)[4:]


def fault(mechanism: str, response: bytes) -> tuple[int, str]:
    with pytest.raises(AMQPError) as raised:
        credentials(mechanism, response, WITH_PASSWORD)
    return raised.value.code, raised.value.explanation


def test_plain_is_a_name_and_a_password_after_nuls():
    assert credentials("PLAIN", b"\0anna\0s\xc3\xa9same", WITH_PASSWORD) == ("anna", b"s\xc3\xa9same")


def test_plain_may_have_an_empty_password():
    assert credentials("PLAIN", b"\0anna\0", WITH_PASSWORD) == ("anna", b"")


@pytest.mark.parametrize("response", [b"", b"anna", b"\0anna", b"\0anna\0se\0cret", b"root\0anna\0secret"])
def test_what_is_not_nul_name_nul_password_is_502(response):
    assert fault("PLAIN", response) == (502, "response of PLAIN is not NUL user NUL password")


def test_a_name_of_any_octets_comes_through():
    name, _ = credentials("PLAIN", b"\0\xff\xfe\0secret", WITH_PASSWORD)
    assert name.encode("utf-8", "surrogateescape") == b"\xff\xfe"


def test_amqplain_is_a_table_of_login_and_password():
    response = amqplain(LOGIN=long_string("anna"), PASSWORD=long_string("secret"))
    assert credentials("AMQPLAIN", response, WITH_PASSWORD) == ("anna", b"secret")


@pytest.mark.parametrize(
    "fields",
    [
        {},
        {"LOGIN": long_string("anna")},
        {"PASSWORD": long_string("secret")},
        {"LOGIN": Field("I", 1), "PASSWORD": long_string("secret")},
        {"LOGIN": long_string("anna"), "PASSWORD": Field("t", True)},
    ],
)
def test_amqplain_without_login_or_password_is_502(fields):
    assert fault("AMQPLAIN", amqplain(**fields)) == (502, "AMQPLAIN auth info is missing LOGIN or PASSWORD")


def test_amqplain_that_is_no_table_is_502():
    assert fault("AMQPLAIN", b"\x05LOGINS\0\0\0\xff") == (502, "response of AMQPLAIN is not a table")


@pytest.mark.parametrize("mechanism", ["EXTERNAL", "ANONYMOUS"])
def test_what_these_carry_is_not_read(mechanism):
    assert credentials(mechanism, b"\0anna\0secret", MECHANISMS) == ("", None)


@pytest.mark.parametrize("mechanism", ["CRAM-MD5", "", "plain"])
def test_a_mechanism_that_nobody_knows_is_503(mechanism):
    assert fault(mechanism, b"") == (503, f"unknown authentication mechanism '{mechanism}'")


@pytest.mark.parametrize("mechanism", ["EXTERNAL", "ANONYMOUS"])
def test_a_mechanism_that_was_not_offered_is_503(mechanism):
    assert fault(mechanism, b"") == (503, f"invalid authentication mechanism '{mechanism}'")


@given(st.sampled_from(["PLAIN", "AMQPLAIN"]), st.binary(max_size=64))
def test_any_response_gives_credentials_or_502(mechanism, response):
    try:
        name, password = credentials(mechanism, response, WITH_PASSWORD)
    except AMQPError as refused:
        assert refused.code == 502
    else:
        assert isinstance(name, str)
        assert password in response
