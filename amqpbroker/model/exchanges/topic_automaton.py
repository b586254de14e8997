"""Topic patterns that a trie is slow for, matched many at a time.

A `#` before other words may end anywhere, so a trie has to follow every place where it could. Here all those places are
bits of one number, the state, and reading a word of the key moves them all at once (the shift-and method of
Baeza-Yates and Gonnet, with words for characters). A pattern of n words other than `#` has n + 1 bits in a row; its bit
i is set when its first i words fit the words read so far:

- bit i moves on to i + 1 when its word i + 1 is the word read, or `*`;
- bit i also stays where it is when a `#` stands after its first i words.

So a word costs a shift and a few bitwise operations for a block of patterns, whatever the patterns and the key are, and
their number stays bounded by words times patterns.
"""

from collections.abc import Iterator, Sequence
from typing import Final

from amqpbroker.model.exchange import Destinations

Pattern = tuple[str, ...]

# Of one block. More would be faster still, but each word of a pattern keeps a number as long as this.
BLOCK_BITS: Final = 2_048


class TopicAutomaton:
    """Patterns, each with its destinations."""

    def __init__(self) -> None:
        self._blocks: list[_Block] = []
        self._block_of: dict[Pattern, _Block] = {}

    def destinations_of(self, pattern: Pattern) -> Destinations:
        """The destinations of a pattern, for adding and removing; a new pattern is taken in, without any."""
        block = self._block_of.get(pattern)
        if block is None:
            if not self._blocks or not self._blocks[-1].has_room_for(pattern):
                self._blocks.append(_Block())
            block = self._block_of[pattern] = self._blocks[-1]
            block.add(pattern)
        return block.patterns[pattern]

    def discard(self, pattern: Pattern) -> None:
        """Forget a pattern that was taken in."""
        block = self._block_of.pop(pattern)
        block.remove(pattern)
        if not block.patterns:
            self._blocks.remove(block)

    def matches(self, words: Sequence[str]) -> Iterator[Destinations]:
        """The destinations of each pattern that the words of a routing key fit."""
        for block in self._blocks:
            yield from block.matches(words)


class _Block:
    """Some patterns and the numbers made of them: bit masks, made again when first used after a change."""

    __slots__ = ("_any_word", "_changed", "_ends", "_finals", "_initial", "_stays", "_words", "patterns", "size_bits")

    def __init__(self) -> None:
        self.patterns: dict[Pattern, Destinations] = {}
        self.size_bits = 0
        self._changed = False
        self._initial = self._finals = self._stays = self._any_word = 0
        self._words: dict[str, int] = {}
        self._ends: dict[int, Destinations] = {}

    def has_room_for(self, pattern: Pattern) -> bool:
        return self.size_bits + _size_bits(pattern) <= BLOCK_BITS

    def add(self, pattern: Pattern) -> None:
        self.patterns[pattern] = Destinations()
        self.size_bits += _size_bits(pattern)
        self._changed = True

    def remove(self, pattern: Pattern) -> None:
        del self.patterns[pattern]
        self.size_bits -= _size_bits(pattern)
        self._changed = True

    def matches(self, words: Sequence[str]) -> Iterator[Destinations]:
        if self._changed:
            self._compile()
        state, stays, any_word = self._initial, self._stays, self._any_word
        accepting = self._words.get
        for word in words:
            state = (state << 1) & accepting(word, any_word) | state & stays
        state &= self._finals
        while state:
            lowest = state & -state
            yield self._ends[lowest]
            state ^= lowest

    def _compile(self) -> None:
        self._changed = False
        self._initial = self._finals = self._stays = self._any_word = 0
        self._words = {}
        self._ends = {}
        bit = 1
        for pattern, destinations in self.patterns.items():
            self._initial |= bit
            for word in pattern:
                if word == "#":
                    self._stays |= bit
                    continue
                bit <<= 1
                if word == "*":
                    self._any_word |= bit
                else:
                    self._words[word] = self._words.get(word, 0) | bit
            self._finals |= bit
            self._ends[bit] = destinations
            bit <<= 1
        for word in self._words:
            self._words[word] |= self._any_word


def _size_bits(pattern: Pattern) -> int:
    return len(pattern) - pattern.count("#") + 1
