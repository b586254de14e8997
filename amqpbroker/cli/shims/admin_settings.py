"""Where rabbitmqadmin's options come from that were not given: a base URI, a file of settings, what is usual."""

import os
from argparse import Namespace
from configparser import ConfigParser
from configparser import Error as BadSettings
from typing import Any, Final
from urllib.parse import unquote, urlsplit

from amqpbroker.cli.shims.failing import Failed

_USUAL: Final[dict[str, Any]] = {
    "hostname": "localhost",
    "port": "15672",
    "path_prefix": "",
    "declare_vhost": "/",
    "username": "guest",
    "password": "guest",
    "ssl": False,
    "ssl_insecure": False,
    "ssl_disable_hostname_verification": False,
    "request_timeout": 120.0,
    "format": "table",
    "depth": 1,
    "sort_reverse": False,
}
_FROM_URI: Final = ("hostname", "port", "username", "password")


def fill_in(options: Namespace) -> None:
    """Give every option a value; `<name>_given` tells of each whether somebody chose it. Raises Failed."""
    settings = _from_file(options)
    if options.base_uri:
        parts = urlsplit(options.base_uri)
        found = {name: getattr(parts, name) for name in _FROM_URI if getattr(parts, name) is not None}
        settings |= {name: unquote(str(value)) for name, value in found.items()}
        for name in found:
            setattr(options, name, None)
    for name in ("base_uri", *settings, *_USUAL):
        given = getattr(options, name, None)
        value = given if given is not None else settings.get(name)
        setattr(options, f"{name}_given", value is not None)
        setattr(options, name, _USUAL.get(name) if value is None else value)


def _from_file(options: Namespace) -> dict[str, Any]:
    """The settings of the section that is meant; without a file, none."""
    path = options.config or os.path.expanduser("~/.rabbitmqadmin.conf")
    if not os.path.isfile(path):
        if options.config:
            raise Failed(1, f"\nERROR: Could not read config file '{path}'\n")
        return {}
    parser = ConfigParser(interpolation=None)
    section = options.node or "default"
    try:
        parser.read(path, encoding="utf-8")
    except (BadSettings, OSError, UnicodeDecodeError) as problem:
        raise Failed(1, f"\nERROR: Could not read config file '{path}': {problem}\n") from None
    if not parser.has_section(section):
        if options.node:
            raise Failed(1, f"\nERROR: Could not read section '{section}' in config file '{path}'\n")
        return {}
    truths = {"True": True, "False": False}
    return {name: truths.get(value, value) for name, value in parser.items(section)}
