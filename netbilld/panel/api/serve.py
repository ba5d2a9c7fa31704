"""The guard before every operation: token, rate, scope, body, condition, and the same answer to the same request."""

import hashlib
import logging
import re
from collections.abc import Awaitable, Callable
from typing import Final

from aiohttp import web
from pydantic import ValidationError
from pydantic_core import from_json

from netbilld.model.api_token import ApiToken
from netbilld.model.errors import NetbilldError, StoreUnavailableError
from netbilld.panel.api.call import ANY, Call
from netbilld.panel.api.endpoint import Answer, Endpoint
from netbilld.panel.api.parts import API
from netbilld.panel.api.problem import FieldProblem, Problem, invalid, of_error, of_http, of_validation
from netbilld.panel.api.shapes import Asked, Query, unstorable
from netbilld.panel.security import Perimeter
from netbilld.panel.within import Subject, Within
from netbilld.services.api_answers import KeptAnswer
from netbilld.services.areas import EVERYWHERE, Areas
from netbilld.services.recognise_token import NoToken, TooMany

Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]

PERIMETER: Final = web.AppKey("perimeter", Perimeter)
KEY_HEADER: Final = "Idempotency-Key"
REPLAYED_HEADER: Final = "Idempotency-Replayed"
_KEY: Final = re.compile(r"[\x21-\x7e]{1,100}\Z")
_BEARER: Final = re.compile(r"Bearer +(\S+) *\Z", re.IGNORECASE)
_TAG: Final = re.compile(r'(W/)?"([^"]*)"')
_SAYS: Final = {
    "token_missing": "send a token as `Authorization: Bearer …`",
    "token_unknown": "no such token",
    "token_revoked": "this token was revoked",
    "token_expired": "this token has expired",
}
logger = logging.getLogger("netbilld.api")


