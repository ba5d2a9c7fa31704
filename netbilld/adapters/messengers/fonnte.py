"""Fonnte: a gateway to WhatsApp with a telephone of ours behind it; its webhooks are not signed."""

import json
import re
from collections.abc import Mapping
from typing import Any, Final

from netbilld.adapters.messengers.calls import Answer, Calls, KeepsNothing, by_status, shortened, with_document
from netbilld.adapters.messengers.hooks import SaysOk
from netbilld.adapters.messengers.unsigned import once_key, unsigned_document
from netbilld.adapters.messengers.values import is_true, listed, moment, place, text
from netbilld.model.contact import phone_of_sender
from netbilld.model.delivery import Reached, Told
from netbilld.ports.messages import Channel, Delivery, Handed, Outgoing
from netbilld.ports.messenger_hooks import DeviceNews, Heard, HookCall, Incoming, News, Progress

_REACHED: Final = {
    "sent": Reached.SENT, "delivered": Reached.DELIVERED, "read": Reached.READ,
    "pending": Reached.ACCEPTED, "processing": Reached.ACCEPTED,
}  # fmt: skip
_FAILED: Final = frozenset(("failed", "invalid", "expired", "error"))
_OURS: Final = ("token", "quota", "package", "expired")  # what a person of ours has to mend
_AWAY: Final = ("disconnect", "device", "offline")
_GROUP: Final = re.compile(r"\d{8,}-\d{8,}")
LONGEST: Final = 60_000


class Fonnte(KeepsNothing):
    """Hands messages to Fonnte; a refusal comes with HTTP 200 as well."""

    channel: Final = Channel.WHATSAPP.value

    def __init__(self, token: str, url: str = "https://api.fonnte.com", timeout_seconds: float = 30.0) -> None:
        self._url, self._headers = f"{url.rstrip('/')}/send", {"Authorization": token}
        self._calls = Calls(timeout_seconds, (token,))

    async def send(self, message: Outgoing) -> Handed:
        """Hand a message over; see `Delivery` for what may come of it."""
        return await with_document(message, self._send)

    async def _send(self, message: Outgoing) -> Handed:
        form = {
            "target": message.to.lstrip("+"),
            "message": message.text[:LONGEST],
            "countryCode": "0",  # the number has it already
            "connectOnly": "true",  # what waits there for a telephone that is away is out of our sight
        }
        file = None if message.attachment is None else ("file", message.attachment)
        answer = await self._calls.call("POST", self._url, headers=self._headers, form=form, file=file)
        return answer if isinstance(answer, Handed) else understood(answer)


def understood(answer: Answer) -> Handed:
    """Return what an answer of Fonnte means."""
    document = answer.object()
    if "status" not in document:
        return by_status(answer, answer.words())
    if is_true(document["status"]):
        ids = document.get("id")
        found = listed(ids)
        provider_id = text(found[0]) if found else text(ids)
        return Handed(Delivery.ACCEPTED, shortened(text(document.get("detail")) or "queued"), provider_id=provider_id)
    reason = shortened(text(document.get("reason")) or text(document.get("detail")) or "refused without a reason")
    said = reason.casefold()
    if any(word in said for word in _OURS):
        return Handed(Delivery.PAUSE, reason, log_in=True)
    if any(word in said for word in _AWAY):
        return Handed(Delivery.PAUSE, reason)
    return Handed(Delivery.NEVER, reason)


class FonnteHook(SaysOk):
    """Understands Fonnte's webhooks; the secret in the path is all that proves where they come from."""

    answer: Final = '{"status":true}'

    def read(self, call: HookCall) -> News:
        """Return what a call tells.

        Raises:
            HookRefusedError: it can't be read.
        """
        document = unsigned_document(call)
        if "sender" in document:
            one = _incoming(document, call)
            return News(incoming=() if one is None else (one,))
        if "id" in document:
            one_progress = _progress(document)
            return News(progress=() if one_progress is None else (one_progress,))
        status = text(document.get("status")).casefold()
        if status in {"connect", "disconnect"}:
            key = once_key(json.dumps(document, sort_keys=True, default=str), call.now.isoformat())
            said = text(document.get("reason")) or status
            return News(device=(DeviceNews(key, status == "connect", shortened(said)),))
        return News()


def _incoming(document: Mapping[str, Any], call: HookCall) -> Incoming | None:
    sender, device = text(document.get("sender")), text(document.get("device"))
    if not sender or sender == device or document.get("member") or "@g.us" in sender or _GROUP.fullmatch(sender):
        return None
    words = text(document.get("message"))
    key = text(document.get("inboxid")) or once_key(device, sender, text(document.get("timestamp")), words)
    url = text(document.get("url"))
    is_image = text(document.get("extension")).casefold() in {"jpg", "jpeg", "png", "webp"}
    kind = (Heard.IMAGE if is_image else Heard.DOCUMENT) if url else Heard.TEXT
    latitude, _, longitude = text(document.get("location")).partition(",")
    return Incoming(
        key=key,
        address=sender,
        phone=phone_of_sender(sender),
        name=text(document.get("name"))[:100],
        text=words,
        kind=kind,
        at=moment(document.get("timestamp"), call.now),
        media=url if is_image else None,
        place=place(latitude, longitude),
    )


def _progress(document: Mapping[str, Any]) -> Progress | None:
    found = listed(document.get("id"))
    provider_id = text(found[0]) if found else text(document.get("id"))
    words = [text(document.get(name)).casefold() for name in ("state", "status")]
    if not provider_id:
        return None
    reached = max((_REACHED[word] for word in words if word in _REACHED), default=None)
    if reached is not None:
        return Progress(f"{provider_id}:{reached.name}", provider_id, Told(reached))
    if any(word in _FAILED for word in words):
        return Progress(f"{provider_id}:failed", provider_id, Told(Reached.NOWHERE, failed=True), words[1] or words[0])
    return None
