"""The `list_…` commands: as RabbitMQ 3.10.8 printed them."""

from collections.abc import Callable
from typing import Any

import pytest

from tests.helpers.http_api import Api

QUEUES = [
    {"name": "tab\tq", "type": "classic", "arguments": {"x-max-length": 5, "x-message-ttl": 1000000}, "durable": False},
    {"name": "q1", "messages": 1, "arguments": {}, "durable": True, "exclusive": False, "policy": None},
]


@pytest.fixture(autouse=True)
def queues(broker: Api) -> None:
    broker.answers["GET /api/queues/%2F"] = QUEUES


@pytest.mark.parametrize(
    ("arguments", "out"),
    [
        (
            ["list_queues"],
            "Timeout: 60.0 seconds ...\nListing queues for vhost / ...\nname\tmessages\ntab\tq\t0\nq1\t1\n",
        ),
        (["-q", "list_queues"], "name\tmessages\ntab\tq\t0\nq1\t1\n"),
        (["list_queues", "--silent", "name", "state"], "tab\tq\trunning\nq1\trunning\n"),
        (["-q", "list_queues", "name,durable", "policy"], "name\tdurable\tpolicy\ntab\tq\tfalse\t\nq1\ttrue\t\n"),
        (
            ["-q", "list_queues", "arguments", "--no-table-headers"],
            '[{"x-max-length",5},{"x-message-ttl",1000000}]\n[]\n',
        ),
        (
            ["list_queues", "name", "messages", "arguments", "--formatter", "json"],
            '[\n{"name":"tab\\tq","messages":0,'
            '"arguments":[["x-max-length","long",5],["x-message-ttl","long",1000000]]}'
            '\n,{"name":"q1","messages":1,"arguments":[]}\n]\n',
        ),
        (
            ["--formatter=csv", "list_queues", "name", "arguments"],
            '"name","arguments"\n"tab\tq","[{""x-max-length"",5},{""x-message-ttl"",1000000}]"\n"q1","[]"\n',
        ),
    ],
)
def test_queues(ctl: Callable[..., Any], arguments: list[str], out: str) -> None:
    assert ctl(*arguments) == (0, out, "")


def test_only_what_is_listed_is_asked_for(ctl: Callable[..., Any], broker: Api) -> None:
    assert ctl("-q", "list_queues", "name", "owner_pid").exit_code == 0
    assert broker.asked[-1][1] == "/api/queues/%2F?columns=name%2Cowner_pid_details"


def test_a_drawn_table(ctl: Callable[..., Any]) -> None:
    out = ctl("-q", "list_queues", "durable", "--formatter", "pretty_table").out
    assert out == "┌─────────┐\n│ durable │\n├─────────┤\n│ false   │\n├─────────┤\n│ true    │\n└─────────┘\n"


def test_a_column_that_is_not_known_is_refused(ctl: Callable[..., Any]) -> None:
    ended = ctl("list_queues", "nonsense")
    assert (ended.exit_code, ended.out) == (64, "")
    assert ended.err.startswith("Error (argument validation): Info key(s) nonsense are not supported\n")


def test_a_formatter_that_is_not_known_is_refused(ctl: Callable[..., Any]) -> None:
    ended = ctl("list_queues", "--formatter", "erlang")
    assert (ended.exit_code, "amqpbroker has no formatter erlang" in ended.err) == (64, True)


def test_nothing_has_no_headings(ctl: Callable[..., Any], broker: Api) -> None:
    broker.answers["GET /api/queues/%2F"] = []
    assert ctl("-q", "list_queues").out == ""
    assert ctl("list_queues", "--formatter", "json").out == "[\n]\n"
    assert ctl("-q", "list_queues", "-p", "nowhere").out == ""


