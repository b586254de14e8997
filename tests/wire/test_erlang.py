"""Values as RabbitMQ's texts quote them; recorded from 3.10.8 by a binding's x-match and a queue's x-queue-mode."""

import pytest

from amqpbroker.wire.erlang import string, tagged, term
from amqpbroker.wire.tables import Field


@pytest.mark.parametrize(
    ("field", "words"),
    [
        (Field("I", -1), "-1"),
        (Field("T", 5), "5"),
        (Field("t", True), "true"),
        (Field("t", False), "false"),
        (Field("V", None), "undefined"),
        (Field("d", 1.5), "1.5"),
        (Field("d", 1.0), "1.0"),
        (Field("d", 1e22), "1.0e22"),
        (Field("d", 1.5e-7), "1.5e-7"),
        (Field("d", 0.0001), "0.0001"),
        (Field("D", (2, 314)), "{2,314}"),
        (Field("S", b"bogus"), '<<"bogus">>'),
        (Field("S", b""), "<<>>"),
        (Field("S", b'a"b\n'), '<<"a\\"b\\n">>'),
        (Field("S", "é".encode()), '<<"é">>'),
        (Field("S", b"\x00\x01"), "<<0,1>>"),
        (Field("x", b"a"), '<<"a">>'),
        (Field("A", [Field("I", 1), Field("S", b"a")]), '[{signedint,1},{longstr,<<"a">>}]'),
        (Field("A", []), "[]"),
        (Field("F", {"a": Field("I", 1)}), '[{<<"a">>,signedint,1}]'),
    ],
)
def test_terms_are_printed_as_erlang_does(field: Field, words: str) -> None:
    assert term(field) == words


def test_a_tagged_term_names_its_type() -> None:
    assert tagged(Field("S", b"5X")) == '{longstr,<<"5X">>}'


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("mode 'abc'", "\"mode 'abc'\""),
        ("l'a\"zé", '"l\'a\\"zé"'),
        ("a\x01b", "[97,1,98]"),
        ("a\udcff", '"a\udcff"'),  # an octet that is no UTF-8 goes out as it came in
    ],
)
def test_a_string_that_cannot_be_printed_becomes_numbers(text: str, words: str) -> None:
    assert string(text) == words
