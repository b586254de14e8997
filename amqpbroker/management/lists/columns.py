"""`columns=name,messages_details.rate`: a client says which fields of an answer it wants.

Source: RabbitMQ `rabbit_mgmt_util` (columns, extract_column_items).
"""

from typing import Any, Final

# What the name of a field ends in that tells how the number of the name before that changes.
DETAILS: Final = "_details"
# Names of the fields that are wanted, with what is wanted of each; None: all of it.
Columns = dict[str, "Columns | None"]


def read_columns(text: str) -> Columns:
    """The fields that are named between commas; a dot goes down into a field."""
    wanted: Columns = {}
    for path in text.split(","):
        names = [name for name in path.split(".") if name]
        within: Columns | None = wanted
        for name in names[:-1]:
            assert within is not None
            within = within.setdefault(name, {})
            if within is None:
                break
        if names and within is not None:
            within[names[-1]] = None
    return wanted


def only(columns: Columns | None, value: Any) -> Any:
    """What is wanted of a value; of a list, of each item."""
    if columns is None:
        return value
    if isinstance(value, list):
        return [only(columns, item) for item in value]
    if isinstance(value, dict):
        return {name: only(columns[name], item) for name, item in value.items() if name in columns}
    return value
