"""Names as clients send them."""

import pytest

from amqpbroker.session.names import clean


@pytest.mark.parametrize(("sent", "name"), [("tasks", "tasks"), ("ta\r\nsks\n", "tasks"), ("\n", ""), (" t\t", " t\t")])
def test_line_breaks_are_stripped_from_names(sent: str, name: str) -> None:
    assert clean(sent) == name
