"""Whatever stands in a path or behind its question mark, what only reads is answered or refused, and nothing breaks."""

import random
import re
from typing import Final

import pytest

from amqpbroker.management.api import RESOURCES
from amqpbroker.management.resources import Resource
from tests.helpers.busy_broker import busy_broker

READ: Final = [one for one in RESOURCES if "GET" in one.methods and "/inbox" not in one.path]
PARTS: Final = (
    *("%2F", "%00", "%FF%FE", "a%2Fb", "%C3%A9", "..", "%25", "%0A", "(", "~", "~~", "-1", "9" * 20, "x" * 300),
    *("classic", "events", "guest", "rk~Ajat_Q", "e", "q", "1", "months", "nope"),
)
QUERIES: Final = (
    *("", "=", "&&&", "page=0", "page=%00", "page=1&name=%FF", "page=1&name=(&use_regex=true", "page=1&page=2"),
    *("sort=..", "sort=a.b.c", "sort=message_stats", "sort=arguments", "sort_reverse=TRUE", "sort=" + "a." * 2_000),
    *("columns=.,,a..b", "columns=name.x.y", "columns=" + "a," * 2_000, "name=" + "x" * 4_000, "disable_stats=maybe"),
    *("lengths_age=a&lengths_incr=b", "lengths_age=60&lengths_incr=0", "msg_rates_age=-1&msg_rates_incr=5"),
)
EXPECTED: Final = {200, 301, 400, 404, 503}


@pytest.mark.parametrize("resource", READ, ids=lambda resource: resource.path)
async def test_nothing_breaks(resource: Resource) -> None:
    chance = random.Random(resource.path)
    async with busy_broker() as busy:
        for query in QUERIES:
            path = re.sub(r"\{\w+\}", lambda _: chance.choice(PARTS), resource.path)
            answer = await busy.http.get(f"/api{path}?{query}")
            assert answer.status_code in EXPECTED, (path, query, answer.text)
            if answer.status_code == 400:
                assert set(answer.json()) == {"error", "reason"}
