"""Telegram for the staff: what a bot of ours sends, and who has started it."""

from collections.abc import Mapping
from html import escape
from typing import Final

from netbilld.adapters.messengers.calls import Answer, Calls, KeepsNothing, by_status, shortened
from netbilld.adapters.messengers.hooks import FORBIDDEN, json_body
from netbilld.adapters.messengers.signatures import is_same
from netbilld.adapters.messengers.values import mapped, moment, number, text
from netbilld.ports.messages import Channel, Delivery, Handed, Outgoing
from netbilld.ports.messenger_hooks import Heard, HookCall, HookRefusedError, Incoming, News

LONGEST: Final = 3500  # before escapes; 4096 after them
_TOO_MANY: Final = 429
_NO_TOKEN: Final = frozenset((401, 404))


class Telegram(KeepsNothing):
    """Hands messages to Telegram; the token is part of the address, and is told to nobody."""

    channel: Final = Channel.TELEGRAM.value

    def __init__(self, token: str, url: str = "https://api.telegram.org", timeout_seconds: float = 30.0) -> None:
        self._url = f"{url.rstrip('/')}/bot{token}/sendMessage"
        self._calls = Calls(timeout_seconds, (token,))

    async def send(self, message: Outgoing) -> Handed:
        """Hand a message over; a group that has become another one is followed."""
        answer = await self._to(message.to, message)
        if isinstance(answer, Handed):
            return answer
        moved = number(mapped(answer.object().get("parameters")).get("migrate_to_chat_id"))
        if moved is not None:
            followed = await self._to(str(moved), message)
            return followed if isinstance(followed, Handed) else understood(followed)
        return understood(answer)

    async def _to(self, chat: str, message: Outgoing) -> Answer | Handed:
        words = escape(message.text[:LONGEST], quote=False)
        if message.subject:
            words = f"<b>{escape(message.subject[:200], quote=False)}</b>\n\n{words}"
        body = {
            "chat_id": number(chat) if number(chat) is not None else chat,
            "text": words,
            "parse_mode": "HTML",
            "link_preview_options": {"is_disabled": True},
        }
        return await self._calls.call("POST", self._url, json_body=body)


def understood(answer: Answer) -> Handed:
    """Return what an answer of Telegram means."""
    document = answer.object()
    if document.get("ok") is True:
        provider_id = text(mapped(document.get("result")).get("message_id"))
        return Handed(Delivery.ACCEPTED, "accepted", provider_id=provider_id)
    said = shortened(text(document.get("description")))
    code = number(document.get("error_code")) or answer.status
    if code == _TOO_MANY:
        seconds = number(mapped(document.get("parameters")).get("retry_after"))
        return Handed(Delivery.PAUSE, said or "too many", float(seconds) if seconds is not None else None)
    if code in _NO_TOKEN:
        return Handed(Delivery.PAUSE, said or "no such bot", log_in=True)
    if code == FORBIDDEN:  # they have blocked the bot, or never started it
        return Handed(Delivery.NEVER, said)
    return by_status(answer, said or answer.words())


class TelegramHook:
    """Understands updates that Telegram sends."""

    answer: Final = ""

    def __init__(self, secret: str) -> None:
        """Take the `secret_token` that setWebhook was given."""
        self._secret = secret

    def greet(self, query: Mapping[str, str]) -> str | None:
        """Refuse: Telegram asks nothing beforehand."""
        del query
        return None

    def read(self, call: HookCall) -> News:
        """Return what a call tells.

        Raises:
            HookRefusedError: it does not carry our secret, or can't be read.
        """
        given = call.headers.get("x-telegram-bot-api-secret-token", "")
        if not is_same(given, self._secret):
            raise HookRefusedError(FORBIDDEN, "wrong secret")
        document = json_body(call)
        key, message = number(document.get("update_id")), mapped(document.get("message"))
        sender, chat = mapped(message.get("from")), mapped(message.get("chat"))
        address = number(chat.get("id"))
        if key is None or address is None or text(chat.get("type")) != "private" or sender.get("is_bot"):
            return News()
        one = Incoming(
            key=str(key),
            address=str(address),
            phone=None,
            name=text(sender.get("first_name"))[:100],
            text=text(message.get("text")),
            kind=Heard.TEXT if message.get("text") else Heard.OTHER,
            at=moment(message.get("date"), call.now),
        )
        return News(incoming=(one,))


def start_link(bot: str, code: str) -> str:
    """Return the address that starts a chat with a bot and tells it a code."""
    return f"https://t.me/{bot}?start={code}"
