"""Whether a session still has the address it was given: what accounting says of it, and what silence means."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from ipaddress import ip_network
from typing import Final
from uuid import UUID

from netbilld.accounting.stale import overdue_after_seconds
from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import PoolKind

_OVERTAKEN: Final = timedelta(seconds=60)  # Accounting-On may come after the first log-ins that followed it


@dataclass(frozen=True, slots=True)
class SessionHold:
    """A session, as far as its addresses go."""

    id: int
    service_id: UUID
    nas_id: UUID
    username: str
    mac: str | None
    framed_ip: str | None
    ipv6_prefix: str | None
    delegated_prefix: str | None
    state: str
    started_at: datetime
    updated_at: datetime
    stopped_at: datetime | None

    @property
    def is_open(self) -> bool:
        return self.stopped_at is None

    def address(self, kind: PoolKind) -> str | None:
        """Return the address of that kind that the NAS reports; None where it says nothing of it."""
        if kind is PoolKind.IPV4:
            return self.framed_ip
        return self.ipv6_prefix if kind is PoolKind.IPV6_PREFIX else self.delegated_prefix


@dataclass(frozen=True, slots=True)
class NasSilence:
    """When a NAS was last heard, and since when, having fallen silent as a whole, its sessions are suspect."""

    nas_id: UUID
    name: str
    last_heard_at: datetime | None
    suspect_since_at: datetime | None
    is_removed: bool = False


@dataclass(frozen=True, slots=True)
class HoldPolicy:
    """How long an address is kept for a session that may still have it.

    Attributes:
        accept_seconds: after an Access-Accept, until the Start comes.
        suspect_seconds: after the last word of a session whose whole NAS fell silent.
        interim_seconds: the reporting interval we ask for.
    """

    accept_seconds: int
    suspect_seconds: int
    interim_seconds: int

    @property
    def confirmed_after(self) -> timedelta:
        """How long a NAS must have spoken on after a session's last word, to confirm that this one is over."""
        return timedelta(seconds=2 * self.interim_seconds)

    @property
    def silent_after(self) -> timedelta:
        """How long a NAS with sessions may say nothing: until a report of each of them is overdue."""
        return timedelta(seconds=overdue_after_seconds(self.interim_seconds))


class Verdict(StrEnum):
    KEEP = "keep"
    USE = "use"  # a session has been seen with it
    RELEASE = "release"


@dataclass(frozen=True, slots=True)
class Surroundings:
    """What else decides: the time, since when accounting is heard without a gap, and the NAS.

    Attributes:
        restarted_at: when the NAS last said Accounting-On or -Off, if it did just now.
    """

    now: datetime
    hearing_since: datetime
    silence: NasSilence | None
    restarted_at: datetime | None = None


def judge(
    lease: AddressLease, kind: PoolKind, sessions: Sequence[SessionHold], policy: HoldPolicy, around: Surroundings
) -> Verdict:
    """Return what becomes of a lease that is not free.

    Args:
        lease: held or in use.
        kind: its pool's.
        sessions: its service's open sessions, and its latest others, newest first.
        policy: how long to keep it for whom.
        around: time and NAS.
    """
    mine = [session for session in sessions if has_lease(session, lease, kind)]
    using = [session for session in mine if session.is_open]
    if using:
        if lease.held_until_at is None:
            return Verdict.KEEP
        # a session from before belongs to the log-in before: its end must not free what was given anew
        seen = any(session.started_at >= lease.taken_at for session in using)
        return Verdict.USE if seen or around.now >= _waited_until(lease.held_until_at, policy, around) else Verdict.KEEP
    if around.restarted_at is not None and lease.taken_at < around.restarted_at - _OVERTAKEN:
        return Verdict.RELEASE
    if lease.held_until_at is not None:
        if around.now < _waited_until(lease.held_until_at, policy, around) or _is_cut_off(
            lease.held_until_at, policy, around
        ):
            return Verdict.KEEP
        return Verdict.RELEASE
    last = next((session for session in mine if session.nas_id == lease.nas_id), None)
    if last is None or last.state == "closed":  # the NAS has said so
        return Verdict.RELEASE
    if around.silence is None or around.silence.is_removed:
        return Verdict.RELEASE
    if around.now - last.updated_at >= timedelta(seconds=policy.suspect_seconds):
        return Verdict.RELEASE
    heard_at = around.silence.last_heard_at
    if around.silence.suspect_since_at is not None or heard_at is None:
        return Verdict.KEEP
    return Verdict.RELEASE if heard_at - last.updated_at >= policy.confirmed_after else Verdict.KEEP


def _waited_until(held_until_at: datetime, policy: HoldPolicy, around: Surroundings) -> datetime:
    """Return until when a Start is waited for: one that waits to be read is as good as one that came."""
    return max(held_until_at, around.hearing_since + timedelta(seconds=policy.accept_seconds))


def _is_cut_off(held_until_at: datetime, policy: HoldPolicy, around: Surroundings) -> bool:
    """Tell whether the NAS has been silent since before a hold was over: the Start may wait on its side."""
    silence = around.silence
    if silence is None or silence.is_removed or silence.last_heard_at is None:
        return False
    if around.now - held_until_at >= timedelta(seconds=policy.suspect_seconds):
        return False
    return silence.suspect_since_at is not None or silence.last_heard_at < held_until_at


def has_lease(session: SessionHold, lease: AddressLease, kind: PoolKind) -> bool:
    """Tell whether a session of the lease's service has its address, as far as the NAS reports it.

    Many NAS say nothing of IPv6 prefixes, and some nothing of an address until it is up: then the station decides.
    """
    address = session.address(kind)
    if address is not None:
        return address == lease.address or (kind is not PoolKind.IPV4 and _is_inside(address, lease.address))
    if session.nas_id != lease.nas_id:
        return False
    key = lease.session_key
    return session.mac is None or key is None or not _is_mac(key) or key == session.mac


def _is_inside(address: str, prefix: str) -> bool:
    """Tell whether what a NAS reports lies in a prefix: some report the address that was made of it."""
    inner, outer = ip_network(address), ip_network(prefix)
    return inner.version == outer.version and inner.subnet_of(outer)  # type: ignore[arg-type]  # of one version


def _is_mac(key: str) -> bool:
    return len(key) == 17 and key.count(":") == 5


def silence_changes(
    silences: Sequence[NasSilence],
    returned_at: dict[UUID, datetime],
    policy: HoldPolicy,
    now: datetime,
    hearing_since: datetime,
) -> dict[UUID, datetime | None]:
    """Return since when the sessions of NAS are suspect, for those where that changes; None for not any more.

    A NAS that is heard again has its sessions believed only after they have had the time to speak too; `returned_at`
    remembers since when that is, between calls.
    """
    changes: dict[UUID, datetime | None] = {}
    for silence in silences:
        heard_at = silence.last_heard_at
        if heard_at is None or silence.is_removed:
            continue
        is_silent = now - max(heard_at, hearing_since) >= policy.silent_after
        if silence.suspect_since_at is None:
            if is_silent:
                changes[silence.nas_id] = heard_at
        elif is_silent or heard_at <= silence.suspect_since_at:
            returned_at.pop(silence.nas_id, None)
        elif now - returned_at.setdefault(silence.nas_id, now) >= policy.confirmed_after:
            del returned_at[silence.nas_id]
            changes[silence.nas_id] = None
    return changes