@web.middleware
async def problems(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Turn whatever is raised below into the one shape of refusals."""
    try:
        return await handler(request)
    except Problem as problem:
        return problem.response()
    except StoreUnavailableError as error:
        logger.exception("%s %s: the database does not answer", request.method, request.path)
        return of_error(error).response()
    except NetbilldError as error:
        return of_error(error).response()
    except web.HTTPException as error:
        return of_http(error).response()
    except ConnectionResetError:
        raise
    except Exception:
        logger.exception("%s %s failed", request.method, request.path)
        return Problem(500, "fault", "it is in the daemon's log").response()


def served(endpoint: Endpoint) -> Handler:
    """Return what answers at an endpoint's address."""

    async def enter(request: web.Request) -> web.StreamResponse:
        call = await _call(endpoint, request)
        raw = await request.read() if endpoint.is_keyed else b""
        fingerprint = _fingerprint(request, raw)
        if call.key is not None:
            kept = await call.parts.answers.find(call.token.id, request.headers[KEY_HEADER])
            if kept is not None:
                return _again(kept, fingerprint)
        answer = await endpoint.handler(call)
        response = _response(endpoint, answer, request)
        if call.key is not None and isinstance(response.body, bytes):
            headers = {name: response.headers[name] for name in ("Location", "ETag") if name in response.headers}
            keep = KeptAnswer(fingerprint, response.status, headers, response.body.decode())
            await call.parts.answers.keep(call.token.id, request.headers[KEY_HEADER], keep, call.now)
        return response

    return enter


async def _call(endpoint: Endpoint, request: web.Request) -> Call:
    parts = request.app[API]
    source = request.app[PERIMETER].source(request)
    token = await _token(request, source)
    if endpoint.scope is not None and not token.may(endpoint.scope):
        raise Problem(
            403,
            "scope_missing",
            f"this needs the scope {endpoint.scope.value}",
            f"the token has {', '.join(sorted(token.scopes))}",
        )
    if unstorable(list(request.match_info.values())) is not None:
        raise Problem(404, "not_found", "nothing has such a name")
    areas = await _areas(endpoint, token, request)
    return Call(
        parts=parts,
        token=token,
        source=source,
        now=parts.clock.now(),
        params=dict(request.match_info),
        asked_query=_query(endpoint.query or Query, request),
        areas=areas,
        asked_body=None if endpoint.body is None else await _body(endpoint.body, request),
        key=_key(request, token) if endpoint.is_keyed else None,
        expected=_expected(request) if endpoint.is_conditional else None,
    )


async def _token(request: web.Request, source: str) -> ApiToken:
    sent = request.headers.get("Authorization")
    match = _BEARER.match(sent) if sent else None
    found = await request.app[API].recognise.run(match[1] if match else None, source)
    if isinstance(found, TooMany):
        seconds = str(found.retry_seconds)
        raise Problem(429, "too_many_requests", f"again in {seconds} s", headers={"Retry-After": seconds})
    if isinstance(found, NoToken):
        error = "" if found.code == "token_missing" else ', error="invalid_token"'
        raise Problem(
            401, found.code, _SAYS[found.code], headers={"WWW-Authenticate": f'Bearer realm="netbilld"{error}'}
        )
    return found


async def _areas(endpoint: Endpoint, token: ApiToken, request: web.Request) -> Areas:
    """Return whose subscribers a token may see, and keep one that is limited off everybody else's things."""
    if not token.areas:
        return EVERYWHERE
    reach = endpoint.reach
    async with request.app[API].database.read() as work:
        areas: Areas = await work.whereabouts.areas(token.areas)
        if isinstance(reach, Subject):
            if not await work.whereabouts.holds(areas, reach.kind, request.match_info[reach.field]):
                raise Problem(404, "not_found", "there is no such thing")
        elif reach is Within.NOWHERE and endpoint.scope is not None:
            raise Problem(403, "area_closed", "this is not open to a token that is limited to areas")
    return areas


def _query(kind: type[Query], request: web.Request) -> Query:
    texts: dict[str, str] = {}
    for name, value in request.query.items():
        if name in texts:
            raise invalid([FieldProblem(field=name, code="repeated", message="is there twice")])
        texts[name] = value
    if (place := unstorable(texts)) is not None:
        raise invalid([FieldProblem(field=place, code="not_text", message="holds what is no text")])
    try:
        return kind.model_validate(texts)
    except ValidationError as error:
        raise of_validation(error) from None


async def _body(kind: type[Asked], request: web.Request) -> Asked:
    if request.content_type != "application/json":
        raise Problem(415, "not_json", "send the body as Content-Type: application/json")
    raw = await request.read()
    try:
        plain = from_json(raw, allow_inf_nan=False)
    except ValueError as error:
        raise Problem(400, "not_json", f"the body is not JSON: {error}") from None
    if (place := unstorable(plain)) is not None:
        raise invalid([FieldProblem(field=place, code="not_text", message="holds what no text can hold")])
    try:
        return kind.model_validate_json(raw)
    except ValidationError as error:
        raise of_validation(error) from None


def _key(request: web.Request, token: ApiToken) -> str | None:
    """Return what the services remember a request by: one token's keys are no other's."""
    sent = request.headers.get(KEY_HEADER)
    if sent is None:
        return None
    if not _KEY.match(sent):
        said = "is 1 to 100 visible ASCII characters"
        raise invalid([FieldProblem(field=KEY_HEADER, code="bad_key", message=said)])
    return f"api:{token.id}:{sent}"


def _expected(request: web.Request) -> frozenset[str] | None:
    """Return the versions a change is meant for; what an answer says beside its version does not count."""
    sent = request.headers.get("If-Match")
    if sent is None:
        return None
    if sent.strip() == ANY:
        return frozenset({ANY})
    return frozenset(tag.partition(".")[0] for weak, tag in _TAG.findall(sent) if not weak)


def _fingerprint(request: web.Request, raw: bytes) -> str:
    return hashlib.sha256(f"{request.method} {request.raw_path}\n".encode() + raw).hexdigest()


def _again(kept: KeptAnswer, fingerprint: str) -> web.Response:
    if kept.request_digest != fingerprint:
        raise Problem(
            422,
            "idempotency_mismatch",
            f"this {KEY_HEADER} was used for a different request",
            "Take a new key for a new request.",
        )
    return web.Response(
        body=kept.body.encode(),
        status=kept.status,
        content_type="application/json",
        headers={**kept.headers, REPLAYED_HEADER: "true", "Cache-Control": "no-store"},
    )


def _response(endpoint: Endpoint, answer: Answer, request: web.Request) -> web.Response:
    headers = dict(answer.headers)
    if answer.file is not None:
        octets, kind, name = answer.file
        headers |= {"Content-Disposition": f'attachment; filename="{name}"', "Cache-Control": "private, no-cache"}
        return web.Response(body=octets, content_type=kind, headers=headers)
    if answer.document is None:
        return web.Response(status=204, headers=headers | {"Cache-Control": "no-store"})
    body = answer.document.model_dump_json(by_alias=True).encode()
    is_read = request.method == "GET"
    headers["Cache-Control"] = "private, no-cache" if is_read else "no-store"
    tag = f'"{answer.version or 0}.{hashlib.sha256(body).hexdigest()[:16]}"'
    if is_read or answer.version is not None:
        headers["ETag"] = tag
    if is_read and _is_known(request, tag):
        return web.Response(status=304, headers=headers)
    return web.Response(body=body, status=endpoint.status, content_type="application/json", headers=headers)


def _is_known(request: web.Request, tag: str) -> bool:
    sent = request.headers.get("If-None-Match")
    if sent is None:
        return False
    return sent.strip() == ANY or tag.strip('"') in {known for _weak, known in _TAG.findall(sent)}
