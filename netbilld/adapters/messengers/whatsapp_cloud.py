"""WhatsApp Cloud API of Meta: messages, approved templates, and what comes back by webhook."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Final

from netbilld.adapters.messengers.calls import PDF, Answer, Calls, KeepsNothing, by_status, with_document
from netbilld.adapters.messengers.hooks import FORBIDDEN, json_body
from netbilld.adapters.messengers.signatures import hex_sha256, is_same
from netbilld.adapters.messengers.values import listed, mapped, number, place, text
from netbilld.model.contact import phone_of_sender
from netbilld.model.delivery import Reached, Told
from netbilld.ports.messages import ApprovedTemplate, Attachment, Channel, Delivery, Handed, Outgoing
from netbilld.ports.messenger_hooks import Heard, HookCall, HookRefusedError, Incoming, News, Progress

LONGEST: Final = 4096
_LONGEST_PARAMETER: Final = 1024
_WINDOW: Final = 131047  # they have not written for a day: only an approved text may go
_AUTH: Final = frozenset((0, 3, 10, 190, *range(200, 300), 131005, 131031, 131042, 368))
_RATE: Final[Mapping[int, float]] = {
    4: 60, 80007: 60, 130429: 30, 131048: 3600, 131016: 120, 131057: 300, 133016: 600,
}  # fmt: skip
_PAIR: Final = 131056  # too many to this one
_PAIR_SECONDS: Final = 60.0
_NOT_TODAY: Final = 131049
_DAY_SECONDS: Final = 86_400.0
_TRANSIENT: Final = frozenset((1, 2, 131000))
_REACHED: Final = {
    "sent": Reached.SENT, "delivered": Reached.DELIVERED, "read": Reached.READ, "played": Reached.READ,
}  # fmt: skip


@dataclass(frozen=True, slots=True)
class CloudAccount:
    """A number of ours at Meta; secrets stay out of a repr."""

    phone_number_id: str
    token: str = field(repr=False)
    url: str = "https://graph.facebook.com"
    version: str = "v25.0"


class WhatsAppCloud(KeepsNothing):
    """Hands messages to Meta; a text of our own only within a day of what they wrote, else an approved template."""

    channel: Final = Channel.WHATSAPP.value

    def __init__(self, account: CloudAccount, timeout_seconds: float = 30.0) -> None:
        self._house = f"{account.url.rstrip('/')}/{account.version}/{account.phone_number_id}"
        self._url = f"{self._house}/messages"
        self._headers = {"Authorization": f"Bearer {account.token}"}
        self._calls = Calls(timeout_seconds, (account.token,))

    async def send(self, message: Outgoing) -> Handed:
        """Hand a message over; see `Delivery` for what may come of it."""
        return await with_document(message, self._send)

    async def _send(self, message: Outgoing) -> Handed:
        media = await self._uploaded(message.attachment) if message.in_conversation and message.attachment else ""
        if media and message.attachment is not None:
            document = {"id": media, "caption": message.text, "filename": message.attachment.name}
            body = {"type": "document", "document": document}
            return (await self._hand(message, {"recipient_type": "individual", **body}))[0]
        if message.in_conversation:
            body = {"type": "text", "text": {"preview_url": False, "body": message.text[:LONGEST]}}
            handed, code = await self._hand(message, {"recipient_type": "individual", **body})
            if code != _WINDOW or message.template is None:
                return handed
        if message.template is None:
            said = "no approved template for this message, and they have not written within a day"
            return Handed(Delivery.NEVER, said)
        handed, _ = await self._hand(message, {"type": "template", "template": _template(message.template)})
        return handed

    async def _uploaded(self, attachment: Attachment) -> str:
        """Return what Meta calls a document that was handed to it; empty where it took none."""
        form = {"messaging_product": "whatsapp", "type": PDF}
        answer = await self._calls.call(
            "POST", f"{self._house}/media", headers=self._headers, form=form, file=("file", attachment)
        )
        return "" if isinstance(answer, Handed) else text(answer.object().get("id"))

    async def _hand(self, message: Outgoing, words: Mapping[str, Any]) -> tuple[Handed, int | None]:
        body: dict[str, Any] = {"messaging_product": "whatsapp", "to": message.to.lstrip("+"), **words}
        if message.reference:
            body["biz_opaque_callback_data"] = message.reference
        answer = await self._calls.call("POST", self._url, headers=self._headers, json_body=body)
        return (answer, None) if isinstance(answer, Handed) else understood(answer)


def understood(answer: Answer) -> tuple[Handed, int | None]:
    """Return what an answer of Meta means, and the code of its error."""
    document = answer.object()
    found = listed(document.get("messages"))
    provider_id = text(mapped(found[0]).get("id")) if found else ""
    if answer.status < 300 and provider_id:
        return Handed(Delivery.ACCEPTED, "accepted", provider_id=provider_id), None
    error = mapped(document.get("error"))
    code = number(error.get("code"))
    if not error or code is None:
        return by_status(answer, answer.words()), None
    details = text(mapped(error.get("error_data")).get("details"))
    said = " ".join(f"{text(error.get('message'))} {details}".split())[:250]
    return _of_code(code, said, answer), code


def _of_code(code: int, said: str, answer: Answer) -> Handed:
    if code in _AUTH:
        return Handed(Delivery.PAUSE, said, answer.retry_seconds, log_in=True)
    if code in _RATE:
        return Handed(Delivery.PAUSE, said, max(answer.retry_seconds or 0.0, _RATE[code]))
    if code == _PAIR:
        return Handed(Delivery.LATER, said, _PAIR_SECONDS)
    if code == _NOT_TODAY:
        return Handed(Delivery.LATER, said, _DAY_SECONDS)
    if code in _TRANSIENT:
        return Handed(Delivery.LATER, said, answer.retry_seconds)
    return Handed(Delivery.NEVER, said)


def _template(template: ApprovedTemplate) -> dict[str, Any]:
    body: dict[str, Any] = {"name": template.name, "language": {"code": template.language}}
    if template.parameters:
        parameters = [{"type": "text", "text": parameter(value)} for value in template.parameters]
        body["components"] = [{"type": "body", "parameters": parameters}]
    return body


def parameter(value: str) -> str:
    """Return a text as a template takes it: no line breaks, no tabs, no row of spaces, and not empty."""
    return " ".join(value.split())[:_LONGEST_PARAMETER] or "-"


class CloudHook:
    """Understands Meta's webhooks."""

    answer: Final = ""

    def __init__(self, app_secret: str, verify_token: str) -> None:
        self._secret, self._token = app_secret.encode(), verify_token

    def greet(self, query: Mapping[str, str]) -> str | None:
        """Return the challenge to who knows the token."""
        knows = is_same(query.get("hub.verify_token", ""), self._token)
        return query.get("hub.challenge", "")[:200] if knows and query.get("hub.mode") == "subscribe" else None

    def read(self, call: HookCall) -> News:
        """Return what a call tells; several things may be in one.

        Raises:
            HookRefusedError: its signature is not of our app's secret, or it can't be read.
        """
        given = call.headers.get("x-hub-signature-256", "").removeprefix("sha256=")
        if not is_same(given, hex_sha256(self._secret, call.body)):
            raise HookRefusedError(FORBIDDEN, "wrong signature")
        document = json_body(call)
        incoming: list[Incoming] = []
        progress: list[Progress] = []
        for entry in listed(document.get("entry")):
            for change in listed(mapped(entry).get("changes")):
                if mapped(change).get("field") != "messages":
                    continue  # of templates, quality, the account: nothing for the outbox
                value = mapped(mapped(change).get("value"))
                incoming += _incoming(value, call.now)
                progress += _progress(value)
        return News(tuple(incoming), tuple(progress))


