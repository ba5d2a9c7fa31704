"""How long a change of what is due takes until it is so: from its cause to what was seen of it."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Final

from netbilld.enforcement.observed import Evidence
from netbilld.enforcement.profile import Access

GONE: Final = "gone"  # evidence: the session has ended


class CauseKind(StrEnum):
    """Why something else is due."""

    PAYMENT = "payment"
    QUOTA = "quota"
    CALENDAR = "calendar"
    COMMAND = "command"
    START = "start"  # a daemon that was away, or has learned of something late


class Ending(StrEnum):
    """What became of a change."""

    SEEN = "seen"
    SUPERSEDED = "superseded"  # something else was due before it was seen
    NEEDLESS = "needless"  # the session had ended before an order left


_KINDS: Final = {
    "usage": CauseKind.QUOTA,
    "timer": CauseKind.CALENDAR,
    "invoice.issue": CauseKind.CALENDAR,
    "service.renew": CauseKind.CALENDAR,
    "start": CauseKind.START,
    "the database is back": CauseKind.START,
}
_OPEN: Final = (Access.ACTIVE, Access.THROTTLED)
_UNPROVED: Final = (Evidence.UNSURE.value, Evidence.ACK.value)


def kind_of(cause: str) -> CauseKind:
    """Return the kind of what made us look: `DesiredService.cause`."""
    if cause.startswith("payment."):
        return CauseKind.PAYMENT
    return _KINDS.get(cause, CauseKind.COMMAND)


def gives_back(due: Access, seen: Access | None) -> bool:
    """Tell whether a change gives access back that its session was seen without."""
    if seen is None:
        return False
    return (due in _OPEN and seen not in _OPEN) or (due is Access.ACTIVE and seen is Access.THROTTLED)


@dataclass(frozen=True, slots=True)
class Effect:
    """A change of what is due and one session that it is to reach; None for a line with a fixed address.

    Attributes:
        cause_at: when its cause came about: the payment recorded, the report that crossed, the command, the edge.
        due_at: when it was decided, which names it among the changes of its service.
        is_return: it gives access back; then a session that ends is not enough, the service must be back.
        sent_at: when its first order left.
        acknowledged_at: when the NAS first said that it had done it.
        gone_at: when the session was known to be over.
        returned_at: when the session began that the service came back with.
        seen_at: when it was known to be so.
        evidence: by what, a word of `Evidence` or `gone`.
        ending: None while it is waited for.
    """

    session_id: int | None
    due_at: datetime
    cause_at: datetime
    profile_key: str
    is_return: bool
    sent_at: datetime | None = None
    acknowledged_at: datetime | None = None
    gone_at: datetime | None = None
    returned_at: datetime | None = None
    seen_at: datetime | None = None
    evidence: str | None = None
    ending: Ending | None = None


@dataclass(frozen=True, slots=True)
class Tried:
    """An order for a change, as far as it matters here."""

    action: str
    sent_at: datetime
    answered_at: datetime | None
    verified_at: datetime | None
    outcome: str
    error_cause: int | None

    @property
    def is_acknowledged(self) -> bool:
        """Tell whether the NAS said yes."""
        return self.error_cause is None and self.outcome in {"acked", "verified", "disproved"}


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a session was seen with, and since when it is there."""

    profile_key: str
    evidence: str
    observed_at: datetime
    started_at: datetime


@dataclass(frozen=True, slots=True)
class EffectFacts:
    """What is on record about a change.

    Attributes:
        tried: its orders.
        is_over: its session has ended.
        here: what its session was seen with.
        later: sessions of the service that began since it was due.
        due_since: since when what is due now is; None where nothing is.
    """

    tried: Sequence[Tried]
    is_over: bool
    here: Sighting | None
    later: Sequence[Sighting]
    due_since: datetime | None


def progress(effect: Effect, facts: EffectFacts, now: datetime) -> Effect:
    """Return a change with what has become known of it; what was known before stays.

    What nothing else dates is dated `now`, when it was found: no figure is better than what could be told at the time.
    """
    known = effect
    if facts.tried:
        known = replace(known, sent_at=known.sent_at or min(one.sent_at for one in facts.tried))
        said_yes = [one.answered_at for one in facts.tried if one.is_acknowledged and one.answered_at is not None]
        if known.acknowledged_at is None and said_yes:
            known = replace(known, acknowledged_at=min(said_yes))
    if facts.is_over and known.gone_at is None:
        ended = [one.verified_at for one in facts.tried if one.action == "disconnect" and one.verified_at is not None]
        known = replace(known, gone_at=min([*ended, now]))
    seen = _seen(known, facts, now)
    if seen is not None:
        return seen
    if facts.due_since is None or facts.due_since > effect.due_at:
        return replace(known, ending=Ending.SUPERSEDED)
    if known.gone_at is not None and known.sent_at is None:
        return replace(known, ending=Ending.NEEDLESS)
    return known


def _seen(effect: Effect, facts: EffectFacts, now: datetime) -> Effect | None:
    """Return the change as seen; None where it was not."""
    here = facts.here
    if here is not None and here.profile_key == effect.profile_key and here.evidence not in _UNPROVED:
        proved = [one.verified_at for one in facts.tried if one.action != "disconnect" and one.verified_at is not None]
        if here.observed_at >= effect.due_at:
            proved.append(here.observed_at)
        if proved:
            return replace(effect, seen_at=min(proved), evidence=here.evidence, ending=Ending.SEEN)
    if effect.gone_at is None or effect.sent_at is None:
        return None
    if not effect.is_return:
        return replace(effect, seen_at=effect.gone_at, evidence=GONE, ending=Ending.SEEN)
    back = [
        one for one in facts.later if one.profile_key == effect.profile_key and one.evidence not in _UNPROVED
    ]  # the first is the one that came back
    if not back:
        return None
    first = min(back, key=lambda one: one.started_at)
    return replace(effect, returned_at=first.started_at, seen_at=now, evidence=first.evidence, ending=Ending.SEEN)
