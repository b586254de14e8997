"""What comes before what in a list: by any field, numbers before truths, these before tables, texts last.

Source: RabbitMQ `rabbit_mgmt_util` (sort_key, get_dotted_value), and Erlang's order of terms.
"""

from typing import Any

# (kind, value): of one kind values can be compared.
Rank = tuple[int, Any]


def rank(value: Any) -> Rank:
    """Where a value of JSON stands; nothing stands where 0 does, before all else."""
    match value:
        case None | bool():
            return 1, "null" if value is None else str(value).lower()
        case int() | float():
            return 0, value
        case str():
            return 3, value
        case _:
            return 2, str(value)


def value_at(value: Any, path: list[str]) -> Any:
    """The value of a field within a field; 0 where there is none."""
    for name in path:
        if not isinstance(value, dict) or name not in value:
            return 0
        value = value[name]
    return value
