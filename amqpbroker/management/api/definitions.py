"""/api/definitions: all that is declared, to be taken elsewhere, and what was taken from elsewhere.

Source: RabbitMQ `rabbit_mgmt_wm_definitions`.
"""

import re
from codecs import BOM_UTF8
from email.message import Message
from typing import Any, Final

from starlette.responses import Response

from amqpbroker.management.access.authorization import administrator
from amqpbroker.management.definitions.document import DefinitionsError
from amqpbroker.management.definitions.export import export_definitions, export_vhost_definitions
from amqpbroker.management.definitions.importing import import_definitions
from amqpbroker.management.errors import BadRequest
from amqpbroker.management.requests import ApiRequest, parse_json
from amqpbroker.management.resources import Resource, empty_response, json_response

BODY_MAX_BYTES: Final = 67_108_864
# What a name of a file may be made of: it goes into a header.
_NO_FILE_NAME: Final = re.compile(r"[^\w.@-]+", re.ASCII)


async def get_definitions(request: ApiRequest) -> Response:
    """All of the broker, or of the virtual host of the path. download: the name of the file that a browser makes."""
    broker = request.broker
    vhost = request.vhost.name if request.has("vhost") else None
    document = export_definitions(broker) if vhost is None else export_vhost_definitions(broker, vhost)
    response = json_response(document)
    if (file_name := request.query.get("download")) is not None:
        file_name = _NO_FILE_NAME.sub("_", file_name) or "definitions.json"
        response.headers["content-disposition"] = f"attachment; filename={file_name}"
    return response


async def post_definitions(request: ApiRequest) -> Response:
    """Declares what the body says, all of it or, if anything is wrong with it, nothing; what is not named stays.

    The body is the document, or a form with a file in it, as browsers send one.
    """
    vhost = request.vhost.name if request.has("vhost") else None
    octets = await request.octets()
    content_type = request.request.headers.get("content-type", "")
    if content_type.lower().startswith("multipart/"):
        octets = _file(octets, content_type)
    octets = octets.removeprefix(BOM_UTF8)
    document: Any = parse_json(octets) if octets.strip() else {}
    if not isinstance(document, dict):
        raise BadRequest("not_json: the body is no object")
    try:
        import_definitions(request.broker, document, vhost=vhost, user=request.user.name)
    except DefinitionsError as error:
        raise BadRequest(error.reason) from error
    await request.recorded()
    return empty_response()


def _file(form: bytes, content_type: str) -> bytes:
    """The octets of the field `file` of a form. Raises 400."""
    header = Message()
    header["content-type"] = content_type
    boundary = header.get_boundary()
    if boundary:
        for part in form.split(b"--" + boundary.encode("utf-8", "replace"))[1:-1]:
            head, _, content = part.partition(b"\r\n\r\n")
            if b'name="file"' in head:
                return content.removesuffix(b"\r\n")
    raise BadRequest("the form has no field named file")


_METHODS: Final = {"GET": get_definitions, "POST": post_definitions}

RESOURCES = tuple(
    Resource(path, _METHODS, administrator, body_max_bytes=BODY_MAX_BYTES)
    for path in ("/definitions", "/definitions/{vhost}", "/all-configuration")
)
