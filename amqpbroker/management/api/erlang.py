"""What clients look for that only Erlang has: there is none of it here, and the numbers say so."""

from collections.abc import Mapping
from typing import Any, Final

from amqpbroker.management.statistics.counters import NO_RATE

GARBAGE_COLLECTION: Final[Mapping[str, int]] = {
    "fullsweep_after": 0,
    "max_heap_size": 0,
    "min_bin_vheap_size": 0,
    "min_heap_size": 0,
    "minor_gcs": 0,
}
# The fields of what would be a process there.
PROCESS_FIELDS: Final[Mapping[str, Any]] = {
    "garbage_collection": lambda _: GARBAGE_COLLECTION,
    "reductions": lambda _: 0,
    "reductions_details": lambda _: NO_RATE,
}
