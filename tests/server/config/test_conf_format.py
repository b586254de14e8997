"""The format of rabbitmq.conf: what a line may be, what it gives, and how a fault in it is named."""

from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from amqpbroker.server.config import ConfigError
from amqpbroker.server.config.conf_format import Key, Line, key_text, parse, read_conf, resolve


def settings_in(text: str) -> dict[str, str]:
    return {line.name: line.value for line in parse(text, "rabbitmq.conf") if isinstance(line, Line)}


def fault(text: str) -> str:
    with pytest.raises(ConfigError) as refused:
        settings_in(text)
    return str(refused.value)


@pytest.mark.parametrize(
    ("text", "value"),
    [
        ("a = b", "b"), ("a=b\r\n", "b"), ("\t a \t=\t b \t\n", "b"), ("a = b c # no more", "b c"),
        ("a = b#c", "b"), ("a = 'b#c' # no more", "b#c"), ("a = ''", ""), ("a = 'b c ' ", "b c "),
        ("a = '''\none\ntwo\n'''", "one\ntwo"), ("a = it's", "it's"), ("a = b = c", "b = c"), ("a = ü", "ü"),
    ],
)  # fmt: skip
def test_a_value_is_what_stands_behind_the_equals_sign(text, value):
    assert settings_in(text) == {"a": value}


def test_comments_and_empty_lines_say_nothing():
    assert settings_in("# a = b\n\n  \t\n   # c\na.b = d\n#") == {"a.b": "d"}


def test_of_two_lines_with_one_key_the_later_counts(tmp_path):
    (tmp_path / "rabbitmq.conf").write_text("a = b\na = c\n")
    assert [line.value for line in read_conf(str(tmp_path / "rabbitmq.conf")).values()] == ["c"]


def test_a_dot_within_a_part_of_a_key_has_a_backslash():
    (line,) = parse(r"loopback_users.anna\.b = true", "x")
    assert isinstance(line, Line)
    assert (line.key, line.name) == (("loopback_users", "anna.b"), r"loopback_users.anna\.b")


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("a = b\nport 5672", "rabbitmq.conf, line 2: is no setting"),
        ("a = '''\n\n''' \n: b", "rabbitmq.conf, line 4: is no setting"),
        ("a b = c", "rabbitmq.conf, line 1: is no setting"),
        ("[{rabbit, []}].", "rabbitmq.conf, line 1: is no setting"),
        ("default_pass = ", "line 1: default_pass: has no value"),
        ("default_pass = # s3cret", "line 1: default_pass: has no value"),
        ("default_pass = 's3cret", "line 1: default_pass: its quote is not closed"),
        ("default_pass = 's3cret'more", "line 1: default_pass: there is more on the line than a value"),
        ("default_pass 's3cret'", "line 1: is no setting"),
    ],
)
def test_a_fault_is_named_with_its_line_and_without_what_may_be_secret(text, expected):
    assert expected in fault(text)
    assert "s3cret" not in fault(text)


def test_a_file_includes_others_beside_it(tmp_path: Path):
    (tmp_path / "conf.d").mkdir()
    for name, value in (("20.conf", "late"), ("10.conf", "early")):
        (tmp_path / "conf.d" / name).write_text(f"a = {value}\n")
    main = tmp_path / "rabbitmq.conf"
    main.write_text("a = first\ninclude conf.d/*.conf # all\nb = own\n")
    assert {line.name: line.value for line in read_conf(str(main)).values()} == {"a": "late", "b": "own"}


def test_a_file_that_includes_itself_or_one_that_is_not_there_is_refused(tmp_path: Path):
    main = tmp_path / "rabbitmq.conf"
    main.write_text("a = b\ninclude rabbitmq.conf\n")
    with pytest.raises(ConfigError, match=r"rabbitmq\.conf, line 2: .*includes itself"):
        read_conf(str(main))
    main.write_text("include other.conf\n")
    with pytest.raises(ConfigError, match=r"other\.conf: cannot be read"):
        read_conf(str(main))


def test_a_file_that_is_not_utf_8_is_refused(tmp_path: Path):
    (tmp_path / "rabbitmq.conf").write_bytes(b"a = \xff")
    with pytest.raises(ConfigError, match="is not UTF-8"):
        read_conf(str(tmp_path / "rabbitmq.conf"))


def resolved(text: str, environment: dict[str, str] | None = None, folder: str = "") -> dict[str, str]:
    lines = {line.key: line for line in parse(text, f"{folder}rabbitmq.conf") if isinstance(line, Line)}
    return {line.name: line.value for line in resolve(lines, environment or {}).values()}


def test_a_value_refers_to_others_and_to_the_environment():
    found = resolved("a = $(b.c)/$( b.c )\nb.c = $(HOME)\nd = $(unfinished", {"HOME": "home", "b.c": "other"})
    assert found == {"a": "home/home", "b.c": "home", "d": "$(unfinished"}


def test_a_value_is_the_content_of_a_file(tmp_path: Path):
    (tmp_path / "password").write_text("s3cret\n")
    assert resolved("default_pass = $(<password)", folder=f"{tmp_path}/") == {"default_pass": "s3cret"}
    with pytest.raises(ConfigError, match=r"line 1: default_pass: .*nothing cannot be read"):
        resolved("default_pass = $(<nothing)")


@pytest.mark.parametrize(
    ("text", "expected"),
    [("a = $(b)", r"a: $(b) is not set"), ("a = $(b)\nb = $(a)", "refers to itself"), ("a = $(a)", "refers to itself")],
)
def test_a_reference_to_nothing_or_to_itself_is_refused(text, expected):
    with pytest.raises(ConfigError) as refused:
        resolved(text)
    assert expected in str(refused.value)


part = st.text("abcXYZ019_-.", min_size=1)
keys = st.lists(part, min_size=1, max_size=4).map(tuple)
printable = st.characters(codec="utf-8", exclude_characters="'\r\n", exclude_categories=["Cs"])


@settings(deadline=None)
@given(st.dictionaries(keys, st.text(printable)))
@example({("a", "."): ""})
def test_what_is_written_in_quotes_is_read_again(written: dict[Key, str]):
    text = "".join(f"{key_text(key)} = '{value}'\n" for key, value in written.items())
    found = {line.key: line.value for line in parse(text, "x") if isinstance(line, Line)}
    assert found == written


@settings(deadline=None)
@given(st.text("ab=.'#$()\\ \t\r\n-include*/"))
def test_any_text_is_settings_or_refused_with_a_line(text: str):
    try:
        found = list(parse(text, "x"))
    except ConfigError as refused:
        assert str(refused).startswith("x, line ")
    else:
        assert all("\n" not in line.name for line in found if isinstance(line, Line))
