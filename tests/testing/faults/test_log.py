"""What faults have done, written and read."""

from collections import deque
from datetime import UTC, datetime

import pytest

from amqpbroker.testing import FaultLog
from amqpbroker.testing.faults.log import Hit, RuleLog

HIT = Hit("nack_publishes", 1, 3, datetime(2026, 1, 1, 12, tzinfo=UTC), "basic.publish", "a -> b", 1, "", "q", ("q",))


def test_a_log_is_read_as_it_was_written():
    log = FaultLog([HIT], [RuleLog("nack_publishes", {"queue": "q"}, 7, 5, [3])])
    assert FaultLog.from_json(log.to_json()) == log


def test_it_reads_well():
    told = "12:00:00.000000 nack_publishes (rule 1) struck basic.publish, its 3. on a -> b channel 1"
    assert str(FaultLog([HIT])) == told + " exchange '' key 'q' queues q"
    assert (str(FaultLog()), len(FaultLog([HIT])), list(FaultLog([HIT]))) == ("no fault has struck", 1, [HIT])


def test_a_log_that_has_dropped_says_so_and_is_not_replayed(broker, channel, monkeypatch):
    monkeypatch.setattr("amqpbroker.testing.faults.rule.HITS_MAX", 3)
    channel.queue_declare("q")
    broker.ask(lambda: setattr(broker.server.rules, "hits", deque(maxlen=3)))
    with broker.faults.nack_publishes() as rule:
        for _ in range(5):
            channel.basic_publish("", "q", b"")
        rule.assert_hit(5)
        assert [hit.nth for hit in rule.hits] == [3, 4, 5]
    log = FaultLog.from_json(broker.faults.log.to_json())
    assert (log.dropped, len(log), str(log).splitlines()[0]) == (2, 3, "(2 older ones were dropped)")
    with pytest.raises(ValueError, match="has dropped 2 hits"):
        broker.faults.replay(log)


NO_LOGS = ["", "[]", "{}", '{"rules": [{"seed": 1}], "hits": []}', '{"rules": [], "hits": [{}]}']


@pytest.mark.parametrize("text", NO_LOGS)
def test_what_is_none_is_told(text):
    with pytest.raises(ValueError, match=r"no log of faults, which FaultLog.to_json writes"):
        FaultLog.from_json(text)
