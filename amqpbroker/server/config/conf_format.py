"""The format of rabbitmq.conf: `key = value` lines, comments, quotes, include.

Nothing of what a line holds is repeated in an error but its key: the rest may be a secret.
Source: cuttlefish's conf_parse.peg, and its cuttlefish_conf and cuttlefish_generator for references.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from amqpbroker.server.config.errors import ConfigError

Key = tuple[str, ...]

_WORD: Final = r"(?:\\\.|[A-Za-z0-9_-])+"
_KEY: Final = re.compile(rf"[ \t]*({_WORD}(?:\.{_WORD})*)[ \t]*=[ \t]*")
_INCLUDE: Final = re.compile(r"[ \t]*include[ \t]+([^\s#=]+)")
_IN_THREE_QUOTES: Final = re.compile(r"'''(.*?)'''", re.DOTALL)
_IN_QUOTES: Final = re.compile(r"'([^']*)'")
_PLAIN: Final = re.compile(r"[^\r\n#]+")
_END_OF_LINE: Final = re.compile(r"[ \t]*(?:#[^\n]*)?(?:\r?\n|\Z)")
_REFERENCE: Final = re.compile(r"\$\(([^)]*)\)")
_FILE: Final = re.compile(r"\$\(<(.+)\)")
_ADVICE: Final = "write `key = value`, or # in front of a comment"


@dataclass(frozen=True, slots=True)
class Line:
    """A setting as it stands in a file. where: the file and the number of the line."""

    key: Key
    value: str
    where: str

    @property
    def name(self) -> str:
        """The key as it is written."""
        return key_text(self.key)


def key_text(key: Key) -> str:
    """A key as it is written: a dot within a part has a backslash before it."""
    return ".".join(part.replace(".", "\\.") for part in key)


def read_conf(path: str) -> dict[Key, Line]:
    """The settings of a file and of those that it includes; of two lines with one key the later counts.

    ConfigError: a file that cannot be read, a line that is none.
    """
    lines: dict[Key, Line] = {}
    _read_into(lines, Path(path), ())
    return lines


def _read_into(lines: dict[Key, Line], path: Path, within: tuple[Path, ...]) -> None:
    try:
        text = path.read_bytes().decode("utf-8-sig")
    except OSError as error:
        raise ConfigError(f"{path}: cannot be read ({error.strerror}); name a file that can be read") from None
    except UnicodeDecodeError:
        raise ConfigError(f"{path}: is not UTF-8; save it as such") from None
    for found in parse(text, str(path)):
        if isinstance(found, Line):
            lines[found.key] = found
            continue
        pattern, where = found
        for included in sorted(path.parent.glob(pattern)) if "*" in pattern else [path.parent / pattern]:
            if included in (*within, path):
                raise ConfigError(f"{where}: {included} includes itself; take it out")
            _read_into(lines, included, (*within, path))


def parse(text: str, path: str) -> Iterator[Line | tuple[str, str]]:
    """The lines of a text: settings, and what is to be included, with where it stands. ConfigError: one is neither."""
    at = 0
    number = 1
    while at < len(text):
        where = f"{path}, line {number}"
        blank = _END_OF_LINE.match(text, at)
        if blank is not None:
            end = blank.end()
        elif (key := _KEY.match(text, at)) is not None:
            value, end = _value(text, key.end(), f"{where}: {key[1]}")
            yield Line(_parts(key[1]), value, where)
        elif (include := _INCLUDE.match(text, at)) is not None:
            end = _end(text, include.end(), where)
            yield include[1], where
        else:
            raise ConfigError(f"{where}: is no setting; {_ADVICE}")
        number += text.count("\n", at, end)
        at = end


def _parts(key: str) -> Key:
    return tuple(part.replace("\\.", ".") for part in re.split(r"(?<!\\)\.", key))


def _value(text: str, at: int, where: str) -> tuple[str, int]:
    """The value that begins here, and where the next line does."""
    for quoted in (_IN_THREE_QUOTES, _IN_QUOTES):
        if (found := quoted.match(text, at)) is not None:
            return found[1].strip("\r\n") if quoted is _IN_THREE_QUOTES else found[1], _end(text, found.end(), where)
    if text.startswith("'", at):
        raise ConfigError(f"{where}: its quote is not closed; close it in the same way, with '")
    plain = _PLAIN.match(text, at)
    value = plain[0].rstrip(" \t") if plain is not None else ""
    if plain is None or not value:
        raise ConfigError(f"{where}: has no value; give it one, or leave the line out")
    return value, _end(text, plain.end(), where)


def _end(text: str, at: int, where: str) -> int:
    end = _END_OF_LINE.match(text, at)
    if end is None:
        raise ConfigError(f"{where}: there is more on the line than a value; {_ADVICE}")
    return end.end()


def resolve(lines: Mapping[Key, Line], environment: Mapping[str, str]) -> dict[Key, Line]:
    """With what references stand for: `$(key)` and `$(VARIABLE)` anywhere, `$(<file)` as all of a value.

    ConfigError: there is no such key, variable or file.
    """
    resolved = {}
    for key, line in lines.items():
        file = _FILE.fullmatch(line.value)
        value = _content(line, file[1]) if file is not None else _expanded(line, lines, environment, ())
        resolved[key] = Line(key, value, line.where)
    return resolved


def _expanded(line: Line, lines: Mapping[Key, Line], environment: Mapping[str, str], within: tuple[Key, ...]) -> str:
    def value_of(reference: re.Match[str]) -> str:
        name = reference[1].strip()
        other = lines.get(_parts(name))
        if other is None and name in environment:
            return environment[name]
        if other is None or other.key in (line.key, *within):
            fault = "is not set" if other is None else "refers to itself"
            raise ConfigError(f"{line.where}: {line.name}: $({name}) {fault}; set it, or take it out")
        return _expanded(other, lines, environment, (*within, line.key))

    return _REFERENCE.sub(value_of, line.value)


def _content(line: Line, name: str) -> str:
    path = Path(line.where.rpartition(", line ")[0]).parent / name.strip()
    try:
        return path.read_text(encoding="utf-8").removesuffix("\n").removesuffix("\r")
    except (OSError, UnicodeDecodeError) as error:
        raise ConfigError(f"{line.where}: {line.name}: {path} cannot be read; name a file that can be") from error
