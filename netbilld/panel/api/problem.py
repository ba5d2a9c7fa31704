"""The one shape of every refusal and fault: RFC 9457, with a code to search for and what to do."""

import logging
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field, ValidationError

from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError, StoreUnavailableError

CONTENT_TYPE: Final = "application/problem+json"
TYPE_PREFIX: Final = "urn:netbilld:problem:"
RETRY_SECONDS: Final = 5  # while the database is away
logger = logging.getLogger("netbilld.api")

TITLES: Final[Mapping[int, str]] = {
    400: "The request could not be understood",
    401: "A valid token is needed",
    403: "The token does not allow this",
    404: "There is nothing here",
    405: "This can't be done that way",
    406: "There is no such answer",
    409: "This can't be done now",
    412: "It was changed meanwhile",
    413: "The body is too large",
    415: "The body is not JSON",
    422: "A value is not right",
    429: "Too many requests",
    500: "Something went wrong on our side",
    503: "The database does not answer",
}
_CODES: Final[Mapping[int, str]] = {
    400: "bad_request",
    404: "not_found",
    405: "method_not_allowed",
    413: "body_too_large",
    415: "not_json",
}


class FieldProblem(BaseModel):
    """What is wrong with one value."""

    model_config = ConfigDict(frozen=True)

    field: str = Field(description="Where it stands: a name, or a path such as `lines.0.amount`; empty for the whole.")
    code: str
    message: str


class ProblemDocument(BaseModel):
    """A refusal or fault (RFC 9457)."""

    model_config = ConfigDict(frozen=True, title="Problem")

    type: str = Field(description="`urn:netbilld:problem:` and the code.")
    title: str
    status: int
    detail: str = Field(description="What is wrong, in one sentence.")
    code: str = Field(description="A stable word to decide by.")
    hint: str | None = Field(default=None, description="What to do about it.")
    errors: list[FieldProblem] = Field(default_factory=list, description="Which values are wrong, if that is it.")


@dataclass(slots=True)
class Problem(Exception):  # noqa: N818 - what a caller is told, not always a fault
    """An answer that is no success; raised anywhere below the guard."""

    status: int
    code: str
    detail: str
    hint: str | None = None
    errors: Sequence[FieldProblem] = ()
    headers: Mapping[str, str] = field(default_factory=dict)

    def response(self) -> web.Response:
        """Return it as an answer."""
        document = ProblemDocument(
            type=TYPE_PREFIX + self.code,
            title=TITLES.get(self.status, "The request was refused"),
            status=self.status,
            detail=self.detail,
            code=self.code,
            hint=self.hint,
            errors=list(self.errors),
        )
        return web.Response(
            body=document.model_dump_json().encode(),
            status=self.status,
            content_type=CONTENT_TYPE,
            headers={"Cache-Control": "no-store", **self.headers},
        )


def of_error(error: NetbilldError) -> Problem:
    """Return what a service's refusal is to a caller."""
    detail, hint = str(error.args[0]) if error.args else str(error), error.hint or None
    if isinstance(error, NotFoundError):
        return Problem(404, error.code, detail, hint)
    if isinstance(error, InvalidInputError):
        return Problem(422, error.code, detail, hint)
    if isinstance(error, StoreUnavailableError):
        return Problem(503, error.code, TITLES[503], hint, headers={"Retry-After": str(RETRY_SECONDS)})
    if isinstance(error, RefusedError):
        return Problem(422 if error.code == "idempotency_mismatch" else 409, error.code, detail, hint)
    return Problem(409, error.code, detail, hint)


def of_http(error: web.HTTPException) -> Problem:
    """Return what the server itself refuses: no such path, a method that is none, a body too large."""
    status = error.status if error.status in TITLES else 400
    headers = {"Allow": error.headers["Allow"]} if "Allow" in error.headers else {}
    return Problem(status, _CODES.get(status, "bad_request"), TITLES[status], headers=headers)


def of_validation(error: ValidationError) -> Problem:
    """Return which values of a body or query are wrong, each by its name."""
    found = [_field(dict(one)) for one in error.errors(include_url=False, include_context=False, include_input=False)]
    return invalid(found)


def invalid(found: Iterable[FieldProblem]) -> Problem:
    """Return the refusal of values."""
    errors = list(found)
    first = errors[0]
    said = f"{first.field}: {first.message}" if first.field else first.message
    return Problem(422, "invalid_input", said, errors=errors)


def _field(one: Mapping[str, Any]) -> FieldProblem:
    place = ".".join(str(part) for part in one["loc"])
    kind = str(one["type"])
    if kind == "extra_forbidden":
        return FieldProblem(field=place, code="unknown_field", message="there is no such field")
    return FieldProblem(field=place, code=kind, message=str(one["msg"]))
