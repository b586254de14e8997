"""/api/policies and /api/operator-policies: what is said of queues and exchanges by their names.

Source: RabbitMQ `rabbit_mgmt_wm_policy`, `rabbit_mgmt_wm_operator_policy`.
"""

from collections.abc import Iterable
from functools import partial
from operator import attrgetter
from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import administrator, has_tag, in_vhost, may_use, policymaker
from amqpbroker.management.errors import NotFound
from amqpbroker.management.formats.fields import json_object, short_string
from amqpbroker.management.lists.listing import Fields, item, list_response
from amqpbroker.management.requests import ApiRequest
from amqpbroker.management.resources import CREATED, NO_CONTENT, Resource, empty_response
from amqpbroker.model.policies.policy import Policies, Policy
from amqpbroker.model.vhost import VirtualHost

_FIELDS: Final[Fields] = {
    "vhost": attrgetter("vhost"),
    "name": attrgetter("name"),
    "pattern": attrgetter("pattern"),
    "apply-to": attrgetter("apply_to"),
    "definition": lambda policy: dict(policy.definition),
    "priority": attrgetter("priority"),
}


def entered_vhosts(request: ApiRequest) -> list[VirtualHost]:
    """The virtual hosts whose policies a list shows: all to administrators, to others those that they may use."""
    broker, user = request.broker, request.user
    sees_all = has_tag(user, ("administrator",))
    return [broker.vhosts[name] for name in sorted(broker.vhosts) if sees_all or may_use(user, name, broker)]


async def all_policies(request: ApiRequest, *, for_operators: bool) -> Response:
    hosts = entered_vhosts(request)
    return await _list(request, [policy for vhost in hosts for policy in _of(vhost, for_operators)])


async def policies_in_vhost(request: ApiRequest, *, for_operators: bool) -> Response:
    return await _list(request, _of(request.vhost, for_operators))


async def _list(request: ApiRequest, policies: Iterable[Policy]) -> Response:
    return await list_response(request, list(policies), lambda _: _FIELDS, is_paged=False, sort=("priority",))


async def one_policy(request: ApiRequest, *, for_operators: bool) -> dict[str, Any]:
    return item(request, _named(request, for_operators), _FIELDS)


async def put_policy(request: ApiRequest, *, for_operators: bool) -> Response:
    """Sets a policy; it holds at once."""
    vhost, name = request.vhost, short_string(request.part("name"), "name")
    body = await request.object("pattern", "definition")
    term: dict[str, Any] = {key: body[key] for key in ("pattern", "priority", "apply-to") if key in body}
    term["definition"] = json_object(body["definition"], "definition")
    is_new = _of(vhost, for_operators).get(name) is None
    vhost.parameters.set_policy(name, term, for_operators=for_operators, user=request.user.name)
    await request.recorded()
    return empty_response(CREATED if is_new else NO_CONTENT)


async def delete_policy(request: ApiRequest, *, for_operators: bool) -> Response:
    """Forgets a policy."""
    policy = _named(request, for_operators)
    await request.object()
    request.vhost.parameters.clear_policy(policy.name, for_operators=for_operators, user=request.user.name)
    await request.recorded()
    return empty_response()


def _of(vhost: VirtualHost, for_operators: bool) -> Policies:
    return vhost.parameters.operator_policies if for_operators else vhost.parameters.policies


def _named(request: ApiRequest, for_operators: bool) -> Policy:
    policy = _of(request.vhost, for_operators).get(request.part("name"))
    if policy is None:
        raise NotFound
    return policy


def _resources(root: str, *, for_operators: bool) -> tuple[Resource, ...]:
    """Operator policies are administrators', for others to see."""
    every, in_one, one, put, delete = (
        partial(handler, for_operators=for_operators)
        for handler in (all_policies, policies_in_vhost, one_policy, put_policy, delete_policy)
    )
    changing = administrator if for_operators else policymaker
    methods = {"GET": one, "PUT": put, "DELETE": delete}
    return (
        Resource(root, {"GET": every}),
        Resource(f"{root}/{{vhost}}", {"GET": in_one}, in_vhost),
        Resource(f"{root}/{{vhost}}/{{name}}", methods, changing),
    )


RESOURCES = (
    *_resources("/policies", for_operators=False),
    *_resources("/operator-policies", for_operators=True),
)
