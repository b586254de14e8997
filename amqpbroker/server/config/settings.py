"""Every setting of the broker.

The one table is `Config` itself: a field is a setting, with its default, its kind (what it accepts) and its sentence.
Flags, environment variables, keys of the YAML file, conf/amqpbroker.yml and docs/configuration.md follow from it.
"""

import dataclasses
from dataclasses import dataclass
from ipaddress import ip_network
from typing import Final

from amqpbroker import limits
from amqpbroker.model.arguments import CLASSIC, QUORUM, STREAM
from amqpbroker.profiles import DEFAULT_PROFILE, PROFILES, Profile
from amqpbroker.server.config.contradictions import refuse_contradictions
from amqpbroker.server.config.kinds import (
    ADDRESSES,
    INTERCEPTOR,
    NAME_OR_NONE,
    NAMES,
    NODE_NAME,
    PATH,
    PORT_OR_OFF,
    SIZE,
    SWITCH,
    TEXT,
    USERS,
    WATERMARK,
    ConfiguredUser,
    Watermark,
    one_of,
    seconds,
    whole_number,
)
from amqpbroker.server.config.rows import row_of, setting
from amqpbroker.server.config.tls_kinds import (
    CERTIFICATES,
    MECHANISMS,
    NETWORKS,
    SECRET,
    TLS_VERSIONS,
    NamedCertificate,
    Network,
)

AMQP_PORT: Final = 5672
HTTP_PORT: Final = 15672
METRICS_PORT: Final = 15692
# The most that RabbitMQ lets max_message_size be.
MESSAGE_SIZE_MAX_BYTES: Final = 536_870_912
# A frame is buffered whole before it is looked at.
FRAME_MAX_MAX_BYTES: Final = 16_777_216
CONSUMER_TIMEOUT_MAX_MS: Final = 315_360_000_000  # ten years


