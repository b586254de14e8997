"""What a stream may let go of: it gives up whole segments, the oldest first, and looks when a new one is begun.

Source: osiris `osiris_log:evaluate_retention`, and where it is called: when a segment is begun, and when the limits
change. A stream of which nothing is published keeps what it has, however old.
"""

import re
from dataclasses import dataclass
from typing import Final

SEGMENT_BYTES: Final = 500_000_000
# RabbitMQ begins a new segment after so many chunks too; here messages are counted.
_SEGMENT_MESSAGES: Final = 256_000
# Who asks for tiny segments and no limit gets larger ones in time.
_SEGMENTS_MAX: Final = 1_024
_UNITS_S: Final = {"Y": 31_536_000, "M": 2_592_000, "D": 86_400, "h": 3_600, "m": 60, "s": 1}
_AGE: Final = re.compile(r"([0-9]+)([YMDhms])")


def age_ms(text: str) -> int:
    """Milliseconds of an age such as `7D`. Source: `rabbit_amqqueue:check_max_age`. Raises ValueError."""
    match = _AGE.fullmatch(text)
    if match is None:
        raise ValueError(f"'{text}' is no age")
    return int(match[1]) * _UNITS_S[match[2]] * 1_000


@dataclass(slots=True)
class Segment:
    """first: the position of its first message. last_ms: when its last one arrived, Unix time."""

    first: int
    message_count: int
    size_bytes: int
    last_ms: int


class Segments:
    """The segments of a stream, oldest first. segment_bytes: a segment that has so many is followed by another."""

    __slots__ = ("_segments", "segment_bytes")

    def __init__(self, segment_bytes: int | None) -> None:
        self.segment_bytes = segment_bytes or SEGMENT_BYTES
        self._segments: list[Segment] = []

    @property
    def size_bytes(self) -> int:
        """Octets of all of them."""
        return sum(segment.size_bytes for segment in self._segments)

    def add(self, first: int, message_count: int, size_bytes: int, now_ms: int) -> bool:
        """A run was published; returns whether a segment was begun with it that is not the only one."""
        segments = self._segments
        last = segments[-1] if segments else None
        if last is not None and last.size_bytes < self.segment_bytes and last.message_count < _SEGMENT_MESSAGES:
            last.message_count += message_count
            last.size_bytes += size_bytes
            last.last_ms = now_ms
            return False
        if len(segments) >= _SEGMENTS_MAX:
            self._join_pairs()
        self._segments.append(Segment(first, message_count, size_bytes, now_ms))
        return last is not None

    def let_go(self, max_bytes: int | None, max_age_ms: int | None, now_ms: int) -> int | None:
        """Gives up what is too much or too old, never the last segment; returns the first position that stays."""
        segments = self._segments
        kept = len(segments)
        if max_bytes is not None:
            left_bytes = max_bytes
            kept = 0
            for segment in reversed(segments):
                if kept and segment.size_bytes > left_bytes:
                    break
                left_bytes -= segment.size_bytes
                kept += 1
        if max_age_ms is not None:
            while kept > 1 and segments[-kept].last_ms < now_ms - max_age_ms:
                kept -= 1
        del segments[: len(segments) - kept]
        return segments[0].first if segments else None

    def _join_pairs(self) -> None:
        segments = self._segments
        pairs = zip(segments[::2], segments[1::2], strict=False)
        joined = [
            Segment(
                older.first,
                older.message_count + newer.message_count,
                older.size_bytes + newer.size_bytes,
                newer.last_ms,
            )
            for older, newer in pairs
        ]
        self._segments = joined + segments[2 * len(joined) :]
