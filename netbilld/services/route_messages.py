"""By whom a message goes: the first channel its reader has, wants and that works; pure, over what is on record."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, time, timedelta
from typing import Any, Final, Protocol
from uuid import UUID
from zoneinfo import ZoneInfo

from netbilld.model.contact import Line, line_of
from netbilld.model.sms import sms_size
from netbilld.ports.messages import Channel, Driver
from netbilld.ports.outbox import CODES, MessageKind

# What answers somebody who is awake, or gives something back; everything else waits for the morning.
AT_ANY_HOUR: Final = CODES | frozenset(
    (
        MessageKind.CONTACT_CHANGED,
        MessageKind.CREDIT_LOW,
        MessageKind.PAYMENT_RECEIVED,
        MessageKind.PLAN_CHANGED,
        MessageKind.PROMISE,
        MessageKind.REPLY,
        MessageKind.RESTORED,
        MessageKind.STAFF_ALERT,
        MessageKind.THRESHOLD,
        MessageKind.COMPLAINT_RECEIVED,
        MessageKind.COMPLAINT_STATE,
        MessageKind.COMPLAINT_NOTE,
        MessageKind.COMPLAINT_ASSIGNED,
    )
)
STAFF_ORDER: Final = (Channel.TELEGRAM.value, Channel.WHATSAPP.value, Channel.EMAIL.value, Channel.SMS.value)
DEFAULT_ORDER: Final = (Channel.WHATSAPP.value, Channel.SMS.value, Channel.EMAIL.value)
_PHONES: Final = frozenset((Channel.WHATSAPP.value, Channel.SMS.value))


class Waiting(Protocol):
    """A message to be sent, and whose it is."""

    @property
    def id(self) -> int: ...
    @property
    def kind(self) -> MessageKind: ...
    @property
    def subscriber_id(self) -> UUID | None: ...
    @property
    def subscriber_no(self) -> str: ...
    @property
    def subscriber_name(self) -> str: ...
    @property
    def staff_name(self) -> str | None: ...
    @property
    def staff_id(self) -> UUID | None: ...
    @property
    def email(self) -> str | None: ...
    @property
    def phone(self) -> str | None: ...
    @property
    def telegram(self) -> str | None: ...
    @property
    def locale(self) -> str | None: ...
    @property
    def currency(self) -> str: ...
    @property
    def context(self) -> Mapping[str, Any]: ...
    @property
    def dedupe_key(self) -> str: ...
    @property
    def attempts(self) -> int: ...
    @property
    def driver(self) -> str | None: ...
    @property
    def addressee(self) -> str | None: ...
    @property
    def passed(self) -> tuple[str, ...]: ...
    @property
    def stopped(self) -> frozenset[str]: ...
    @property
    def channels(self) -> tuple[str, ...]: ...


@dataclass(frozen=True, slots=True)
class Pace:
    """How fast a driver may be used.

    Attributes:
        gap_seconds, longest_gap_seconds: between two messages; where they differ it is drawn from between them.
        recipient_seconds: between two messages to one person.
        recipient_a_day: messages to one person within a day at most; None is any number.
    """

    gap_seconds: float
    longest_gap_seconds: float = 0.0
    recipient_seconds: float = 0.0
    recipient_a_day: int | None = None

    def gap(self, chance: float) -> float:
        """Return how long to wait after a message; `chance` lies between 0 and 1."""
        return self.gap_seconds + max(0.0, self.longest_gap_seconds - self.gap_seconds) * chance


@dataclass(frozen=True, slots=True)
class Way:
    """A driver, and on which terms it is used.

    Attributes:
        name: what it is called in settings, on pages and on record.
        cost_minor: of one message, or of each part of an SMS.
        carries_documents: a PDF may go with a message.
        asks_approval: it takes only approved templates from who has not been written to lately.
    """

    name: str
    driver: Driver
    pace: Pace
    cost_minor: int = 0
    asks_approval: bool = False
    carries_documents: bool = False

    @property
    def channel(self) -> str:
        """Return the channel it serves."""
        return self.driver.channel

    def cost_of(self, text: str) -> int:
        """Return what a message costs."""
        if not self.cost_minor:
            return 0
        return self.cost_minor * (sms_size(text).parts if self.channel == Channel.SMS.value else 1)


@dataclass(frozen=True, slots=True)
class Route:
    """By whom a message goes, and to what address there."""

    way: Way
    address: str


@dataclass(frozen=True, slots=True)
class NoRoute:
    """It goes by nobody; `for_now` where somebody could deliver it who is away."""

    said: str
    for_now: bool = False


def route(message: Waiting, ways: Sequence[Way], order: Sequence[str], away: frozenset[str]) -> Route | NoRoute:
    """Return by whom a message goes.

    Args:
        message: it, with whom it goes to.
        ways: everybody who delivers.
        order: the channels in the order the provider wants.
        away: names of those who don't work, and for whom it is not to wait.
    """
    if message.addressee is not None:
        way = next((one for one in ways if one.name == message.driver), None)
        if way is None:
            return NoRoute("nobody delivers by that messenger any more")
        if way.name in message.passed:
            return NoRoute("it could not be delivered there")
        return Route(way, message.addressee)
    has_address = waits = refused = False
    for channel in _order(message, order):
        address = address_of(message, channel)
        if address is None:
            continue
        for way in ways:
            if way.channel != channel:
                continue
            has_address = True
            if channel in message.stopped and message.kind not in CODES:
                refused = True
            elif way.name in message.passed:
                continue
            elif way.name in away:
                waits = True
            else:
                return Route(way, address)
    if waits:
        return NoRoute("who could deliver it does not work now", for_now=True)
    if refused:
        return NoRoute("they don't want messages by any channel that we have")
    return NoRoute("no channel could deliver it" if has_address else "there is no address to send it to")


def _order(message: Waiting, order: Sequence[str]) -> tuple[str, ...]:
    if message.staff_id is not None:
        return STAFF_ORDER
    wanted = tuple(dict.fromkeys(channel for channel in message.channels if channel in order))
    return tuple(dict.fromkeys((*wanted, *order)))


def address_of(message: Waiting, channel: str) -> str | None:
    """Return where somebody is reached by a channel; None where they are not."""
    if channel == Channel.EMAIL.value:
        return message.email
    if channel == Channel.TELEGRAM.value:
        return message.telegram
    if channel in _PHONES and message.phone and line_of(message.phone) is not Line.FIXED:
        return message.phone
    return None


@dataclass(frozen=True, slots=True)
class SendingPolicy:
    """How messages go out.

    Attributes:
        quiet_from, quiet_to: local times between which only `AT_ANY_HOUR` goes out; equal: never quiet.
        domain: the right side of Message-IDs.
        order: channels, the first that a person has is used.
        pay_link: gives the address at which the subscriber of a number pays; None where there is none.
        patience_seconds: how long messages wait for a driver that does not work before they go another way; codes and
            answers don't wait.
    """

    timezone: str
    locale: str
    business_name: str
    portal_url: str | None
    quiet_from: time
    quiet_to: time
    domain: str
    order: tuple[str, ...] = DEFAULT_ORDER
    patience_seconds: float = 1800.0
    pay_link: Callable[[str], str] | None = None

    def quiet_until(self, kind: MessageKind, now: datetime) -> datetime | None:
        """Return when a message of that kind may go out; None where it may now."""
        if kind in AT_ANY_HOUR or self.quiet_from == self.quiet_to:
            return None
        local = now.astimezone(ZoneInfo(self.timezone))
        over_night = self.quiet_from > self.quiet_to
        clock = local.time()
        is_quiet = (
            clock >= self.quiet_from or clock < self.quiet_to
            if over_night
            else self.quiet_from <= clock < self.quiet_to
        )
        if not is_quiet:
            return None
        on = local.date() + timedelta(days=1 if over_night and clock >= self.quiet_from else 0)
        return datetime.combine(on, self.quiet_to, ZoneInfo(self.timezone))
