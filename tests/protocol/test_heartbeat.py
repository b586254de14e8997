"""Heartbeats by a hand-turned clock: when one is sent, and when the peer counts as gone."""

from amqpbroker.protocol.heartbeat import Beat, Heartbeat


def looks(heartbeat: Heartbeat, *octets: tuple[int, int]) -> list[Beat]:
    """What consecutive looks find, each when it is due; octets: (sent, received) so far at each."""
    found = []
    for sent, received in octets:
        assert heartbeat.due_s is not None
        found.append(heartbeat.look(heartbeat.due_s, sent, received))
    return found


def test_without_an_interval_nothing_is_ever_due():
    assert Heartbeat(0, 100.0).due_s is None


def test_a_look_is_due_every_half_interval():
    heartbeat = Heartbeat(10, 100.0)
    assert heartbeat.due_s == 105.0
    heartbeat.look(105.5, 0, 0)
    assert heartbeat.due_s == 110.5


def test_a_heartbeat_is_sent_when_nothing_else_was():
    assert looks(Heartbeat(10, 0.0), (0, 1)) == [Beat.SEND]


def test_traffic_takes_the_place_of_heartbeats():
    assert looks(Heartbeat(10, 0.0), (5, 1), (9, 2), (9, 3)) == [Beat.NOTHING, Beat.NOTHING, Beat.SEND]


def test_a_peer_that_is_silent_for_two_intervals_is_gone():
    silent = [(0, 7)] * 6
    assert looks(Heartbeat(10, 0.0), *silent)[-1] is Beat.SILENT


def test_a_peer_is_not_gone_before_that():
    assert Beat.SILENT not in looks(Heartbeat(10, 0.0), *[(0, 7)] * 5)


def test_a_single_octet_shows_that_the_peer_is_there():
    octets = [(0, 7), (0, 7), (0, 7), (0, 7), (0, 7), (0, 8), (0, 8), (0, 8)]
    assert Beat.SILENT not in looks(Heartbeat(10, 0.0), *octets)


def test_silence_is_not_held_against_a_peer_that_is_not_read():
    heartbeat = Heartbeat(10, 0.0)
    heartbeat.paused = True
    assert Beat.SILENT not in looks(heartbeat, *[(0, 7)] * 20)
