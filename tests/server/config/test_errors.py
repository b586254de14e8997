"""The line that refuses a setting."""

from amqpbroker.server.config import nearest


def test_a_word_like_none_other_gets_the_list():
    assert nearest("zzz", ["serve", "version"]) == "known are serve, version"
