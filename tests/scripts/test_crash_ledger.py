"""The books of the crash loops: every broken promise is a fault of its kind, and what is allowed is none."""

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from crashing.bodies import HEAD_BYTES, Label, decode, encode
from crashing.ledger import FAULTS, Delivered, Ledger, QueueBooks


class Story:
    """One publisher and one queue, told in short words."""

    def __init__(self, *, in_turn: bool = False, automatic: bool = False) -> None:
        self.ledger = Ledger([QueueBooks("q", in_turn, automatic), QueueBooks("other")])
        self.ledger.run = 1
        self.publisher = self.ledger.new_publisher()
        self.delivered = Delivered("q")

    def send(self, count: int = 1, *, confirmed: bool = True, persistent: bool = True) -> list[Label]:
        labels = [self.ledger.sending(self.publisher, ["q"], persistent=persistent) for _ in range(count)]
        if confirmed:
            self.ledger.confirmed((label, ["q"]) for label in labels)
        return labels

    def come(self, labels: Sequence[Label], *, flagged: bool = False) -> None:
        for label in labels:
            self.ledger.received(self.delivered, encode(label, 50), flagged)

    def crash(self) -> None:
        self.ledger.run += 1
        self.delivered = Delivered("q")

    def faults(self) -> dict[str, int]:
        return {kind: count for kind, count in self.ledger.faults.items() if count}


@given(st.integers(0, 5_000), st.integers(1, 1_000), st.booleans())
def test_a_body_tells_who_sent_it(size_bytes: int, number: int, persistent: bool) -> None:
    label = Label(3, number, 2, persistent)
    body = encode(label, size_bytes)
    assert decode(body) == label
    assert len(body) == max(size_bytes, HEAD_BYTES)


@given(st.integers(HEAD_BYTES, 300), st.data())
def test_a_body_with_one_wrong_octet_is_torn(size_bytes: int, data: st.DataObject) -> None:
    body = bytearray(encode(Label(1, 1, 1, True), size_bytes))
    body[data.draw(st.integers(0, size_bytes - 1))] ^= data.draw(st.integers(1, 255))
    assert decode(bytes(body)) is None


@given(st.integers(0, 199))
def test_a_body_that_ends_too_soon_is_torn(size_bytes: int) -> None:
    assert decode(encode(Label(1, 1, 1, True), 200)[:size_bytes]) is None


def test_what_comes_in_order_and_again_with_the_flag_is_right() -> None:
    story = Story(in_turn=True)
    labels = story.send(5)
    story.come(labels[:3])
    story.crash()
    story.come(labels[:3], flagged=True)
    story.come(labels[3:])
    story.ledger.drained()
    assert story.faults() == {}


def test_a_confirmed_message_that_never_comes_is_lost() -> None:
    story = Story()
    labels = story.send(3)
    story.come(labels[1:])
    story.ledger.drained()
    assert story.faults() == {"lost": 1}


def test_a_message_that_was_not_confirmed_may_be_gone() -> None:
    story = Story()
    story.send(confirmed=False)
    story.ledger.drained()
    assert story.faults() == {}


def test_a_transient_message_may_be_gone_and_may_not_survive() -> None:
    story = Story()
    labels = story.send(2, persistent=False)
    story.crash()
    story.come(labels[1:])
    story.ledger.drained()
    assert story.faults() == {"never sent": 1}


def test_a_torn_body() -> None:
    story = Story()
    story.ledger.received(story.delivered, encode(story.send()[0], 100)[:-1], False)
    assert story.faults() == {"torn": 1}


def test_messages_in_another_order() -> None:
    story = Story()
    labels = story.send(2)
    story.come(labels[::-1])
    assert story.faults() == {"out of order": 1}


def test_a_message_that_was_left_out_and_comes_after_a_restart_is_out_of_order_where_one_consumes() -> None:
    story = Story(in_turn=True)
    labels = story.send(2)
    story.come(labels[1:])
    story.crash()
    story.come(labels[:1], flagged=True)
    assert story.faults() == {"out of order": 1}


def test_a_message_that_comes_again_without_the_flag() -> None:
    story = Story()
    labels = story.send()
    story.come(labels)
    story.crash()
    story.come(labels)
    assert story.faults() == {"not flagged": 1}


