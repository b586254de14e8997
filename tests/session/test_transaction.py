"""What a transaction holds."""

from amqpbroker.session.transaction import Transaction


def test_a_new_transaction_holds_nothing_and_shares_nothing() -> None:
    one, other = Transaction(), Transaction()
    one.settled.append(({}, "ack"))
    assert (other.published, other.settled) == ([], [])
