"""One address may have many handshakes under way, but not keep all places with old ones."""

import pytest

from amqpbroker.limits import HANDSHAKE_SPARED_S, HANDSHAKES_PER_ADDRESS_MAX
from amqpbroker.server.handshakes import Handshakes

HERE = "127.0.0.1"
LATER_S = HANDSHAKE_SPARED_S + 0.1


class Peer:
    def __init__(self) -> None:
        self.aborted = False

    def abort(self) -> None:
        self.aborted = True


def full(handshakes: Handshakes, address: str = HERE) -> list[Peer]:
    peers = [Peer() for _ in range(HANDSHAKES_PER_ADDRESS_MAX)]
    for peer in peers:
        handshakes.begin(peer, address, 0.0)
    return peers


def test_the_oldest_gives_way_to_one_more():
    handshakes = Handshakes()
    peers = full(handshakes)
    newcomer = Peer()
    handshakes.begin(newcomer, HERE, LATER_S)
    assert [peer.aborted for peer in [*peers[:2], newcomer]] == [True, False, False]


@pytest.mark.parametrize(("address", "now_s"), [(HERE, HANDSHAKE_SPARED_S), ("127.0.0.2", LATER_S)])
def test_young_ones_and_other_addresses_are_left_alone(address, now_s):
    handshakes = Handshakes()
    peers = full(handshakes)
    handshakes.begin(Peer(), address, now_s)
    assert not any(peer.aborted for peer in peers)


def test_who_has_logged_in_does_not_count():
    handshakes = Handshakes()
    peers = full(handshakes)
    handshakes.end(peers[0], HERE)
    handshakes.begin(Peer(), HERE, LATER_S)
    assert not any(peer.aborted for peer in peers)
