r"""Regular expressions that a name of a hundred octets would keep the broker busy with for years.

Python's `re` tries every way in which a pattern can be laid over a name, and has no limit for it, as PCRE has. What it
tries grows exponentially only within a repetition, where the same octets can be taken in two ways: by an inner
repetition or by what comes behind it (`(a+)+`, `(\w+\s?)*`), or by two alternatives (`(a|aa)*`).

That is looked for here, in the tree that Python makes of a pattern. A few patterns that do no harm are found guilty, as
the octets that can come first are all that is compared.
"""

import re
import warnings
from collections.abc import Iterable, Sequence

# Python's own parser: to write another one would be a way to be of another mind than it.
from re import _constants as ops  # type: ignore[attr-defined]
from re import _parser  # type: ignore[attr-defined]
from typing import Any, Final

_ALL: Final = frozenset(range(256))
_CATEGORIES: Final = {
    ops.CATEGORY_DIGIT: rb"\d",
    ops.CATEGORY_NOT_DIGIT: rb"\D",
    ops.CATEGORY_SPACE: rb"\s",
    ops.CATEGORY_NOT_SPACE: rb"\S",
    ops.CATEGORY_WORD: rb"\w",
    ops.CATEGORY_NOT_WORD: rb"\W",
}
_REPEATS: Final = (ops.MAX_REPEAT, ops.MIN_REPEAT)
# So often is as bad as without end.
_MANY: Final = 10
# They take no octets.
_EMPTY: Final = (ops.AT, ops.ASSERT, ops.ASSERT_NOT)

_Octets = frozenset[int]
_Items = Sequence[tuple[Any, Any]]


def is_explosive(pattern: re.Pattern[bytes]) -> bool:
    """Whether the time that a search takes may double with every octet of a name."""
    with warnings.catch_warnings():
        # As when it was compiled: `[[a]` may be a set within a set one day.
        warnings.simplefilter("ignore", FutureWarning)
        tree = _parser.parse(pattern.pattern, pattern.flags)
    return _explodes(list(tree), frozenset(), in_loop=False)


def _explodes(items: _Items, follow: _Octets, *, in_loop: bool) -> bool:
    """follow: the octets that may come behind the items. in_loop: they are repeated again and again."""
    for place, (op, value) in enumerate(items):
        behind, may_end = _first(items[place + 1 :])
        if may_end:
            behind |= follow
        if any(_explodes(part, frozenset(), in_loop=False) for part in _atoms(op, value)):
            return True
        for part in _parts(op, value):
            again = op in _REPEATS and value[1] >= _MANY
            first, _ = _first(part)
            if in_loop and op in _REPEATS and value[0] != value[1] and first & behind:
                return True
            if _explodes(part, behind | first if again else behind, in_loop=in_loop or again):
                return True
        if in_loop and op is ops.BRANCH and _overlap(value[1], behind):
            return True
    return False


def _atoms(op: Any, value: Any) -> list[_Items]:
    """The trees within an item that are left for good when they have matched, whatever comes then."""
    if op is ops.ATOMIC_GROUP:
        return [list(value)]
    if op is ops.POSSESSIVE_REPEAT:
        return [list(value[2])]
    if op in (ops.ASSERT, ops.ASSERT_NOT):
        return [list(value[1])]
    return []


def _parts(op: Any, value: Any) -> list[_Items]:
    """The trees within an item of which another way is tried when nothing matches behind it."""
    if op in _REPEATS:
        return [list(value[2])]
    if op is ops.SUBPATTERN:
        return [list(value[3])]
    if op is ops.BRANCH:
        return [list(part) for part in value[1]]
    return []


def _first(items: _Items) -> tuple[_Octets, bool]:
    """The octets that items may begin with, and whether they may be nothing at all."""
    found: _Octets = frozenset()
    for op, value in items:
        first, may_be_empty = _first_of(op, value)
        found |= first
        if not may_be_empty:
            return found, False
    return found, True


def _first_of(op: Any, value: Any) -> tuple[_Octets, bool]:
    if op is ops.LITERAL:
        # In either case, whether that matters or not.
        return frozenset(bytes([value]).lower() + bytes([value]).upper()), False
    if op is ops.NOT_LITERAL:
        return _ALL - {value}, False
    if op is ops.IN:
        return _set(value), False
    if op in _EMPTY:
        return frozenset(), True
    if op in _REPEATS or op is ops.POSSESSIVE_REPEAT:
        first, may_be_empty = _first(list(value[2]))
        return first, may_be_empty or value[0] == 0
    if op is ops.SUBPATTERN:
        return _first(list(value[3]))
    if op is ops.ATOMIC_GROUP:
        return _first(list(value))
    if op is ops.BRANCH:
        both = [_first(list(part)) for part in value[1]]
        return frozenset().union(*(first for first, _ in both)), any(empty for _, empty in both)
    # Any octet, or what a group has found.
    return _ALL, op is not ops.ANY


def _set(members: Iterable[tuple[Any, Any]]) -> _Octets:
    found: set[int] = set()
    negated = False
    for op, value in members:
        if op is ops.NEGATE:
            negated = True
        elif op is ops.LITERAL:
            found.add(value)
        elif op is ops.RANGE:
            found.update(range(value[0], value[1] + 1))
        else:
            one = re.compile(_CATEGORIES[value])
            found.update(octet for octet in range(256) if one.fullmatch(bytes([octet])))
    return _ALL - found if negated else frozenset(found)


def _overlap(branches: Iterable[Any], behind: _Octets) -> bool:
    """Whether two alternatives may begin alike; of one that may be nothing that is what comes behind."""
    seen: _Octets = frozenset()
    for branch in branches:
        first, may_be_empty = _first(list(branch))
        if may_be_empty:
            first |= behind
        if seen & first:
            return True
        seen |= first
    return False
