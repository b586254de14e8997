"""tx.*: what is published and acknowledged becomes true at once, or never. Source: RabbitMQ `rabbit_channel`."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from amqpbroker.errors import PRECONDITION_FAILED, AMQPError
from amqpbroker.session.transaction import Transaction
from amqpbroker.session.unacked import unknown_tag
from amqpbroker.wire.methods import Tx

if TYPE_CHECKING:
    from amqpbroker.session.channel import Channel


def select(channel: "Channel", method: Tx.Select) -> None:
    if channel.confirms is not None:
        raise AMQPError(PRECONDITION_FAILED, "cannot switch from confirm to tx mode")
    if channel.transaction is None:
        channel.transaction = Transaction()
    channel.reply(Tx.SelectOk())


def commit(channel: "Channel", method: Tx.Commit) -> None:
    done = _current(channel)
    channel.transaction = Transaction()
    all_taken = True
    for group, messages in done.published:
        all_taken = channel.route_committed(group, messages) and all_taken
    for entries, how in done.settled:
        channel.settle(list(entries.values()), how)
    if not all_taken:
        raise AMQPError(PRECONDITION_FAILED, "partial tx completion")
    journal = channel.connection.broker.journal
    after = 0
    if journal is not None:
        # What was settled may have gone with its queue, and that not be on disk yet.
        after = journal.open_number if journal.is_recording else journal.defined_number
    channel.reply(Tx.CommitOk(), after=after)


def rollback(channel: "Channel", method: Tx.Rollback) -> None:
    undone = _current(channel)
    channel.transaction = Transaction()
    for entries, _ in undone.settled:
        channel.unacked.restore(entries)
    channel.reply(Tx.RollbackOk())


def settle(channel: "Channel", tag: int, multiple: bool, how: str) -> None:
    """Notes an ack, nack or reject for the commit; its messages cannot be settled again before a rollback."""
    transaction = _current(channel)
    entries = channel.unacked.entries
    if multiple and tag == 0:
        tags = list(entries)
    elif tag not in entries:
        raise unknown_tag(tag)
    else:
        tags = [one for one in entries if one <= tag] if multiple else [tag]
    transaction.settled.append(({one: entries.pop(one) for one in tags}, how))


def _current(channel: "Channel") -> Transaction:
    if channel.transaction is None:
        raise AMQPError(PRECONDITION_FAILED, "channel is not transactional")
    return channel.transaction


HANDLERS: dict[tuple[int, int], Callable[..., None]] = {(90, 10): select, (90, 20): commit, (90, 30): rollback}