@pytest.mark.parametrize(
    ("command", "path", "answer", "out"),
    [
        (
            ["list_exchanges"],
            "exchanges/%2F",
            [{"name": "", "type": "direct"}, {"name": "amq.topic", "type": "topic"}],
            "Listing exchanges for vhost / ...\nname\ttype\n\tdirect\namq.topic\ttopic\n",
        ),
        (
            ["list_bindings"],
            "bindings/%2F",
            [{"source": "", "destination": "q", "destination_type": "queue", "routing_key": "q", "arguments": {}}],
            "Listing bindings for vhost /...\n"
            "source_name\tsource_kind\tdestination_name\tdestination_kind\trouting_key\targuments\n"
            "\texchange\tq\tqueue\tq\t[]\n",
        ),
        (
            ["list_connections"],
            "connections",
            [{"name": "c", "user": "guest", "peer_host": "127.0.0.1", "peer_port": 38182, "state": "running"}],
            "Listing connections ...\nuser\tpeer_host\tpeer_port\tstate\nguest\t127.0.0.1\t38182\trunning\n",
        ),
        (
            ["list_channels"],
            "channels",
            [{"name": "c (1)", "user": "guest", "consumer_count": 1, "messages_unacknowledged": 2}],
            "Listing channels ...\npid\tuser\tconsumer_count\tmessages_unacknowledged\nc (1)\tguest\t1\t2\n",
        ),
        (
            ["-q", "list_consumers"],
            "consumers/%2F",
            [
                {
                    "queue": {"name": "q"},
                    "channel_details": {"name": "c (1)"},
                    "consumer_tag": "t",
                    "ack_required": True,
                    "prefetch_count": 5,
                    "active": True,
                    "arguments": {"x-priority": 3},
                }
            ],
            "queue_name\tchannel_pid\tconsumer_tag\tack_required\tprefetch_count\tactive\targuments\n"
            'q\tc (1)\tt\ttrue\t5\ttrue\t[{"x-priority",3}]\n',
        ),
        (
            ["list_users"],
            "users",
            [{"name": "guest", "tags": ["administrator", "x"]}, {"name": "anna", "tags": ""}],
            "Listing users ...\nuser\ttags\nguest\t[administrator, x]\nanna\t[]\n",
        ),
        (
            ["list_vhosts", "name", "cluster_state"],
            "vhosts",
            [{"name": "/", "cluster_state": {"n@h": "running"}}],
            "Listing vhosts ...\nname\tcluster_state\n/\t[{n@h, running}]\n",
        ),
        (
            ["list_permissions"],
            "vhosts/%2F/permissions",
            [{"user": "guest", "vhost": "/", "configure": ".*", "write": ".*", "read": ".*"}],
            'Listing permissions for vhost "/" ...\nuser\tconfigure\twrite\tread\nguest\t.*\t.*\t.*\n',
        ),
        (
            ["list_permissions"],
            "vhosts/%2F/permissions",
            [],
            'Listing permissions for vhost "/" ...\n\n',
        ),
        (
            ["list_user_permissions", "anna"],
            "users/anna/permissions",
            [],
            'Listing permissions for user "anna" ...\n\n',
        ),
        (
            ["list_policies"],
            "policies/%2F",
            [
                {
                    "vhost": "/",
                    "name": "ha",
                    "pattern": "^x",
                    "apply-to": "all",
                    "definition": {"max-length": 5},
                    "priority": 0,
                }
            ],
            'Listing policies for vhost "/" ...\nvhost\tname\tpattern\tapply-to\tdefinition\tpriority\n'
            '/\tha\t^x\tall\t{"max-length":5}\t0\n',
        ),
        (
            ["list_vhost_limits"],
            "vhost-limits/%2F",
            [{"vhost": "/", "value": {"max-connections": 5}}],
            'Listing limits for vhost "/" ...\n{"max-connections":5}\n',
        ),
        (
            ["list_user_limits", "--user", "anna"],
            "user-limits/anna",
            [{"user": "anna", "value": {"max-channels": 5}}],
            'Listing limits for user "anna" ...\n{"max-channels":5}\n',
        ),
        (
            ["list_global_parameters"],
            "global-parameters",
            [{"name": "cluster_name", "value": "x"}],
            'Listing global runtime parameters ...\nname\tvalue\ncluster_name\t"x"\n',
        ),
        (
            ["list_parameters", "--formatter", "json"],
            "parameters",
            [{"vhost": "v", "component": "c", "name": "n", "value": 1}],
            "[]\n",
        ),
        (
            ["-q", "list_feature_flags"],
            "feature-flags",
            [{"name": "quorum_queue", "state": "enabled"}],
            "name\tstate\nquorum_queue\tenabled\n",
        ),
        (["-q", "list_unresponsive_queues"], "nothing", [], ""),
    ],
)
def test_other_lists(
    ctl: Callable[..., Any], broker: Api, command: list[str], path: str, answer: object, out: str
) -> None:
    broker.answers[f"GET /api/{path}"] = answer
    assert ctl(*command) == (0, out, "")


@pytest.mark.parametrize(
    ("command", "exit_code", "err"),
    [
        (["list_permissions", "-p", "nix"], 65, "Virtual host 'nix' does not exist\n"),
        (["list_user_permissions", "nobody"], 69, 'Error:\n{:no_such_user, "nobody"}\n'),
    ],
)
def test_lists_of_what_is_not_there(ctl: Callable[..., Any], command: list[str], exit_code: int, err: str) -> None:
    ended = ctl(*command)
    assert (ended.exit_code, ended.err) == (exit_code, err)
