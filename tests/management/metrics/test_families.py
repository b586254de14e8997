"""Names as labels."""

from amqpbroker.management.metrics.families import label


def test_of_what_is_no_unicode_the_place_is_left() -> None:
    assert label("tasks \udcff ✓") == "tasks ? ✓"
