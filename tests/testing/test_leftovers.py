"""What a reset has left is let go of in steps, and by itself."""

import asyncio
from collections import deque

import pytest

from amqpbroker.model.hand_clock import HandClock
from amqpbroker.model.message import address_of
from amqpbroker.model.vhost import VirtualHost
from amqpbroker.profiles import PROFILES
from amqpbroker.testing.leftovers import Leftovers


@pytest.fixture
def vhost():
    vhost = VirtualHost("/", PROFILES["4.2"], bytes, HandClock())
    for number in range(200):
        queue = vhost.new_queue(str(number), durable=False, auto_delete=False, owner=None, arguments={})
        queue.extend([(address_of("", "x"), b"", b"%d" % place, 0) for place in range(50)])
    return vhost


async def test_by_themselves_while_others_have_their_turns(vhost):
    leftovers = Leftovers(asyncio.get_running_loop())
    queues = list(vhost.queues.values())
    leftovers.take([vhost], deque())
    assert sum(queue.message_count for queue in queues) == 10_000
    while not leftovers.is_empty:
        await asyncio.sleep(0)
    assert sum(queue.message_count for queue in queues) == len(vhost.queues) == 0


async def test_at_once_when_the_next_reset_comes(vhost):
    leftovers = Leftovers(asyncio.get_running_loop())
    leftovers.take([vhost], deque())
    leftovers.take([], deque())
    assert not vhost.queues
    leftovers.let_go()
    assert leftovers.is_empty
