"""`amqpbroker serve`: run the broker until a signal stops it.

What is process-wide is touched here and nowhere else: the collector, signals, the event loop, the log.
"""

import asyncio
import contextlib
import errno
import gc
import logging
import os
import signal
import socket
import sys
import time
from collections.abc import Callable
from dataclasses import replace
from functools import partial
from typing import Final

from amqpbroker import __version__
from amqpbroker.cli import EXIT_DISK_FAILED, EXIT_FAILED, EXIT_OK, EXIT_USAGE, complain, say
from amqpbroker.journal.recovery import Damage
from amqpbroker.management.management import Management
from amqpbroker.model.broker import Broker
from amqpbroker.server import logs
from amqpbroker.server.config import SETTINGS, Config, ConfigError, load, nearest
from amqpbroker.server.listening import Endpoint
from amqpbroker.server.server import Server, either
from amqpbroker.server.storage import Storage, directory_of

logger = logging.getLogger("amqpbroker.serve")

_SWITCH_INTERVAL_S: Final = 0.0005
DAMAGE_ADVICE: Final = "amqpbroker journal verify shows all of it, amqpbroker journal salvage saves what can be saved"
NEWER_ADVICE: Final = "start the version that wrote it, or give another --data-dir, or --memory"
ADVICE = {
    errno.EADDRINUSE: "stop the program that listens there, or choose another port with --port (0 = any free one)",
    errno.EADDRNOTAVAIL: "it is not an address of this machine; name one that is with --host",
    errno.EACCES: "that needs more rights; choose a port of 1024 or more with --port, or a directory of your own",
    errno.EWOULDBLOCK: "stop the broker that has it, or give another --data-dir, or --memory",
    errno.EROFS: "give a --data-dir that can be written to, or --memory",
    errno.ENOSPC: "make room, or give a --data-dir on another disk, or --memory",
    errno.ENOENT: "the directory is not there; make it, or name another",
}


def run(arguments: list[str], started_s: float) -> int:
    """Serve until SIGTERM or Ctrl-C, and give the exit code.

    arguments: the flags. started_s: when the process began, on time.perf_counter's clock.
    """
    _take_standard_descriptors()
    warnings: list[str] = []
    try:
        config = load(parse(arguments), os.environ, warnings.append)
    except ConfigError as error:
        complain(str(error))
        return EXIT_USAGE
    except SystemExit as end:  # argparse's way to end, after --help
        return EXIT_USAGE if end.code else EXIT_OK
    _raise_descriptor_limit()
    try:
        logs.set_up(config.log_level, config.log_format, config.log_file)
    except OSError as error:
        complain(f"log_file: {error.filename}: {error.strerror}; name a file that can be written")
        return EXIT_USAGE
    for warning in warnings:
        logger.warning("%s", warning)
    try:
        config = for_this_machine(config)
    except ConfigError as error:
        complain(str(error))
        return EXIT_USAGE
    try:
        with asyncio.Runner(loop_factory=_event_loop()) as runner:
            return runner.run(_serve(config, started_s))
    except KeyboardInterrupt:  # Windows, where a loop cannot wait for a signal: _serve was cancelled and has stopped
        return EXIT_OK


def _take_standard_descriptors() -> None:
    """Open to nowhere those of 0, 1 and 2 that are closed: uvloop aborts when it closes a socket of such a number."""
    while (descriptor := os.open(os.devnull, os.O_RDWR)) <= 2:
        pass
    os.close(descriptor)


def for_this_machine(config: Config) -> Config:
    """The settings as far as this machine can follow them; what was asked for by name must be.

    Without IPv6 the default addresses are without ::1. On Windows, where files cannot be written and synced in one call
    nor locked as they are here, messages are kept in memory. ConfigError: a data directory there.
    """
    if sys.platform == "win32" and not config.memory:
        if config.data_dir:
            raise ConfigError("data_dir: there is none on Windows yet; leave it out, and messages are kept in memory")
        logger.warning("messages are kept in memory: there is no data directory on Windows yet")
        config = replace(config, memory=True)
    if config.hosts != Config().hosts or _has_ipv6():
        return config
    logger.info("there is no IPv6 here: ::1 is left out")
    return replace(config, hosts=tuple(host for host in config.hosts if host != "::1"))


def _has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


