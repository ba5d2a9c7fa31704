"""go-whatsapp-web-multidevice: a gateway to WhatsApp of the provider's own, which signs its webhooks."""

from base64 import b64encode
from collections.abc import Mapping
from typing import Any, Final

from netbilld.adapters.messengers.calls import Answer, Calls, KeepsNothing, by_status, shortened, with_document
from netbilld.adapters.messengers.hooks import FORBIDDEN, SaysOk, json_body
from netbilld.adapters.messengers.signatures import hex_sha256, is_same
from netbilld.adapters.messengers.values import listed, mapped, moment, text
from netbilld.model.contact import phone_of_sender
from netbilld.model.delivery import Reached, Told
from netbilld.ports.messages import Channel, Delivery, Handed, Outgoing
from netbilld.ports.messenger_hooks import Heard, HookCall, HookRefusedError, Incoming, News, Progress

DEFAULT_SECRET: Final = "secret"  # noqa: S105 - what it signs with as it comes: everybody's
LONGEST: Final = 60_000
_AWAY: Final = ("not_logged", "not logged", "not connect", "session", "device", "login")
_REACHED: Final = {"delivered": Reached.DELIVERED, "read": Reached.READ, "sent": Reached.SENT}


class Gowa(KeepsNothing):
    """Hands messages to GOWA."""

    channel: Final = Channel.WHATSAPP.value

    def __init__(
        self, url: str, user: str, password: str, device: str | None = None, timeout_seconds: float = 30.0
    ) -> None:
        self._url = f"{url.rstrip('/')}/send"
        proof = basic_proof(user, password)
        self._headers = proof | ({"X-Device-Id": device} if device else {})
        self._calls = Calls(timeout_seconds, (password, *proof.values()))

    async def send(self, message: Outgoing) -> Handed:
        """Hand a message over; see `Delivery` for what may come of it."""
        return await with_document(message, self._send)

    async def _send(self, message: Outgoing) -> Handed:
        to = message.to if "@" in message.to else f"{message.to.lstrip('+')}@s.whatsapp.net"
        answer: Answer | Handed
        if message.attachment is not None:
            form, file = {"phone": to, "caption": message.text}, ("file", message.attachment)
            answer = await self._calls.call("POST", f"{self._url}/file", headers=self._headers, form=form, file=file)
        else:
            body = {"phone": to, "message": message.text[:LONGEST], "reply_message_id": "", "is_forwarded": False}
            answer = await self._calls.call("POST", f"{self._url}/message", headers=self._headers, json_body=body)
        return answer if isinstance(answer, Handed) else understood(answer)


def basic_proof(user: str, password: str) -> dict[str, str]:
    """Return the header by which we log in (RFC 7617)."""
    return {"Authorization": "Basic " + b64encode(f"{user}:{password}".encode()).decode()}


def understood(answer: Answer) -> Handed:
    """Return what an answer of GOWA means."""
    document = answer.object()
    code = text(document.get("code"))
    if answer.status < 300 and code == "SUCCESS":
        provider_id = text(mapped(document.get("results")).get("message_id"))
        return Handed(Delivery.ACCEPTED, shortened(text(document.get("message"))), provider_id=provider_id)
    said = shortened(f"{code} {text(document.get('message'))}") or answer.words()
    if any(word in said.casefold() for word in _AWAY):
        return Handed(Delivery.PAUSE, said, log_in=True)
    if code and answer.status < 300:  # it says no with a status that says yes
        return Handed(Delivery.NEVER, said)
    return by_status(answer, said)


class GowaHook(SaysOk):
    """Understands GOWA's webhooks, of this version and of those with a flat body."""

    answer: Final = ""

    def __init__(self, secret: str) -> None:
        self._secret = secret.encode()

    def read(self, call: HookCall) -> News:
        """Return what a call tells.

        Raises:
            HookRefusedError: its signature is wrong, or it can't be read.
        """
        given = call.headers.get("x-hub-signature-256", "").removeprefix("sha256=")
        if not is_same(given, hex_sha256(self._secret, call.body)):
            raise HookRefusedError(FORBIDDEN, "wrong signature")
        document = json_body(call)
        payload = mapped(document.get("payload"))
        event = text(document.get("event"))
        if event == "message.ack":
            return News(progress=tuple(_progress(payload)))
        if event == "message" and payload:
            one = _incoming(payload, call)
        elif not event and "message" in document:
            one = _flat(document, call)
        else:
            return News()
        return News(incoming=() if one is None else (one,))


def _incoming(payload: Mapping[str, Any], call: HookCall) -> Incoming | None:
    sender, key, chat = text(payload.get("from")), text(payload.get("id")), text(payload.get("chat_id"))
    sender = sender or text(payload.get("from_lid"))
    if not sender or not key or payload.get("is_from_me") or _is_group(chat):
        return None
    image = payload.get("image")
    media = text(image) or text(mapped(image).get("media_path")) or text(mapped(image).get("url"))
    words = text(payload.get("body")) or text(mapped(image).get("caption"))
    kind = Heard.IMAGE if image else Heard.DOCUMENT if payload.get("document") else Heard.TEXT
    name = text(payload.get("from_name"))[:100]
    at = moment(payload.get("timestamp"), call.now)
    return Incoming(key, sender, phone_of_sender(sender), name, words, kind, at, media or None)


def _flat(document: Mapping[str, Any], call: HookCall) -> Incoming | None:
    """Return a message as versions up to 7 tell of it: `62…@s.whatsapp.net in 62…@s.whatsapp.net`."""
    sender, _, chat = text(document.get("from")).partition(" in ")
    message = mapped(document.get("message"))
    key = text(message.get("id"))
    if not sender or not key or _is_group(chat) or _is_group(sender):
        return None
    words, at = text(message.get("text")), moment(document.get("timestamp"), call.now)
    return Incoming(key, sender, phone_of_sender(sender), text(document.get("pushname"))[:100], words, Heard.TEXT, at)


def _is_group(chat: str) -> bool:
    return chat.endswith(("@g.us", "@newsletter", "@broadcast"))


def _progress(payload: Mapping[str, Any]) -> list[Progress]:
    reached = _REACHED.get(text(payload.get("receipt_type")).casefold())
    if reached is None:
        return []
    ids = [text(one) for one in listed(payload.get("ids"))][:100]
    return [Progress(f"{one}:{reached.name}", one, Told(reached)) for one in ids if one]
