"""What came of the cells, by name: kept in a file that grows with each of them, so that a run can be done in parts."""

import json
from pathlib import Path
from typing import Any

Results = dict[str, dict[str, Any]]


def read(path: Path) -> Results:
    """What earlier runs have put there; nothing if there is no file."""
    if not path.exists():
        return {}
    results: Results = json.loads(path.read_text("utf-8"))
    return results


def write(path: Path, results: Results) -> None:
    """Each cell is a line of its own; the file is there whole or as it was."""
    lines = (f"{json.dumps(name)}: {json.dumps(result)}" for name, result in sorted(results.items()))
    part = path.with_suffix(".part")
    part.write_text("{\n" + ",\n".join(lines) + "\n}\n", "utf-8")
    part.replace(path)