def _raise_descriptor_limit() -> None:
    """As many descriptors as may be had without asking: a connection is one, and 1,024 is a common first limit."""
    try:
        import resource
    except ImportError:  # Windows, which has no such limit
        return
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != hard:
        with contextlib.suppress(ValueError, OSError):  # macOS: unlimited is more than the kernel grants
            resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))


def parse(arguments: list[str]) -> dict[str, object]:
    """The flags given, as text: setting name → value. ConfigError: one cannot be used; SystemExit: after --help."""
    import argparse

    parser = argparse.ArgumentParser(
        "amqpbroker serve",
        usage="amqpbroker serve [OPTIONS]",
        description="Run the broker until Ctrl-C or SIGTERM. Every option can also be set in the environment as "
        "AMQPBROKER_ and the setting's name, and in the configuration file: see docs/configuration.md.",
        allow_abbrev=False,
        argument_default=argparse.SUPPRESS,
        exit_on_error=False,
    )
    for row in SETTINGS:
        default = f" Default: {row.default_text}." if row.default_text else ""
        sentence = (row.sentence + default).replace("%", "%%")
        if isinstance(row.default, bool):
            parser.add_argument(row.flag, dest=row.name, help=sentence, action="store_const", const="true")
        else:
            action = "append" if row.kind.several else "store"
            parser.add_argument(row.flag, dest=row.name, help=sentence, action=action, metavar=row.kind.placeholder)
    try:
        values, unknown = parser.parse_known_args(arguments)
    except argparse.ArgumentError as error:
        raise ConfigError(f"{error}; amqpbroker serve --help shows what it takes") from None
    if unknown:
        flag = unknown[0].partition("=")[0]
        raise ConfigError(f"unknown option {flag}; {nearest(flag, [row.flag for row in SETTINGS])}")
    return vars(values)


def _event_loop() -> Callable[[], asyncio.AbstractEventLoop]:
    """uvloop where it is installed, which is faster with many small connections; else asyncio's own."""
    try:
        import uvloop
    except ImportError:
        logger.debug("event loop: asyncio (pip install amqpbroker[speed] for uvloop)")
        return asyncio.new_event_loop
    logger.debug("event loop: uvloop")
    return uvloop.new_event_loop


def _made(config: Config) -> tuple[Server, Management]:
    """What runs, and what operators have of it. Raises ConfigError."""
    if config.test_api:
        from amqpbroker.testing.http_api.serving import observed  # only a test suite pays for it

        return observed(config)
    server = Server(config)
    return server, Management(server)


async def _serve(config: Config, started_s: float) -> int:
    stopping = asyncio.Event()
    for number in (signal.SIGTERM, signal.SIGINT):
        with contextlib.suppress(NotImplementedError):  # Windows: Ctrl-C cancels this task instead
            asyncio.get_running_loop().add_signal_handler(number, stopping.set)
    try:
        server, management = _made(config)
    except ConfigError as error:
        complain(str(error))
        return EXIT_USAGE
    if server.tls is not None:
        with contextlib.suppress(NotImplementedError, AttributeError):  # Windows, where files alone tell of a change
            asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, server.tls.reload)
    try:
        if not config.memory:
            # A commit beside a busy loop waits for the interpreter: the default of 5 ms would be its latency.
            sys.setswitchinterval(_SWITCH_INTERVAL_S)
        server.open(partial(_declare, path=config.definitions) if config.definitions else None)
        await server.recorded()
        await server.listen()
        management.open()
        if config.ready_file:
            _write_ready_file(config.ready_file, server.endpoints)
    except Damage as damage:
        await _stop(server, management)
        advice = NEWER_ADVICE if damage.newer else DAMAGE_ADVICE
        complain(f"could not start: {os.path.join(directory_of(config), str(damage))}; {advice}")
        return EXIT_FAILED
    except ConfigError as error:
        await _stop(server, management)
        complain(str(error))
        return EXIT_USAGE
    except OSError as error:
        await _stop(server, management)
        complain(explain(error))
        return EXIT_DISK_FAILED if server.disk_failed.is_set() else EXIT_FAILED
    try:
        gc.freeze()  # what a start leaves behind stays: no collection walks it again
        _announce(config, server, management, started_s)
        management.serve()
        await either(stopping, server.disk_failed)
    finally:
        if config.ready_file:
            with contextlib.suppress(FileNotFoundError):
                os.unlink(config.ready_file)
        await _stop(server, management)
    return EXIT_DISK_FAILED if server.disk_failed.is_set() else EXIT_OK


