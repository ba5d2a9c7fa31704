"""The JSON API's description as a page to read: made from the same document that programs read."""

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from typing import Any, Final

from aiohttp import web

from netbilld.panel.api.app import described
from netbilld.panel.api.endpoint import PREFIX
from netbilld.panel.parts import PANEL
from netbilld.panel.visit import VISIT

_REF: Final = "#/components/schemas/"
_DEEPEST: Final = 4


@dataclass(frozen=True, slots=True)
class Line:
    """A field: how deep it stands, what it holds, whether it must be there, and what it says."""

    depth: int
    name: str
    holds: str
    required: bool
    says: str


@dataclass(frozen=True, slots=True)
class Operation:
    """An operation, ready to be shown."""

    name: str
    method: str
    path: str
    tag: str
    summary: str
    description: str
    parameters: tuple[Line, ...]
    body: tuple[Line, ...]
    status: str
    answer: tuple[Line, ...]
    refusals: tuple[tuple[str, str], ...]


async def show(request: web.Request) -> web.Response:
    """Answer GET /api/v1/docs."""
    renderer = request.app[PANEL].renderer
    return renderer.same_page(request[VISIT].locale, "staff/api_docs.html", _context)


def _context() -> Mapping[str, Any]:
    return {
        "operations": operations(),
        "about": _about(),
        "prefix": PREFIX,
        "version": described()["info"]["version"],
    }


@cache
def operations() -> Mapping[str, tuple[Operation, ...]]:
    """Return every operation by its resource, in the document's order."""
    found: dict[str, list[Operation]] = {}
    for path, methods in described()["paths"].items():
        for method, one in methods.items():
            found.setdefault(one["tags"][0], []).append(_operation(path, method, one))
    return {tag: tuple(some) for tag, some in found.items()}


def _about() -> list[str]:
    """Return what holds for all of them, a sentence or two each."""
    said = described()["info"]["description"].replace("\n  ", " ")
    return [line.removeprefix("- ") for line in said.splitlines() if line.startswith("- ")]


def _operation(path: str, method: str, one: Mapping[str, Any]) -> Operation:
    status = next(iter(one["responses"]))
    content = one.get("requestBody", {}).get("content", {})
    return Operation(
        name=one["operationId"],
        method=method.upper(),
        path=path,
        tag=one["tags"][0],
        summary=one["summary"],
        description=one["description"],
        parameters=tuple(
            Line(0, param["name"], f"{_holds(param['schema'])}, {param['in']}", param["required"], param["description"])
            for param in one["parameters"]
        ),
        body=tuple(_lines(content["application/json"]["schema"])) if content else (),
        status=status,
        answer=tuple(_answer(one["responses"][status])),
        refusals=tuple(
            (code, answer["description"]) for code, answer in one["responses"].items() if code not in {status, "304"}
        ),
    )


def _answer(response: Mapping[str, Any]) -> Iterator[Line]:
    for kind, content in response.get("content", {}).items():
        if kind == "application/json":
            yield from _lines(content["schema"])
        else:
            yield Line(0, kind, "file", required=True, says="")


def _lines(schema: Mapping[str, Any], depth: int = 0) -> Iterator[Line]:
    """Yield the fields of an object, each followed by the fields inside it."""
    schema = _resolved(schema)
    required = set(schema.get("required", ()))
    for name, field in schema.get("properties", {}).items():
        says = field.get("description", "")
        if "default" in field and field["default"] is not None:
            says = f"{says} Default {json.dumps(field['default'])}.".strip()
        yield Line(depth, name, _holds(field), name in required, says)
        if depth < _DEEPEST and (inner := _inside(field)) is not None:
            yield from _lines(inner, depth + 1)


def _resolved(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "$ref" in schema:
        found: Mapping[str, Any] = described()["components"]["schemas"][schema["$ref"].removeprefix(_REF)]
        return found
    return schema


def _inside(field: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """Return the object that a field is, or is a list of."""
    options = [one for one in field.get("anyOf", (field,)) if one.get("type") != "null"]
    inner = _resolved(options[0]) if options else {}
    if inner.get("type") == "array":
        inner = _resolved(inner.get("items", {}))
    return inner if inner.get("properties") else None


def _holds(field: Mapping[str, Any]) -> str:
    """Return what a value is, in a few words."""
    options = [_plain(_resolved(one)) for one in field.get("anyOf", (field,))]
    return " or ".join(dict.fromkeys(options))


def _plain(schema: Mapping[str, Any]) -> str:
    if "enum" in schema:
        return " | ".join(map(str, schema["enum"]))
    if "const" in schema:
        return str(schema["const"])
    kind = str(schema.get("type", "any"))
    if kind == "array":
        return f"list of {_holds(schema.get('items', {}))}"
    if kind == "string" and "format" in schema:
        return {"date-time": "instant", "date": "day"}.get(schema["format"], str(schema["format"]))
    return {"string": "text", "integer": "whole number", "boolean": "true | false"}.get(kind, kind)
