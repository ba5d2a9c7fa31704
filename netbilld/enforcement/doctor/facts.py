"""What is known of a NAS when it is examined: plain values, and None for what could not be known."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from netbilld.enforcement.explain_facts import DropFact
from netbilld.enforcement.vendors.interface import Wall

Rule = Mapping[str, str]  # a row of a firewall's menu, as the router gives it


@dataclass(frozen=True, slots=True)
class SessionSample:
    """An open session, as far as it tells how its NAS reports.

    Attributes:
        heard_at: when the NAS itself last spoke of it; a reading of ours is not its word.
        interval_seconds: between its last two reports; 0 before the second.
    """

    started_at: datetime
    heard_at: datetime
    interval_seconds: int
    upload_octets: int
    download_octets: int


@dataclass(frozen=True, slots=True)
class LogIns:
    """What log-ins through it have come to in the last hour.

    Attributes:
        accepted: by PAP, so that its secret must be right.
        refused_names: different names whose password was wrong or unreadable by PAP.
        last_at: the newest of any kind.
    """

    accepted: int = 0
    refused_names: int = 0
    last_at: datetime | None = None


class Answer(StrEnum):
    """What came back for an order about a session that nobody has."""

    REFUSED_IT = "refused_it"  # a NAK that is truly its own: its port is open and the secret is right
    TOOK_IT = "took_it"  # an ACK for what does not exist
    OTHER_SECRET = "other_secret"  # noqa: S105 - signed with another secret
    NOTHING_LISTENS = "nothing_listens"
    SILENCE = "silence"
    NOT_SENT = "not_sent"


class Obstacle(StrEnum):
    """Why no such order was sent."""

    SHARED_PORT = "shared_port"  # another NAS has its address and CoA port: it could be that one which answers
    RADSEC = "radsec"  # its orders go over the connection that it opens
    NO_ADDRESS = "no_address"  # it is known by a network, and nothing was heard of it yet


@dataclass(frozen=True, slots=True)
class OrderProbe:
    """An order about a session that nobody has, and what came of it; `detail` says why it could not be sent."""

    answer: Answer
    error_cause: int | None = None
    detail: str = ""
    obstacle: Obstacle | None = None


@dataclass(frozen=True, slots=True)
class RadiusEntry:
    """An entry of the router's `/radius`; None for what it does not show."""

    address: str
    services: frozenset[str]
    source: str | None
    is_disabled: bool
    secret_is_ours: bool | None = None  # None: its API user may not see secrets
    auth_port: int | None = None
    acct_port: int | None = None
    signs: bool | None = None  # require-message-auth


@dataclass(frozen=True, slots=True, kw_only=True)
class RouterFacts:
    """What a RouterOS router shows over its API; None for what it refused or does not have.

    Attributes:
        trouble: why it can't be asked; then nothing else is known.
        refused: the menus that its user may not read.
        policies: what its user may do.
        incoming: whether it takes orders, and at which port.
        bad_requests: orders that it received and did not believe, before and after ours.
        clock_off_seconds: how far its clock is behind ours.
        has_ntp: it asks for the time.
        ppp: use-radius, accounting and the interval that it reports at.
        hotspots: how many hotspots there are; `hotspots_use_radius` whether all their profiles ask RADIUS.
    """

    trouble: str | None = None
    version: str | None = None
    refused: tuple[str, ...] = ()
    user: str | None = None
    group: str | None = None
    policies: frozenset[str] | None = None
    radius: tuple[RadiusEntry, ...] | None = None
    incoming: tuple[bool, int] | None = None
    bad_requests: tuple[int, int] | None = None
    addresses: frozenset[str] | None = None
    clock_off_seconds: int | None = None
    has_ntp: bool | None = None
    ppp: tuple[bool, bool] | None = None
    hotspots: int | None = None
    hotspots_use_radius: bool | None = None
    pools: frozenset[str] | None = None
    filter: tuple[Rule, ...] | None = None
    nat: tuple[Rule, ...] | None = None

    @property
    def major(self) -> int:
        """Return the number before the first dot of its version; 7 where it does not say."""
        number = (self.version or "").partition(".")[0]
        return int(number) if number.isdecimal() else 7


@dataclass(frozen=True, slots=True)
class SnmpProbe:
    """What came of asking its agent; `trouble` is None where it answered."""

    trouble: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that is looked at.

    Attributes:
        network: where its packets come from, in CIDR form.
        told_by: the NAS-Identifier that tells it from others with its address; empty where it is alone there.
        own_address: the address of ours that it is to send to; None where that can't be told.
        daemon_runs: somebody hears what it says; without, silence means nothing.
        hearing_since: from when on.
        drops: packets that got silence, of it and of strangers; None: the daemon can't be asked.
        sessions: the open ones, the newest few thousand.
        needs_pools: pools that plans and the walled garden name, and that are not ours.
        walled_list: None where nobody is walled by list here.
        has_portal_sources: subscribers are recognised by their address.
        probe: None where its vendor takes no orders.
        router: None where it has no RouterOS API that we know of.
        snmp: None where SNMP is not set.
    """

    nas: str
    vendor: str
    network: str
    now: datetime
    coa_port: int
    interim_seconds: int
    own_address: str | None = None
    auth_port: int = 1812
    acct_port: int = 1813
    identifier: str | None = None
    reported_ip: str | None = None
    told_by: str = ""
    last_heard_at: datetime | None = None
    signed_since_at: datetime | None = None
    must_sign: bool = False
    clock_off_seconds: int | None = None
    swap_octets: bool = False
    wall: Wall = Wall.REJECT
    walled_pool: str = "isolir"
    walled_list: str | None = None
    needs_pools: frozenset[str] = frozenset()
    has_portal_sources: bool = False
    daemon_runs: bool = True
    hearing_since: datetime | None = None
    drops: tuple[DropFact, ...] | None = None
    log_ins: LogIns = LogIns()
    sessions: tuple[SessionSample, ...] = ()
    open_sessions: int = 0
    probe: OrderProbe | None = None
    router: RouterFacts | None = None
    snmp: SnmpProbe | None = None
    api_is_set: bool = False

    @property
    def is_routeros(self) -> bool:
        return self.vendor == "mikrotik"