def _incoming(value: Mapping[str, Any], now: datetime) -> list[Incoming]:
    names = {
        text(mapped(one).get("wa_id")): text(mapped(mapped(one).get("profile")).get("name"))
        for one in listed(value.get("contacts"))
    }
    found = []
    for one in map(mapped, listed(value.get("messages"))):
        sender, key, kind = text(one.get("from")), text(one.get("id")), text(one.get("type"))
        address = sender or text(one.get("from_user_id"))
        if not key or not address:
            continue
        seconds = number(one.get("timestamp"))
        at = datetime.fromtimestamp(seconds, UTC) if seconds and 0 < seconds < 2**33 else now
        words, heard = _words(one, kind)
        media = text(mapped(one.get(kind)).get("id")) if kind in {"image", "document"} else ""
        phone = phone_of_sender(f"{sender}@c.us") if sender else None
        where = mapped(one.get("location"))
        spot = place(where.get("latitude"), where.get("longitude"))
        found.append(Incoming(key, address, phone, names.get(sender, ""), words, heard, at, media or None, spot))
    return found


def _words(one: Mapping[str, Any], kind: str) -> tuple[str, Heard]:
    part = mapped(one.get(kind))
    match kind:
        case "text":
            return text(part.get("body")), Heard.TEXT
        case "image":
            return text(part.get("caption")), Heard.IMAGE
        case "document":
            return text(part.get("caption")), Heard.DOCUMENT
        case "location":
            return text(part.get("name")), Heard.LOCATION
        case "button":
            return text(part.get("text")), Heard.BUTTON
        case "interactive":
            reply = mapped(part.get("button_reply")) or mapped(part.get("list_reply"))
            return text(reply.get("title")), Heard.BUTTON
        case _:
            return "", Heard.OTHER


def _progress(value: Mapping[str, Any]) -> list[Progress]:
    found = []
    for one in map(mapped, listed(value.get("statuses"))):
        provider_id, status = text(one.get("id")), text(one.get("status"))
        errors = listed(one.get("errors"))
        if not provider_id or (status != "failed" and status not in _REACHED):
            continue
        told = Told(Reached.NOWHERE, failed=True) if status == "failed" else Told(_REACHED[status])
        error = mapped(errors[0]) if errors else {}
        said = f"{text(error.get('code'))} {text(error.get('title')) or text(error.get('message'))}".strip()[:250]
        reference = text(one.get("biz_opaque_callback_data"))
        found.append(Progress(f"{provider_id}:{status}", provider_id, told, said, reference))
    return found
