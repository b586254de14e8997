"""What is wrong with a recording, and where."""


class RecordingError(ValueError):
    """A file that cannot be replayed: its name, the line, and why."""

    def __init__(self, path: object, line_number: int, reason: str) -> None:
        """line_number: from 1; 0: it is the file as a whole."""
        where = f"{path}, line {line_number}" if line_number else str(path)
        super().__init__(f"{where}: {reason}")
        self.line_number = line_number
        self.reason = reason
