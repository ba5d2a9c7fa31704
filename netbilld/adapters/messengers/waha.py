"""WAHA: a gateway to WhatsApp of the provider's own; it signs its webhooks where it is given a key."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from netbilld.adapters.messengers.calls import PDF, Answer, Calls, KeepsNothing, by_status, shortened, with_document
from netbilld.adapters.messengers.hooks import FORBIDDEN, SaysOk, json_body
from netbilld.adapters.messengers.signatures import hex_sha512, is_same
from netbilld.adapters.messengers.values import mapped, moment, number, text
from netbilld.model.contact import phone_of_sender
from netbilld.model.delivery import Reached, Told
from netbilld.ports.messages import Channel, Delivery, Handed, Outgoing
from netbilld.ports.messenger_hooks import DeviceNews, Heard, HookCall, HookRefusedError, Incoming, News, Progress

LONGEST: Final = 60_000
_NO_SESSION: Final = frozenset((404, 422))
_ACK: Final = {
    0: Reached.ACCEPTED, 1: Reached.SENT, 2: Reached.DELIVERED, 3: Reached.READ, 4: Reached.READ,
}  # fmt: skip
_FAILED: Final = -1
_NOT_PEOPLE: Final = ("@g.us", "@newsletter", "@broadcast")


class Waha(KeepsNothing):
    """Hands messages to WAHA."""

    channel: Final = Channel.WHATSAPP.value

    def __init__(self, url: str, api_key: str, session: str = "default", timeout_seconds: float = 30.0) -> None:
        self._url, self._session = f"{url.rstrip('/')}/api", session
        self._headers = {"X-Api-Key": api_key}
        self._calls = Calls(timeout_seconds, (api_key,))

    async def send(self, message: Outgoing) -> Handed:
        """Hand a message over; see `Delivery` for what may come of it."""
        return await with_document(message, self._send)

    async def _send(self, message: Outgoing) -> Handed:
        chat = message.to if "@" in message.to else f"{message.to.lstrip('+')}@c.us"
        body: dict[str, Any] = {"session": self._session, "chatId": chat}
        if message.attachment is None:
            body |= {"text": message.text[:LONGEST], "linkPreview": False}
            answer = await self._calls.call("POST", f"{self._url}/sendText", headers=self._headers, json_body=body)
            return answer if isinstance(answer, Handed) else understood(answer)
        data = b64encode(message.attachment.octets).decode()
        file = {"mimetype": PDF, "filename": message.attachment.name, "data": data}
        body |= {"caption": message.text, "file": file}
        answer = await self._calls.call("POST", f"{self._url}/sendFile", headers=self._headers, json_body=body)
        return answer if isinstance(answer, Handed) else understood(answer)


def understood(answer: Answer) -> Handed:
    """Return what an answer of WAHA means; its message has another shape with each of its engines."""
    document = answer.object()
    provider_id = message_id(document)
    if answer.status in {200, 201} and provider_id:
        return Handed(Delivery.ACCEPTED, "accepted", provider_id=provider_id)
    said = shortened(text(document.get("error")) or text(document.get("message"))) or answer.words()
    if answer.status in _NO_SESSION:  # the session is stopped, or waits for its QR code to be read
        return Handed(Delivery.PAUSE, f"{answer.status} {said}", log_in=True)
    return by_status(answer, said)


def message_id(document: Mapping[str, Any]) -> str:
    """Return what a message is called, in whichever way it is said."""
    found = document.get("id")
    if isinstance(found, dict):
        return text(found.get("_serialized")) or text(found.get("id"))
    if found is None and isinstance(document.get("key"), dict):
        return text(mapped(document["key"]).get("id"))
    return text(found)


class WahaHook(SaysOk):
    """Understands WAHA's webhooks."""

    answer: Final = ""

    def __init__(self, hmac_key: str | None) -> None:
        self._key = hmac_key.encode() if hmac_key else None

    def read(self, call: HookCall) -> News:
        """Return what a call tells.

        Raises:
            HookRefusedError: its signature is wrong, or it can't be read.
        """
        if self._key is not None:
            given = call.headers.get("x-webhook-hmac", "")
            if not is_same(given, hex_sha512(self._key, call.body)):
                raise HookRefusedError(FORBIDDEN, "wrong signature")
        document = json_body(call)
        payload = mapped(document.get("payload"))
        match text(document.get("event")):
            case "message" | "message.any":
                one = _incoming(payload, call)
                return News(incoming=() if one is None else (one,))
            case "message.ack":
                progress = _progress(payload)
                return News(progress=() if progress is None else (progress,))
            case "session.status":
                status = text(payload.get("status"))
                if status in {"STARTING", ""}:
                    return News()
                key = text(document.get("id")) or f"{status}:{text(document.get('timestamp'))}"
                return News(device=(DeviceNews(key, status == "WORKING", f"session {status}"),))
            case _:
                return News()


def _incoming(payload: Mapping[str, Any], call: HookCall) -> Incoming | None:
    sender, key = text(payload.get("from")), message_id(payload)
    if not sender or not key or payload.get("fromMe") or any(sender.endswith(one) for one in _NOT_PEOPLE):
        return None
    media = mapped(payload.get("media"))
    kind = Heard.TEXT
    if payload.get("hasMedia"):
        kind = Heard.IMAGE if text(media.get("mimetype")).startswith("image/") else Heard.DOCUMENT
    url = text(media.get("url")) if kind is Heard.IMAGE else ""
    at = moment(payload.get("timestamp"), call.now)
    words = text(payload.get("body"))
    name = text(mapped(payload.get("_data")).get("notifyName"))[:100]
    return Incoming(key, sender, phone_of_sender(sender), name, words, kind, at, url or None)


def _progress(payload: Mapping[str, Any]) -> Progress | None:
    provider_id, ack = message_id(payload), number(payload.get("ack"))
    if not provider_id or ack is None:
        return None
    if ack == _FAILED:
        return Progress(f"{provider_id}:failed", provider_id, Told(Reached.NOWHERE, failed=True), "ERROR")
    return Progress(f"{provider_id}:{ack}", provider_id, Told(_ACK[ack])) if ack in _ACK else None
