"""The OpenAPI 3.1 document, made from the operations and their models: it can't say what they don't do."""

from collections.abc import Iterable, Mapping, Sequence
from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from netbilld import __version__
from netbilld.model.api_token import SCOPES
from netbilld.panel.api.endpoint import PREFIX, Endpoint
from netbilld.panel.api.problem import CONTENT_TYPE, TITLES, ProblemDocument
from netbilld.panel.api.serve import KEY_HEADER

OPENAPI_VERSION: Final = "3.1.0"
SECURITY: Final = "token"
_SCHEMAS: Final = "#/components/schemas/{model}"
_ABOUT: Final = """\
Everything is JSON. Send a token as `Authorization: Bearer …`; `netbilld token add` or the staff's page makes one.

- Money is whole minor units (of IDR: rupiah), octets are whole, instants are RFC 3339 with an offset, days are local.
- Lists come in pages: ask again with `cursor` set to `next_cursor` until that is null.
- `ETag` of a resource is its version, a dot, and a digest of the body. `If-None-Match` compares all of it and answers
  304; `If-Match` on a change compares the version alone, and answers 412 with who has changed it.
- `Idempotency-Key` (1 to 100 visible ASCII characters) on what makes money or people: the same request under it is
  done once and answered alike for a week; another request under it is refused with 422.
- What is refused is `application/problem+json` (RFC 9457): decide by `code`; `errors` names fields.
- Fields and query parameters that are not known are refused by name.
- More requests than the token's rate are answered with 429 and `Retry-After`.
"""


def document(operations: Sequence[Endpoint]) -> dict[str, Any]:
    """Return the document; plain JSON."""
    read, schemas = _schemas(operations)
    paths: dict[str, dict[str, Any]] = {}
    for endpoint in operations:
        paths.setdefault(endpoint.path, {})[endpoint.method.lower()] = _operation(endpoint, read)
    return {
        "openapi": OPENAPI_VERSION,
        "info": {
            "title": "netbilld",
            "version": __version__,
            "description": _ABOUT,
            "license": {"name": "GPL-3.0-or-later", "identifier": "GPL-3.0-or-later"},
        },
        "servers": [{"url": PREFIX}],
        "security": [{SECURITY: []}],
        "tags": [{"name": tag} for tag in dict.fromkeys(endpoint.tag for endpoint in operations)],
        "paths": paths,
        "components": {
            "schemas": schemas,
            "securitySchemes": {
                SECURITY: {
                    "type": "http",
                    "scheme": "bearer",
                    "description": f"A token. Scopes: {', '.join(SCOPES)}.",
                }
            },
        },
    }


_Read = Mapping[tuple[Any, str], Mapping[str, Any]]


def _schemas(operations: Iterable[Endpoint]) -> tuple[_Read, dict[str, Any]]:
    """Return where each model's schema stands, and all the schemas: bodies as they are read, answers as written."""
    wanted: dict[tuple[type[BaseModel], Any], None] = {(ProblemDocument, "serialization"): None}
    for endpoint in operations:
        if endpoint.body is not None:
            wanted[endpoint.body, "validation"] = None
        if endpoint.gives is not None:
            wanted[endpoint.gives, "serialization"] = None
    places, definitions = models_json_schema(list(wanted), by_alias=True, ref_template=_SCHEMAS)
    schemas: _Read = dict(places.items())
    return schemas, dict(sorted(definitions["$defs"].items()))


def _operation(endpoint: Endpoint, schemas: _Read) -> dict[str, Any]:
    needs = f"Needs the scope `{endpoint.scope.value}`." if endpoint.scope else "Open to every token."
    operation: dict[str, Any] = {
        "operationId": endpoint.name,
        "tags": [endpoint.tag],
        "summary": endpoint.says,
        "description": f"{endpoint.more} {needs}".strip(),
        "parameters": [*_path(endpoint), *_query(endpoint), *_headers(endpoint)],
        "responses": _responses(endpoint, schemas),
    }
    if endpoint.body is not None:
        operation["requestBody"] = {
            "required": True,
            "content": {"application/json": {"schema": schemas[endpoint.body, "validation"]}},
        }
    return operation


