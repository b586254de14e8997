"""What is written down of each message."""

from amqpbroker.capacity.simulation.waits import Waits


def test_waits_stand_in_the_order_of_the_messages_however_they_were_served():
    waits = Waits(3)
    for number in (2, 0, 1):
        waits.delivered(number, float(number))
        waits.begun(number, number + 0.5)
    assert list(waits.until_delivered_s) == [0, 1, 2]
    assert list(waits.until_begun_s) == [0.5, 1.5, 2.5]
    assert waits.left == 0
