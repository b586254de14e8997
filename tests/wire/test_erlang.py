"""Values as RabbitMQ's texts quote them; recorded from 3.10.8 by a binding's x-match and a queue's x-queue-mode."""

import pytest

from amqpbroker.wire.erlang import entries, json_pairs, json_term, string, tagged, term, with_number
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


@pytest.mark.parametrize(
    ("value", "words"),
    [
        (None, "null"),
        (True, "true"),
        (-1, "-1"),
        (10**30, "1" + "0" * 30),
        (1.5, "1.5"),
        (1e100, "1.0e100"),
        ("x", '<<"x">>'),
        ("", "<<>>"),
        ('a"b', '<<"a\\"b">>'),
        ("é", '<<"é">>'),
        ([], "[]"),
        ([1], "[1]"),
        ([97, 98], '"ab"'),
        ([97, True], "[97,true]"),
        (["x", 1.0, False, None], '[<<"x">>,1.0,false,null]'),
        ({"c": "d", "a": [1, {"b": "x"}]}, '#{<<"a">> => [1,#{<<"b">> => <<"x">>}],<<"c">> => <<"d">>}'),
    ],
)
def test_values_out_of_json_are_printed_as_a_policy_had_them_printed(value: object, words: str) -> None:
    assert json_term(value) == words


def test_pairs_stand_in_one_line_or_each_in_its_own() -> None:
    assert json_pairs({"zz": 1, "a": 2}) == '[{<<"a">>,2},{<<"zz">>,1}]'
    long = {letter * 30: 1 for letter in "abc"}
    assert json_pairs(long) == ",\n ".join(f'{{<<"{name}">>,1}}' for name in long).join("[]")


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("nothing to repeat", '{"nothing to repeat",2}'),
        ("\\ at end of pattern", '{"\\\\ at end of pattern",\n' + " " * 54 + "2}"),
        ("unmatched parentheses", '{"unmatched parentheses",\n' + " " * 54 + "2}"),
    ],
)
def test_a_number_goes_into_the_next_line_near_the_end_of_one(text: str, words: str) -> None:
    assert with_number(text, 2, 53) == words


def test_the_entries_of_a_table_are_printed_one_by_one() -> None:
    table = {"x-priority": Field("b", 3), "t": Field("F", {"z": Field("t", True)})}
    assert entries(table) == ['{<<"x-priority">>,byte,3}', '{<<"t">>,table,[{<<"z">>,bool,true}]}']
    assert entries({}) == []
