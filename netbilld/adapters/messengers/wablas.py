"""Wablas and StarSender: gateways to WhatsApp that take JSON and a token, and sign nothing."""

from collections.abc import Mapping
from typing import Any, Final

from netbilld.adapters.messengers.calls import Answer, Calls, KeepsNothing, by_status, shortened
from netbilld.adapters.messengers.hooks import SaysOk
from netbilld.adapters.messengers.unsigned import once_key, unsigned_document
from netbilld.adapters.messengers.values import is_true, listed, mapped, moment, text
from netbilld.model.contact import phone_of_sender
from netbilld.model.delivery import Reached, Told
from netbilld.ports.messages import Channel, Delivery, Handed, Outgoing, verdict
from netbilld.ports.messenger_hooks import Heard, HookCall, Incoming, News, Progress

LONGEST: Final = 60_000
_OURS: Final = ("token", "auth", "quota", "kuota", "expired", "secret", "api key", "apikey", "subscription")
_AWAY: Final = ("device", "disconnect", "not connected", "offline", "scan")
_THEIRS: Final = ("phone", "number", "nomor", "invalid", "registered", "receiver")
_REACHED: Final = {
    "pending": Reached.ACCEPTED, "sent": Reached.SENT, "delivered": Reached.DELIVERED, "read": Reached.READ,
}  # fmt: skip


class Wablas(KeepsNothing):
    """Hands messages to a server of Wablas."""

    channel: Final = Channel.WHATSAPP.value

    def __init__(self, url: str, token: str, secret_key: str | None = None, timeout_seconds: float = 30.0) -> None:
        """Take the server's address, such as `https://jogja.wablas.com`; newer accounts have a secret key as well."""
        self._url = f"{url.rstrip('/')}/api/v2/send-message"
        self._headers = {"Authorization": token if secret_key is None else f"{token}.{secret_key}"}
        self._calls = Calls(timeout_seconds, (token, secret_key or ""))

    async def send(self, message: Outgoing) -> Handed:
        """Hand a message over; see `Delivery` for what may come of it."""
        one = {
            "phone": message.to.lstrip("+"),
            "message": message.text[:LONGEST],
            "isGroup": "false",
            "secret": False,
            "retry": False,  # whether it is sent again is for us to say
        }
        answer = await self._calls.call("POST", self._url, headers=self._headers, json_body={"data": [one]})
        if isinstance(answer, Handed):
            return answer
        document = answer.object()
        if not is_true(document.get("status")):
            return refused(answer, document, "status")
        sent = listed(mapped(document.get("data")).get("messages"))
        provider_id = text(mapped(sent[0]).get("id")) if sent else ""
        return Handed(Delivery.ACCEPTED, shortened(text(document.get("message"))), provider_id=provider_id)


class StarSender(KeepsNothing):
    """Hands messages to StarSender."""

    channel: Final = Channel.WHATSAPP.value

    def __init__(self, key: str, url: str = "https://api.starsender.online", timeout_seconds: float = 30.0) -> None:
        self._url, self._headers = f"{url.rstrip('/')}/api/send", {"Authorization": key}
        self._calls = Calls(timeout_seconds, (key,))

    async def send(self, message: Outgoing) -> Handed:
        """Hand a message over; see `Delivery` for what may come of it."""
        body = {"messageType": "text", "to": message.to.lstrip("+"), "body": message.text[:LONGEST]}
        answer = await self._calls.call("POST", self._url, headers=self._headers, json_body=body)
        if isinstance(answer, Handed):
            return answer
        document = answer.object()
        if not is_true(document.get("success")):
            return refused(answer, document, "success")
        data = mapped(document.get("data"))
        provider_id = text(data.get("id")) or text(data.get("message_id"))
        return Handed(Delivery.ACCEPTED, shortened(text(document.get("message"))), provider_id=provider_id)


def refused(answer: Answer, document: Mapping[str, Any], verdict_name: str) -> Handed:
    """Return what a refusal means, by its words first: its status is 200 as often as not."""
    if verdict_name not in document:
        return by_status(answer, answer.words())
    said = shortened(text(document.get("message")) or "refused without a reason")
    words = said.casefold()
    if any(word in words for word in _OURS):
        return Handed(Delivery.PAUSE, said, log_in=True)
    if any(word in words for word in _AWAY):
        return Handed(Delivery.PAUSE, said)
    if any(word in words for word in _THEIRS):
        return Handed(Delivery.NEVER, said)
    by_number = verdict(answer.status)
    if by_number is Delivery.ACCEPTED:  # it says no and not why
        by_number = Delivery.LATER
    return Handed(by_number, said, answer.retry_seconds)


class WablasHook(SaysOk):
    """Understands Wablas's webhooks: `phone` is who wrote, `sender` is our own telephone."""

    answer: Final = ""

    def read(self, call: HookCall) -> News:
        """Return what a call tells.

        Raises:
            HookRefusedError: it can't be read.
        """
        document = unsigned_document(call)
        key = text(document.get("id"))
        if "status" in document and not {"message", "pushname"} <= document.keys():  # it may repeat our own words
            one = _progress(key, text(document.get("status")).casefold())
            return News(progress=() if one is None else (one,))
        phone = text(document.get("phone"))
        if not phone or is_true(document.get("isgroup")) or is_true(document.get("isfromme")):
            return News()
        words = text(document.get("message"))
        url, kind = text(document.get("url")), text(document.get("messagetype")).casefold()
        is_image = kind == "image"
        return News(
            incoming=(
                Incoming(
                    key=key or once_key(phone, text(document.get("timestamp")), words),
                    address=phone,
                    phone=phone_of_sender(phone),
                    name=text(document.get("pushname"))[:100],
                    text=words,
                    kind=Heard.IMAGE if is_image else Heard.DOCUMENT if url else Heard.TEXT,
                    at=moment(document.get("timestamp"), call.now),
                    media=(url or text(document.get("file")) or None) if is_image else None,
                ),
            )
        )


def _progress(provider_id: str, status: str) -> Progress | None:
    if not provider_id:
        return None
    if status in _REACHED:
        return Progress(f"{provider_id}:{status}", provider_id, Told(_REACHED[status]))
    if status in {"failed", "cancel", "reject", "rejected"}:
        return Progress(f"{provider_id}:failed", provider_id, Told(Reached.NOWHERE, failed=True), status)
    return None


class StarSenderHook(SaysOk):
    """Understands StarSender's webhooks, whose fields are not laid down anywhere."""

    answer: Final = ""

    def read(self, call: HookCall) -> News:
        """Return what a call tells.

        Raises:
            HookRefusedError: it can't be read.
        """
        document = unsigned_document(call)
        sender, words = text(document.get("from")), text(document.get("message"))
        if not sender or "@g.us" in sender or "broadcast" in sender:
            return News()
        key = once_key(text(document.get("device")), sender, text(document.get("timestamp")), words)
        at = moment(document.get("timestamp"), call.now)
        phone = phone_of_sender(sender)
        return News(incoming=(Incoming(key, sender, phone, "", words, Heard.TEXT, at),))
