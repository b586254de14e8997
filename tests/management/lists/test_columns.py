"""Which fields of an answer a client wants."""

import pytest

from amqpbroker.management.lists.columns import only, read_columns

VALUE = {"name": "a", "stats": {"publish": 1, "details": {"rate": 0.5}}, "parts": [{"name": "x", "size": 1}]}


@pytest.mark.parametrize(
    ("columns", "expected"),
    [
        ("name", {"name": "a"}),
        ("stats.publish", {"stats": {"publish": 1}}),
        ("stats.details.rate,name", {"name": "a", "stats": {"details": {"rate": 0.5}}}),
        ("stats,stats.publish", {"stats": VALUE["stats"]}),
        ("stats.publish,stats", {"stats": VALUE["stats"]}),
        ("parts.name", {"parts": [{"name": "x"}]}),
        ("name.deeper", {"name": "a"}),
        ("nothing", {}),
        ("", {}),
        (".,..", {}),
    ],
)
def test_what_is_named_is_left(columns: str, expected: object) -> None:
    assert only(read_columns(columns), VALUE) == expected


def test_of_a_list_each_item_is_looked_at() -> None:
    assert only(read_columns("name"), [VALUE, {"size": 2}]) == [{"name": "a"}, {}]
