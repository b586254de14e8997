"""What all connections share."""

import random
import re

from amqpbroker.model.access import Users
from amqpbroker.model.broker import Broker
from amqpbroker.profiles import DEFAULT_PROFILE


def broker(seed: int = 1) -> Broker:
    return Broker(DEFAULT_PROFILE, Users([]), random.Random(seed).randbytes)


def test_a_new_virtual_host_has_the_predeclared_exchanges() -> None:
    one = broker()
    vhost = one.add_vhost("/")
    assert one.vhosts == {"/": vhost}
    assert {"", "amq.direct", "amq.fanout", "amq.topic", "amq.headers", "amq.match"} < set(vhost.exchanges)


def test_generated_names_are_a_prefix_and_22_characters_and_all_different() -> None:
    one = broker()
    names = {one.generate_name("amq.gen") for _ in range(50)}
    assert len(names) == 50
    assert all(re.fullmatch(r"amq\.gen-[A-Za-z0-9_-]{22}", name) for name in names)


def test_the_same_random_bytes_give_the_same_names() -> None:
    assert broker(7).generate_token() == broker(7).generate_token() != broker(8).generate_token()


def test_who_is_held_back_goes_on_once_when_the_reason_is_gone() -> None:
    one = broker()
    resumed: list[str] = []
    one.block("low on memory")
    one.when_unblocked(lambda: resumed.append("publisher"))
    assert (one.blocked_reason, resumed) == ("low on memory", [])
    one.unblock()
    one.unblock()
    assert (one.blocked_reason, resumed) == (None, ["publisher"])


def test_who_is_blocked_again_while_it_resumes_waits_for_the_next_time() -> None:
    one = broker()
    resumed: list[str] = []

    def resume() -> None:
        resumed.append("publisher")
        one.when_unblocked(resume)

    one.when_unblocked(resume)
    one.unblock()
    assert resumed == ["publisher"]
