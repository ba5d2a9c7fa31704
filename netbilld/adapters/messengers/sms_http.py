"""SMS by any service that takes them over HTTP: what it is asked and how its answer is read are settings."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from re import Pattern
from typing import Any, Final, Literal

from netbilld.adapters.messengers.calls import Answer, Calls, KeepsNothing, by_status
from netbilld.adapters.messengers.unsigned import unsigned_document
from netbilld.adapters.messengers.values import text
from netbilld.model.contact import Line, line_of
from netbilld.model.delivery import Reached, Told
from netbilld.ports.messages import Channel, Delivery, Handed, Outgoing
from netbilld.ports.messenger_hooks import HookCall, News, Progress

_OUR_TROUBLE: Final = re.compile(
    r"user ?key|pass ?key|api ?key|token|auth|password|kredit|credit|saldo|balance|quota|kuota|expired", re.IGNORECASE
)
_THEIRS: Final = re.compile(
    r"(invalid|wrong|salah|unknown|tidak).{0,40}(number|nomor|msisdn|destination|tujuan)"
    r"|(number|nomor|msisdn|destination|tujuan).{0,40}(invalid|wrong|salah|unknown|tidak)",
    re.IGNORECASE,
)
_DEPTH: Final = 20


@dataclass(frozen=True, slots=True)
class SmsService:
    """How a service is spoken with.

    Attributes:
        body: what it is told: fields of a form, of a query, or a JSON document, in which `{to}`, `{text}` and `{id}`
            stand for the number, the words and our name for the message.
        to_format: how numbers are written: `08`, `62` or `+62`.
        success_path, success_value: where its answer says yes, and how; or
        success_regex: what its answer looks like then.
        id_path: where it says what it calls the message.
        dlr_id, dlr_status: fields of its delivery reports.
        dlr_words: what its states mean, such as `{"DELIVRD": "delivered", "UNDELIV": "failed"}`.
    """

    url: str
    body: Mapping[str, Any]
    method: Literal["GET", "POST"] = "POST"
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body_type: Literal["form", "json", "query"] = "form"
    to_format: Literal["08", "62", "+62"] = "62"
    success_path: str | None = None
    success_value: str = ""
    success_regex: Pattern[str] | None = None
    id_path: str | None = None
    secrets: tuple[str, ...] = field(default=(), repr=False)
    dlr_id: str = "id"
    dlr_status: str = "status"
    dlr_words: Mapping[str, str] = field(default_factory=dict)


def zenziva(userkey: str, passkey: str, url: str = "https://console.zenziva.net/reguler/api/sendsms/") -> SmsService:
    """Return how Zenziva is spoken with; its HTTP status is 200 whatever it says."""
    return SmsService(
        url=url,
        body={"userkey": userkey, "passkey": passkey, "to": "{to}", "message": "{text}"},
        to_format="08",
        success_path="status",
        success_value="1",
        id_path="messageId",
        secrets=(userkey, passkey),
    )


class SmsOverHttp(KeepsNothing):
    """Hands SMS to a service."""

    channel: Final = Channel.SMS.value

    def __init__(self, service: SmsService, timeout_seconds: float = 30.0) -> None:
        self._service = service
        self._calls = Calls(timeout_seconds, service.secrets)

    async def send(self, message: Outgoing) -> Handed:
        """Hand a message over; see `Delivery` for what may come of it."""
        service = self._service
        if line_of(message.to) is Line.FIXED:
            return Handed(Delivery.NEVER, "a landline takes no SMS")
        put = {"{to}": written(message.to, service.to_format), "{text}": message.text, "{id}": message.reference}
        body = _filled(service.body, put)
        fields = {str(name): text(value) for name, value in body.items()}
        answer = await self._calls.call(
            service.method,
            service.url,
            headers=service.headers,
            json_body=body if service.body_type == "json" else None,
            form=fields if service.body_type == "form" else None,
            query=fields if service.body_type == "query" else None,
        )
        return answer if isinstance(answer, Handed) else understood(answer, service)


def written(phone: str, to_format: str) -> str:
    """Return a number in E.164 as a service wants it; one from abroad with its country's code in any case."""
    digits = phone.lstrip("+")
    if to_format == "08" and digits.startswith("62"):
        return "0" + digits[2:]
    return f"+{digits}" if to_format == "+62" else digits


def _filled(value: Any, put: Mapping[str, str]) -> Any:
    """Return a body with the message in it: each value is filled once, so that words which look like `{to}` stay."""
    if isinstance(value, dict):
        return {name: _filled(one, put) for name, one in value.items()}
    if isinstance(value, list):
        return [_filled(one, put) for one in value]
    if isinstance(value, str):
        return re.sub(r"\{(?:to|text|id)\}", lambda found: put[found[0]], value)
    return value


def understood(answer: Answer, service: SmsService) -> Handed:
    """Return what an answer means, by the settings."""
    document = answer.document()
    words = answer.words()
    if service.success_regex is not None:
        is_taken = service.success_regex.search(answer.body.decode("utf-8", "replace")) is not None
    elif service.success_path is not None:
        is_taken = text(at_path(document, service.success_path)).casefold() == service.success_value.casefold()
    else:
        is_taken = answer.status < 300
    if is_taken and answer.status < 300:
        provider_id = text(at_path(document, service.id_path)) if service.id_path else ""
        return Handed(Delivery.ACCEPTED, words, provider_id=provider_id)
    if _THEIRS.search(words):
        return Handed(Delivery.NEVER, words)
    if _OUR_TROUBLE.search(words):
        return Handed(Delivery.PAUSE, words, log_in=True)
    if answer.status >= 300:
        return by_status(answer, words)
    return Handed(Delivery.LATER, words)


def at_path(document: Any, path: str) -> Any:
    """Return what stands at a path such as `data.0.id`, with or without `$.` before it; None where nothing does."""
    found = document
    for step in path.removeprefix("$").strip(".").replace("[", ".").replace("]", "").split(".")[:_DEPTH]:
        if isinstance(found, dict):
            found = found.get(step)
        elif isinstance(found, list) and step.isdigit() and int(step[:6]) < len(found):
            found = found[int(step[:6])]
        else:
            return None
    return found


class SmsHook:
    """Understands delivery reports."""

    answer: Final = "OK"

    def __init__(self, service: SmsService) -> None:
        self._service = service

    def greet(self, query: Mapping[str, str]) -> str | None:
        """Refuse nothing: services report by GET as well, see `read`."""
        del query
        return None

    def read(self, call: HookCall) -> News:
        """Return what a report tells.

        Raises:
            HookRefusedError: it can't be read.
        """
        document = unsigned_document(call)
        provider_id = text(at_path(document, self._service.dlr_id.casefold()))
        status = text(at_path(document, self._service.dlr_status.casefold()))
        known = {name.casefold(): word for name, word in (_WORDS | dict(self._service.dlr_words)).items()}
        word = known.get(status.casefold())
        if not provider_id or word is None:
            return News()
        told = Told(Reached.NOWHERE, failed=True) if word == "failed" else Told(_REACHED.get(word, Reached.SENT))
        return News(progress=(Progress(f"{provider_id}:{status[:40]}", provider_id, told, status[:100]),))


_WORDS: Final = {
    "DELIVRD": "delivered", "DELIVERED": "delivered", "ACCEPTD": "sent", "SENT": "sent",
    "EXPIRED": "failed", "UNDELIV": "failed", "REJECTD": "failed", "FAILED": "failed",
}  # fmt: skip
_REACHED: Final = {"sent": Reached.SENT, "delivered": Reached.DELIVERED, "read": Reached.READ}
