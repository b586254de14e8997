"""`page=2&page_size=50&name=tasks`: a client asks for a part of a list, and of that only what is named so.

Source: RabbitMQ `rabbit_mgmt_util` (pagination_params, maybe_filter_context, range_filter).
"""

import asyncio
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from amqpbroker.management.errors import ApiError, BadRequest

PAGE_SIZE: Final = 100
PAGE_SIZE_MAX: Final = 500
# A pattern can be such that it never comes to an end, and the broker waits for it: for so long with one name.
PATTERN_TIMEOUT_S: Final = 0.05
PATTERN_MAX_CHARACTERS: Final = 1_000

# So many names are looked at before others have their turn.
_NAMES_PER_TURN: Final = 500
_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_INVALID: Final = "Pagination parameters are invalid"


@dataclass(frozen=True, slots=True)
class Page:
    """number: from 1 on. size: how many items a page has. name: what is looked for in names, whatever the case."""

    number: int
    size: int
    name: str = ""
    use_regex: bool = False

    async def of(self, items: Sequence[Any], name_of: Callable[[Any], str]) -> tuple[list[Any], dict[str, int]]:
        """The items of this page, of those named so, and what is told with them. Raises 400 behind the last page."""
        total_count = len(items)
        found = items if not self.name else await self._named(items, name_of)
        first = (self.number - 1) * self.size
        if first > len(found):
            place = f"page: {self.number} page size: {self.size}, len: {len(found)}"
            raise ApiError(400, "page_out_of_range", f"Page out of range, {place}")
        part = list(found[first : first + self.size])
        return part, {
            "filtered_count": len(found),
            "item_count": len(part),
            "page": self.number,
            "page_count": -(-len(found) // self.size),
            "page_size": self.size,
            "total_count": total_count,
        }

    async def _named(self, items: Sequence[Any], name_of: Callable[[Any], str]) -> list[Any]:
        is_named = self._pattern() if self.use_regex else self._part_of_a_name()
        found = []
        for place in range(0, len(items), _NAMES_PER_TURN):
            found += [item for item in items[place : place + _NAMES_PER_TURN] if is_named(name_of(item))]
            await asyncio.sleep(0)
        return found

    def _part_of_a_name(self) -> Callable[[str], bool]:
        looked_for = self.name.lower()
        return lambda name: looked_for in name.lower()

    def _pattern(self) -> Callable[[str], bool]:
        import regex

        if len(self.name) > PATTERN_MAX_CHARACTERS:
            raise BadRequest(f"the pattern has more than {PATTERN_MAX_CHARACTERS} characters")
        try:
            pattern = regex.compile(self.name, regex.IGNORECASE)
        except regex.error:
            raise BadRequest(_INVALID) from None

        def is_named(name: str) -> bool:
            try:
                return pattern.search(name, timeout=PATTERN_TIMEOUT_S) is not None
            except TimeoutError:
                raise BadRequest("the pattern takes too long to be looked for") from None

        return is_named


def read_page(query: Mapping[str, str]) -> Page | None:
    """The page that is asked for; None: the whole list. Raises 400."""
    number, size = (_whole_number(query.get(name)) for name in ("page", "page_size"))
    if number is None:
        return None
    if number < 1 or (size is not None and not 1 <= size <= PAGE_SIZE_MAX):
        told = "undefined" if size is None else size
        reason = f"Invalid pagination parameters: page number {number}, page size {told}"
        raise ApiError(400, "invalid_pagination_parameters", reason)
    use_regex = query.get("use_regex", "").lower() == "true"
    return Page(number, PAGE_SIZE if size is None else size, query.get("name", ""), use_regex)


def _whole_number(text: str | None) -> int | None:
    if text is None:
        return None
    if _WHOLE.fullmatch(text) is None:
        raise BadRequest(_INVALID)
    return int(text)