def test_an_acknowledgement_that_was_under_way_may_be_gone_after_a_crash() -> None:
    story = Story()
    labels = story.send()
    story.come(labels)
    story.ledger.acked("q", [labels[0].key])
    story.crash()
    story.come(labels, flagged=True)
    assert story.faults() == {}


def test_no_acknowledgement_is_gone_without_a_crash() -> None:
    story = Story()
    labels = story.send()
    story.come(labels)
    story.ledger.acked("q", [labels[0].key])
    story.come(labels, flagged=True)
    assert story.faults() == {"came back": 1}


def test_what_was_settled_for_certain_never_comes() -> None:
    story = Story()
    labels = story.send()
    story.come(labels)
    story.ledger.acked("q", [labels[0].key])
    story.ledger.settled("q", [labels[0].key])
    story.crash()
    story.come(labels, flagged=True)
    assert story.faults() == {"came back": 1}


def test_what_was_there_when_all_was_drained_never_comes() -> None:
    story = Story()
    labels = story.send()
    story.come(labels)
    story.ledger.drained()
    story.crash()
    story.come(labels, flagged=True)
    assert story.faults() == {"came back": 1}


@pytest.mark.parametrize("come", [0, 2])
def test_a_transaction_without_an_answer_is_there_or_not(come: int) -> None:
    story = Story()
    labels = story.send(2, confirmed=False)
    story.ledger.unanswered([(label, ["q"]) for label in labels])
    story.crash()
    story.come(labels[:come])
    story.ledger.drained()
    assert story.faults() == {}


def test_half_of_a_transaction() -> None:
    story = Story()
    labels = story.send(2, confirmed=False)
    story.ledger.unanswered([(label, ["q"]) for label in labels])
    story.crash()
    story.come(labels[:1])
    story.ledger.drained()
    assert story.faults() == {"transaction split": 1}


def test_what_was_acknowledged_in_the_run_of_the_commit_says_nothing_of_it() -> None:
    story = Story()
    labels = story.send(2, confirmed=False)
    story.come(labels[:1])
    story.ledger.acked("q", [labels[0].key])
    story.ledger.unanswered([(label, ["q"]) for label in labels])
    story.crash()
    story.come(labels[1:], flagged=True)
    story.ledger.drained()
    assert story.faults() == {}


def test_what_was_rolled_back_never_comes() -> None:
    story = Story()
    labels = story.send(confirmed=False)
    story.ledger.rolled_back([(label, ["q"]) for label in labels])
    story.come(labels)
    assert story.faults() == {"never sent": 1}


def test_a_message_in_a_queue_it_was_not_sent_to() -> None:
    story = Story()
    labels = story.send()
    story.ledger.received(Delivered("other"), encode(labels[0], 50), False)
    assert story.faults() == {"never sent": 1}


@pytest.mark.parametrize(("count", "kinds"), [(0, {"count": 1}), (2, {}), (3, {}), (4, {"count": 1})])
def test_a_count_after_a_restart(count: int, kinds: dict[str, int]) -> None:
    story = Story()
    story.send(2)
    story.send(confirmed=False)
    story.send(persistent=False)
    story.crash()
    story.ledger.check_count("q", count)
    assert story.faults() == kinds


def test_what_was_on_its_way_to_a_consumer_that_does_not_acknowledge_is_gone_with_it() -> None:
    story = Story(in_turn=True, automatic=True)
    labels = story.send(6)
    story.come(labels[:2])
    story.crash()
    story.come(labels[4:])
    story.ledger.drained()
    assert story.faults() == {}
    assert story.ledger.counts["gone with the connection of a consumer that does not acknowledge"] == 2


@pytest.mark.parametrize("missing", [1, 5])
def test_what_is_missing_between_two_that_came_or_at_the_end_is_lost(missing: int) -> None:
    story = Story(in_turn=True, automatic=True)
    labels = story.send(6)
    del labels[missing]
    story.come(labels)
    story.ledger.drained()
    assert story.faults() == {"lost": 1}


def test_every_kind_of_fault_has_its_line_in_the_table() -> None:
    with pytest.raises(AssertionError):
        Ledger([]).fault("another", "")
    assert len(set(FAULTS)) == len(FAULTS)