def _path(endpoint: Endpoint) -> list[dict[str, Any]]:
    found = []
    for param in endpoint.params:
        schema: dict[str, Any] = {"type": "string", "pattern": f"^{param.pattern}$"}
        if param.format:
            schema["format"] = param.format
        one = {"name": param.name, "in": "path", "required": True, "description": param.says, "schema": schema}
        found.append(one | ({"example": param.example} if param.example else {}))
    return found


def _query(endpoint: Endpoint) -> list[dict[str, Any]]:
    if endpoint.query is None:
        return []
    schema = endpoint.query.model_json_schema(by_alias=True, ref_template=_SCHEMAS)
    assert "$defs" not in schema, "a query is made of plain values"  # noqa: S101
    return [
        {
            "name": name,
            "in": "query",
            "required": False,
            "description": kept.pop("description", ""),
            "schema": _without_null(kept),
        }
        for name, kept in ((name, dict(one)) for name, one in schema["properties"].items())
    ]


def _without_null(schema: dict[str, Any]) -> dict[str, Any]:
    """Return what a query parameter may be where it is there: a text has no null."""
    kept = {key: value for key, value in schema.items() if key not in {"title", "default"} or value is not None}
    kept.pop("title", None)
    options = [one for one in kept.pop("anyOf", ()) if one != {"type": "null"}]
    return kept | options[0] if options else kept


def _headers(endpoint: Endpoint) -> list[dict[str, Any]]:
    found = []
    if endpoint.is_keyed:
        schema = {"type": "string", "pattern": r"^[\x21-\x7e]{1,100}$"}
        found.append(_header(KEY_HEADER, "The same request under it is done once.", schema))
    if endpoint.is_conditional:
        found.append(_header("If-Match", "Change it only if it is still what this ETag is of.", {"type": "string"}))
    if endpoint.method == "GET" and endpoint.gives is not None:
        found.append(_header("If-None-Match", "Answer 304 where it is still that.", {"type": "string"}))
    return found


def _header(name: str, says: str, schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"name": name, "in": "header", "required": False, "description": says, "schema": dict(schema)}


def _responses(endpoint: Endpoint, schemas: _Read) -> dict[str, Any]:
    said: dict[str, Any] = {"description": "Done."}
    if endpoint.gives is not None:
        said["content"] = {"application/json": {"schema": schemas[endpoint.gives, "serialization"]}}
        if endpoint.method == "GET":
            said["headers"] = {"ETag": {"description": "Its version, a dot, a digest.", "schema": {"type": "string"}}}
    elif endpoint.file_type is not None:
        said["content"] = {endpoint.file_type: {"schema": {"type": "string", "format": "binary"}}}
    responses = {str(endpoint.status): said}
    if endpoint.method == "GET" and endpoint.gives is not None:
        responses["304"] = {"description": "It is still what If-None-Match names."}
    problem = {CONTENT_TYPE: {"schema": schemas[ProblemDocument, "serialization"]}}
    for status in statuses(endpoint):
        answer: dict[str, Any] = {"description": TITLES[status], "content": problem}
        if status in {429, 503}:
            answer["headers"] = {"Retry-After": {"description": "Seconds.", "schema": {"type": "string"}}}
        responses[str(status)] = answer
    return responses


def statuses(endpoint: Endpoint) -> list[int]:
    """Return what an operation may be refused with."""
    found = {401, 403, 422, 429, 500, 503}
    if endpoint.params:
        found.add(404)
    if endpoint.body is not None:
        found |= {400, 404, 413, 415}
    if endpoint.conflicts:
        found.add(409)
    if endpoint.is_conditional:
        found.add(412)
    return sorted(found)