@dataclass(frozen=True, slots=True)
class Config:
    """The broker's settings. `load` checks each; what they must not be together is checked here."""

    hosts: tuple[str, ...] = setting(
        ("127.0.0.1", "::1"),
        ADDRESSES,
        "The addresses to listen on for AMQP; 0.0.0.0 and :: are every address of the machine.",
        flag="--host",
        rabbitmq="RABBITMQ_NODE_IP_ADDRESS",
    )
    port: int = setting(
        AMQP_PORT,
        PORT_OR_OFF,
        "The TCP port for AMQP on each of these addresses; 0 is any free one, -1 is off.",
        rabbitmq="RABBITMQ_NODE_PORT",
    )
    unix_socket: str | None = setting(None, PATH, "A unix domain socket to listen on for AMQP as well.")
    http_port: int = setting(HTTP_PORT, PORT_OR_OFF, "The port of the management API and UI; -1 is off.")
    http_addresses: tuple[str, ...] = setting(
        (),
        ADDRESSES,
        "The addresses to listen on for the management API and UI; without any, those for AMQP.",
        flag="--http-address",
    )
    http_hosts: tuple[str, ...] = setting(
        (),
        NAMES,
        "Further host names that lead to the management API, which refuses names with a dot that it does not know.",
        flag="--http-host",
    )
    metrics_port: int = setting(METRICS_PORT, PORT_OR_OFF, "The port of the Prometheus metrics; -1 is off.")
    metrics_addresses: tuple[str, ...] = setting(
        (), ADDRESSES, "The addresses to listen on for metrics; without any, those for AMQP.", flag="--metrics-address"
    )
    tls_port: int = setting(
        -1, PORT_OR_OFF, "The port for AMQP over TLS on each of the addresses, 5671 as a rule; -1 is off."
    )
    http_tls: bool = setting(
        False, SWITCH, "The management API, the UI and the metrics speak TLS on their ports, and nothing else."
    )
    tls_cert: str | None = setting(
        None, PATH, "The certificate of the server in PEM, with those between it and the authority after it."
    )
    tls_key: str | None = setting(
        None, PATH, "The key of the certificate in PEM; without one, it is in the file of the certificate."
    )
    tls_key_password: str | None = setting(None, SECRET, "The password of the key, if it is encrypted.")
    tls_ca: str | None = setting(None, PATH, "The authorities whose client certificates are trusted, in PEM.")
    tls_verify: str = setting(
        "none",
        one_of({word: word for word in ("none", "peer")}),
        "Ask AMQP clients for a certificate and verify it: peer; or do not ask: none.",
    )
    tls_fail_if_no_peer_cert: bool = setting(
        False, SWITCH, "Refuse AMQP clients without a certificate, where they are asked for one."
    )
    tls_sni: tuple[NamedCertificate, ...] = setting(
        (), CERTIFICATES, "Other certificates for clients that ask for a server of this name: name=certificate,key."
    )
    tls_versions: tuple[str, ...] = setting(
        ("tlsv1.2", "tlsv1.3"), TLS_VERSIONS, "The versions of TLS that are spoken.", flag="--tls-version"
    )
    tls_ciphers: tuple[str, ...] = setting(
        (),
        NAMES,
        "The cipher suites of TLS 1.2 that may be used, by OpenSSL's names; without any, those that Python deems safe.",
        flag="--tls-cipher",
    )
    proxy_protocol: bool = setting(
        False, SWITCH, "Every AMQP connection begins with the header of a proxy, which says where the client is."
    )
    proxy_protocol_from: tuple[Network, ...] = setting(
        (ip_network("127.0.0.0/8"), ip_network("::1")),
        NETWORKS,
        "The networks of the proxies whose headers are believed; connections from anywhere else are refused.",
    )
    data_dir: str | None = setting(
        None,
        PATH,
        "The directory that messages and definitions are kept in; without one, amqpbroker in $XDG_STATE_HOME or "
        "~/.local/state.",
        rabbitmq="RABBITMQ_MNESIA_DIR",
    )
    memory: bool = setting(False, SWITCH, "Keep everything in memory: nothing is written to disk.")
    no_sync: bool = setting(
        False,
        SWITCH,
        "Confirm without waiting for the disk, for CI runs: a power cut loses what was confirmed.",
    )
    vm_memory_high_watermark: Watermark = setting(  # noqa: RUF009  # it gives a dataclasses.field
        Watermark(share=limits.MEMORY_WATERMARK_SHARE),
        WATERMARK,
        "Publishers are held back while messages take more memory: a share of what there is, 512MB, 2GiB; 0: always.",
    )
    disk_free_limit: int = setting(
        limits.DISK_FREE_MIN_BYTES,
        SIZE,
        "Publishers are held back while the disk of the data directory has less free than this: a size such as 50MB or "
        "2GiB.",
    )
    profile: Profile = setting(  # noqa: RUF009  # it gives a dataclasses.field
        DEFAULT_PROFILE, one_of(PROFILES), "The RabbitMQ version to behave as, and to be taken for by clients."
    )
    users: tuple[ConfiguredUser, ...] = setting(
        (ConfiguredUser("guest", "guest", ("administrator",), only_at_first=True),),
        USERS,
        "Who may log in, with these passwords and tags at every start; by default guest, in a new data directory only.",
        flag="--user",
    )
    loopback_users: tuple[str, ...] = setting(
        ("guest",), NAMES, "The users who may log in from this machine only.", flag="--loopback-user"
    )
    auth_mechanisms: tuple[str, ...] = setting(
        ("PLAIN", "AMQPLAIN", "ANONYMOUS"),
        MECHANISMS,
        "The ways to log in: EXTERNAL is by a certificate that is verified, ANONYMOUS is off without its user.",
        flag="--auth-mechanism",
    )
    anonymous_login_user: str = setting(
        "",
        NAME_OR_NONE,
        "The user that clients are who log in by ANONYMOUS, without a password; without one nobody can.",
    )
    ssl_cert_login_from: str = setting(
        "distinguished_name",
        one_of({word: word for word in ("distinguished_name", "common_name", "subject_alternative_name")}),
        "What of a client certificate is the name of the user who logs in by EXTERNAL.",
    )
    ssl_cert_login_san_type: str = setting(
        "dns",
        one_of({word: word for word in ("dns", "ip", "email", "uri")}),
        "The type of alternative name that is the name of the user, if one is.",
    )
    ssl_cert_login_san_index: int = setting(
        0, whole_number(0, 1_000, "NUMBER"), "Which alternative name of that type it is; 0 is the first."
    )
    vhost: str = setting("/", TEXT, "The virtual host that is there from the start.", rabbitmq="RABBITMQ_DEFAULT_VHOST")
    definitions: str | None = setting(
        None,
        PATH,
        "Definitions to import at every start, exported from here or from a RabbitMQ: a file, or a directory of them.",
        rabbitmq="RABBITMQ_LOAD_DEFINITIONS",
    )
    default_queue_type: str = setting(
        CLASSIC,
        one_of({word: word for word in (CLASSIC, QUORUM, STREAM)}),
        "The type of durable queues that are declared without one, where their virtual host does not say.",
    )
    node_name: str = setting(
        "",
        NODE_NAME,
        "What this server calls itself: name@host, or the name alone; without one, rabbit and the short name of the "
        "machine.",
        rabbitmq="RABBITMQ_NODENAME",
    )
    cluster_name: str = setting(
        "", NAME_OR_NONE, "What clients and operators see as the cluster; without one, rabbit@ and the machine's name."
    )
    heartbeat_s: int = setting(
        limits.HEARTBEAT_S,
        whole_number(0, 65_535, "SECONDS"),
        "The heartbeat offered to clients; 0 is none, and a client may ask for another.",
    )
    frame_max_bytes: int = setting(
        limits.FRAME_MAX_BYTES,
        whole_number(4_096, FRAME_MAX_MAX_BYTES, "BYTES"),
        "The largest frame offered to clients; at least 8192 as RabbitMQ 4.1 and later.",
    )
    channel_max: int = setting(
        limits.CHANNEL_MAX,
        whole_number(1, 65_535, "NUMBER"),
        "The most channels a connection may have open.",
    )
    handshake_timeout_s: float = setting(
        limits.HANDSHAKE_TIMEOUT_S,
        seconds(0.1, 3_600.0),
        "The time a client has from connecting to an open connection.",
    )
    message_size_max_bytes: int = setting(
        0,
        whole_number(0, MESSAGE_SIZE_MAX_BYTES, "BYTES"),
        "The largest message body; 0 is that of the profile: 128 MiB as 3.13, 16 MiB as 4.x.",
    )
    consumer_timeout: int = setting(
        limits.CONSUMER_TIMEOUT_MS,
        whole_number(0, CONSUMER_TIMEOUT_MAX_MS, "MILLISECONDS"),
        "The milliseconds a client may take to acknowledge a message, unless its queue or its consumer says; "
        "0: any time.",
    )
    log_level: str = setting(
        "info",
        one_of({word: word for word in ("debug", "info", "warning", "error")}),
        "The least severe messages to log.",
    )
    log_format: str = setting(
        "text", one_of({word: word for word in ("text", "json")}), "Log as lines of text, or of JSON."
    )
    log_file: str | None = setting(
        None, PATH, "A file to log to in place of stderr; when it is moved away, another is begun."
    )
    log_exchange: str = setting(
        "false",
        one_of({word: word for word in ("false", "true", "debug", "info", "warning", "error")}),
        "Publish the log to the exchange amq.rabbitmq.log as well: true as much as is logged, or from this level on.",
    )
    tracing: bool = setting(
        False,
        SWITCH,
        "Copy every message that is published or delivered to the exchange amq.rabbitmq.trace (the firehose).",
    )
    set_header_timestamp: str = setting(
        "false",
        INTERCEPTOR,
        "Write the time of arrival into every message (timestamp, header timestamp_in_ms): keep or overwrite what is "
        "there.",
    )
    set_header_routing_node: str = setting(
        "false",
        INTERCEPTOR,
        "Write the name of this server into every message (header x-routed-by): keep or overwrite what is there.",
    )
    test_api: bool = setting(
        False,
        SWITCH,
        "Let administrators on this machine turn the clock and look inside at POST /api/_test/…, as tests do.",
    )
    print_port: bool = setting(False, SWITCH, "Print the AMQP port alone as the first line of the output.")
    ready_file: str | None = setting(None, PATH, "A file that holds the AMQP port, there while clients can connect.")
    config_file: str | None = setting(
        None,
        PATH,
        "The configuration file, in YAML or as a rabbitmq.conf; or a directory of *.conf files.",
        flag="--config",
        rabbitmq="RABBITMQ_CONFIG_FILE",
        in_file=False,
    )

    @property
    def log_exchange_level(self) -> str:
        """The least severe messages that go to amq.rabbitmq.log; empty: none does."""
        return {"false": "", "true": self.log_level}.get(self.log_exchange, self.log_exchange)

    def __post_init__(self) -> None:
        """0 stands for the profile's limit; whoever reads the setting gets the number. ConfigError: a contradiction."""
        if not self.message_size_max_bytes:
            object.__setattr__(self, "message_size_max_bytes", self.profile.message_size_max_bytes)
        refuse_contradictions(self)


SETTINGS: Final = tuple(row_of(field) for field in dataclasses.fields(Config))
