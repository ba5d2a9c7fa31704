"""What a log-in is held against once its credentials are right: sessions at once, locks, hours, addresses."""

from collections.abc import Mapping
from dataclasses import dataclass, field

from netbilld.model.service_lock import LockKind, SecondLogin


@dataclass(frozen=True, slots=True)
class AccessTerms:
    """The terms of one service; most have none, and those that have share them with their plan's others.

    Attributes:
        sessions_allowed: at once; None for any number.
        second_login: what one log-in too many leads to.
        locks: where it may log in from, by kind; a kind that is absent is not locked. Values are normalised.
        learn: kinds whose value is learned at the first log-in.
        hours: half-open spans of minutes since Monday 00:00 in `timezone` in which it may log in; none for always.
        timezone: the service's.
        pool: name of the pool of ours that its IPv4 address comes from; None where the NAS gives one.
        ipv6_pool: the same for Framed-IPv6-Prefix.
        delegated_pool: the same for Delegated-IPv6-Prefix.
        first_use: a voucher that nobody has used yet: its service begins before anything else is looked at.
    """

    sessions_allowed: int | None = None
    second_login: SecondLogin = "replace"
    locks: Mapping[LockKind, frozenset[str]] = field(default_factory=dict)
    learn: frozenset[LockKind] = frozenset()
    hours: tuple[tuple[int, int], ...] = ()
    timezone: str = "UTC"
    pool: str | None = None
    ipv6_pool: str | None = None
    delegated_pool: str | None = None
    first_use: bool = False
