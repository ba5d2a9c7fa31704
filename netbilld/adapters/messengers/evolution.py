"""Evolution API: a gateway to WhatsApp of the provider's own; its webhooks carry a token that it signs."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from netbilld.adapters.messengers.calls import PDF, Answer, Calls, KeepsNothing, by_status, shortened, with_document
from netbilld.adapters.messengers.hooks import FORBIDDEN, SaysOk, json_body
from netbilld.adapters.messengers.signatures import is_token_of
from netbilld.adapters.messengers.values import listed, mapped, moment, text
from netbilld.model.contact import phone_of_sender
from netbilld.model.delivery import Reached, Told
from netbilld.ports.messages import Channel, Delivery, Handed, Outgoing
from netbilld.ports.messenger_hooks import DeviceNews, Heard, HookCall, HookRefusedError, Incoming, News, Progress

LONGEST: Final = 60_000
_NO_INSTANCE: Final = 404
_REACHED: Final = {
    "PENDING": Reached.ACCEPTED, "SERVER_ACK": Reached.SENT, "DELIVERY_ACK": Reached.DELIVERED,
    "READ": Reached.READ, "PLAYED": Reached.READ,
}  # fmt: skip


class Evolution(KeepsNothing):
    """Hands messages to Evolution."""

    channel: Final = Channel.WHATSAPP.value

    def __init__(self, url: str, api_key: str, instance: str, timeout_seconds: float = 30.0) -> None:
        self._url, self._instance = f"{url.rstrip('/')}/message", instance
        self._headers = {"apikey": api_key}
        self._calls = Calls(timeout_seconds, (api_key,))

    async def send(self, message: Outgoing) -> Handed:
        """Hand a message over; see `Delivery` for what may come of it."""
        return await with_document(message, self._send)

    async def _send(self, message: Outgoing) -> Handed:
        body: dict[str, Any] = {"number": message.to.lstrip("+")}
        if message.attachment is not None:
            what = "sendMedia"
            media = b64encode(message.attachment.octets).decode()
            body |= {"mediatype": "document", "mimetype": PDF, "caption": message.text, "media": media}
            body["fileName"] = message.attachment.name
        else:
            what = "sendText"
            body |= {"text": message.text[:LONGEST], "linkPreview": False}
        url = f"{self._url}/{what}/{self._instance}"
        answer = await self._calls.call("POST", url, headers=self._headers, json_body=body)
        return answer if isinstance(answer, Handed) else understood(answer)


def understood(answer: Answer) -> Handed:
    """Return what an answer of Evolution means."""
    document = answer.object()
    provider_id = text(mapped(document.get("key")).get("id"))
    if answer.status in {200, 201} and provider_id:
        return Handed(Delivery.ACCEPTED, text(document.get("status")) or "accepted", provider_id=provider_id)
    said = shortened(answer.body.decode("utf-8", "replace")) or f"answered {answer.status}"
    if answer.status == _NO_INSTANCE or "connection closed" in said.casefold():
        return Handed(Delivery.PAUSE, said, log_in=True)
    return by_status(answer, said)


class EvolutionHook(SaysOk):
    """Understands Evolution's webhooks; of its own key, which they carry, nothing is kept."""

    answer: Final = ""

    def __init__(self, jwt_key: str | None) -> None:
        self._key = jwt_key.encode() if jwt_key else None

    def read(self, call: HookCall) -> News:
        """Return what a call tells.

        Raises:
            HookRefusedError: its token is wrong or old, or it can't be read.
        """
        if self._key is not None:
            scheme, _, token = call.headers.get("authorization", "").partition(" ")
            is_bearer = scheme.casefold() == "bearer"
            if not is_bearer or not is_token_of(self._key, token.strip(), call.now):
                raise HookRefusedError(FORBIDDEN, "wrong token")
        document = json_body(call)
        data = document.get("data")
        rows = [mapped(one) for one in (listed(data) or [data])]
        match text(document.get("event")).casefold().replace("_", ".").replace("-", "."):
            case "messages.upsert":
                found = [_incoming(row, call) for row in rows]
                return News(incoming=tuple(one for one in found if one is not None))
            case "messages.update":
                told = [_progress(row) for row in rows]
                return News(progress=tuple(one for one in told if one is not None))
            case "connection.update":
                state = text(rows[0].get("state")) if rows else ""
                if state not in {"open", "close"}:
                    return News()
                key = f"{state}:{text(document.get('date_time')) or call.now.isoformat()}"
                return News(device=(DeviceNews(key, state == "open", f"connection {state}"),))
            case _:
                return News()


def _incoming(row: Mapping[str, Any], call: HookCall) -> Incoming | None:
    about = mapped(row.get("key"))
    sender, key = text(about.get("remoteJid")), text(about.get("id"))
    if not sender or not key or about.get("fromMe"):
        return None
    if sender.endswith(("@g.us", "@newsletter", "@broadcast")):
        return None
    message = mapped(row.get("message"))
    image = mapped(message.get("imageMessage"))
    words = (
        text(message.get("conversation"))
        or text(mapped(message.get("extendedTextMessage")).get("text"))
        or text(image.get("caption"))
    )
    kind = Heard.IMAGE if image else Heard.TEXT if words else Heard.OTHER
    at = moment(row.get("messageTimestamp"), call.now)
    return Incoming(key, sender, phone_of_sender(sender), text(row.get("pushName"))[:100], words, kind, at)


def _progress(row: Mapping[str, Any]) -> Progress | None:
    provider_id = text(row.get("keyId")) or text(mapped(row.get("key")).get("id"))
    status = text(row.get("status")) or text(mapped(row.get("update")).get("status"))
    if not provider_id:
        return None
    if status in _REACHED:
        return Progress(f"{provider_id}:{status}", provider_id, Told(_REACHED[status]))
    if status == "ERROR":
        return Progress(f"{provider_id}:failed", provider_id, Told(Reached.NOWHERE, failed=True), status)
    return None
