"""What the broker of a test suite gives, as JSON has it."""

import base64
import dataclasses
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any


def shown(value: Any) -> Any:
    """The same as texts, numbers, lists and objects. Octets that are no text are base64, in an object that says so."""
    match value:
        case None | bool() | int() | float() | str():
            return value
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                return {"base64": base64.b64encode(value).decode()}
        case datetime():
            return value.isoformat()
        case Mapping():
            return {str(key): shown(one) for key, one in value.items()}
        case Iterable():
            return [shown(one) for one in value]
    if dataclasses.is_dataclass(value):
        return {field.name: shown(getattr(value, field.name)) for field in dataclasses.fields(value)}
    return str(value)
