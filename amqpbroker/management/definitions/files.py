"""Definitions from files, when the broker starts.

Source: RabbitMQ `rabbit_definitions_import_local_filesystem`.
"""

import os
from collections.abc import Mapping
from typing import Any

from amqpbroker.management.definitions.document import DefinitionsError, read_document
from amqpbroker.management.definitions.importing import import_documents
from amqpbroker.model.broker import Broker


def load_definitions(broker: Broker, path: str) -> None:
    """Declares what a file says, or the files of a directory named *.json, by name, which may build on each other.

    DefinitionsError: file, place in it and what is wrong, and nothing has changed.
    """
    paths = _files_of(path) if os.path.isdir(path) else [path]
    documents: dict[str, Mapping[str, Any]] = {}
    for one in paths:
        try:
            with open(one, "rb") as file:
                documents[f"{one}: "] = read_document(file.read())
        except OSError as error:
            raise DefinitionsError(f"{one}: cannot be read ({error.strerror})") from None
        except DefinitionsError as error:
            raise DefinitionsError(f"{one}: {error.reason}") from None
    import_documents(broker, documents)


def _files_of(folder: str) -> list[str]:
    found = sorted(name for name in os.listdir(folder) if name.endswith(".json"))
    if not found:
        raise DefinitionsError(f"{folder}: there is no file named *.json in it")
    return [os.path.join(folder, name) for name in found]
