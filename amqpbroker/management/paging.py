"""`page=2&page_size=50&name=tasks`: a client asks for a part of a list, and of that only what is named so.

Source: RabbitMQ `rabbit_mgmt_util` (pagination_params, maybe_filter_context, range_filter).
"""

import re
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from amqpbroker.management.errors import ApiError, BadRequest

PAGE_SIZE: Final = 100
PAGE_SIZE_MAX: Final = 500
# A pattern can be such that it never comes to an end, and the broker waits for it: for so long, over all names.
PATTERN_TIMEOUT_S: Final = 0.1
PATTERN_MAX_CHARACTERS: Final = 1_000

_WHOLE: Final = re.compile(r"[+-]?[0-9]{1,18}", re.ASCII)
_INVALID: Final = "Pagination parameters are invalid"


@dataclass(frozen=True, slots=True)
class Page:
    """number: from 1 on. size: how many items a page has. name: what is looked for in names, whatever the case."""

    number: int
    size: int
    name: str = ""
    use_regex: bool = False

    def of(self, items: Sequence[Any], name_of: Callable[[Any], str]) -> tuple[list[Any], dict[str, int]]:
        """The items of this page, of those named so, and what is told with them. Raises 400 behind the last page."""
        total_count = len(items)
        found = items if not self.name else self._named(items, name_of)
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

    def _named(self, items: Sequence[Any], name_of: Callable[[Any], str]) -> list[Any]:
        if self.use_regex:
            return self._matching(items, name_of)
        looked_for = self.name.lower()
        return [item for item in items if looked_for in name_of(item).lower()]

    def _matching(self, items: Sequence[Any], name_of: Callable[[Any], str]) -> list[Any]:
        import regex

        if len(self.name) > PATTERN_MAX_CHARACTERS:
            raise BadRequest(f"the pattern has more than {PATTERN_MAX_CHARACTERS} characters")
        until_s = time.monotonic() + PATTERN_TIMEOUT_S
        try:
            pattern = regex.compile(self.name, regex.IGNORECASE)
            found = []
            for item in items:
                left_s = max(until_s - time.monotonic(), 0.001)
                if pattern.search(name_of(item), timeout=left_s, concurrent=False) is not None:
                    found.append(item)
        except regex.error:
            raise BadRequest(_INVALID) from None
        except TimeoutError:
            raise BadRequest("the pattern takes too long to be looked for") from None
        return found


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