def _declare(broker: Broker, path: str) -> None:
    """Puts in what definitions say, read when there are some. ConfigError: they cannot be used."""
    from amqpbroker.management.definitions.document import DefinitionsError
    from amqpbroker.management.definitions.files import load_definitions

    try:
        load_definitions(broker, path)
    except DefinitionsError as error:
        raise ConfigError(f"definitions: {' '.join(error.reason.split())}") from None


async def _stop(server: Server, management: Management) -> None:
    await management.close()
    await server.stop()


def explain(error: OSError) -> str:
    """Why the broker could not start and what to do, in a line."""
    what = f"{error.filename}: {error.strerror}" if error.filename else error.strerror or str(error)
    advice = ADVICE.get(error.errno or 0)
    return f"could not start: {what}" + (f"; {advice}" if advice else "")


def start_lines(
    config: Config,
    endpoints: list[Endpoint],
    web: list[Endpoint],
    metrics: list[Endpoint],
    storage: str,
    took_ms: int,
    for_guest: bool,
) -> list[str]:
    """What is said once the broker is ready: only what really listens. The last line is what tools wait for.

    endpoints: of AMQP; web: of the management API and the web UI; metrics: of what Prometheus asks for. for_guest:
    guest may log in, with the usual password.
    """
    return [
        f"amqpbroker {__version__} — AMQP 0-9-1, RabbitMQ {config.profile.name} behaviour",
        *(f"  amqp      {_url(endpoint, config, for_guest)}" for endpoint in endpoints),
        *(f"  web ui    {_origin(endpoint)}/" for endpoint in web),
        *(f"  metrics   {_origin(endpoint)}/metrics" for endpoint in metrics),
        f"  storage   {storage}",
        f"Server startup complete in {took_ms} ms. Ctrl-C to stop.",
    ]


def storage_line(config: Config, storage: Storage | None) -> str:
    """Where messages are kept, and what a confirm means there."""
    if storage is None:
        return "in memory"
    home = os.path.expanduser("~")
    path = storage.path.replace(home, "~", 1) if storage.path.startswith(home + os.sep) else storage.path
    if config.no_sync:
        return f"{path} (WITHOUT fsync: a power cut loses what was confirmed)"
    return f"{path} (fsync before every confirm)"


def _announce(config: Config, server: Server, management: Management, started_s: float) -> None:
    if config.print_port:
        say(_address_for_tools(server.endpoints))
    storage = storage_line(config, server.storage)
    took_ms = round((time.perf_counter() - started_s) * 1000)
    for_guest = server.broker.users.authenticate("guest", b"guest") is not None
    say(
        "\n".join(
            start_lines(config, server.endpoints, management.web, management.metrics, storage, took_ms, for_guest)
        )
    )


def _origin(endpoint: Endpoint) -> str:
    return f"{'https' if endpoint.tls else 'http'}://{_host(endpoint)}:{endpoint.port}"


def _url(endpoint: Endpoint, config: Config, for_guest: bool) -> str:
    """Where a client connects. for_guest: guest's is a password that everybody knows, and the only one to be shown."""
    if endpoint.path is not None:
        return f"unix:{endpoint.path}"
    credentials = "guest:guest@" if for_guest else ""
    return (
        f"{'amqps' if endpoint.tls else 'amqp'}://{credentials}{_host(endpoint)}:{endpoint.port}/{_vhost(config.vhost)}"
    )


def _host(endpoint: Endpoint) -> str:
    return f"[{endpoint.host}]" if endpoint.host and ":" in endpoint.host else str(endpoint.host)


def _vhost(name: str) -> str:
    if name == "/":
        return ""
    from urllib.parse import quote

    return quote(name, safe="")


def _address_for_tools(endpoints: list[Endpoint]) -> str:
    """The first TCP port, which is what --print-port and --ready-file give; the socket's path when there is none."""
    ports = [str(endpoint.port) for endpoint in endpoints if endpoint.path is None]
    return ports[0] if ports else str(endpoints[0].path)


def _write_ready_file(path: str, endpoints: list[Endpoint]) -> None:
    """All of it or nothing: a tool that sees the file can read the line. OSError: it cannot be written."""
    half_written = f"{path}.{os.getpid()}"
    with open(half_written, "w", encoding="utf-8") as file:
        file.write(_address_for_tools(endpoints) + "\n")
    try:
        os.replace(half_written, path)
    except OSError:
        os.unlink(half_written)
        raise
