"""Examinations of NAS that nobody has asked: what a test says is known of one, judged as ever."""

from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta
from typing import Any

from netbilld.enforcement.doctor import examine
from netbilld.enforcement.doctor.checks import Finding
from netbilld.enforcement.doctor.facts import (
    Answer,
    Facts,
    LogIns,
    OrderProbe,
    RadiusEntry,
    RouterFacts,
    SessionSample,
    SnmpProbe,
)
from netbilld.enforcement.vendors.interface import Wall
from netbilld.services.doctor_nas import Examination, Step, Tell

NOW = datetime(2026, 11, 22, 8, 0, tzinfo=UTC)
SERVER = "192.0.2.10"
FORWARD = {"chain": "forward"}
FASTTRACK = {**FORWARD, "action": "fasttrack-connection"}
WALLED = {**FORWARD, "action": "jump", "src-address-list": "isolir"}
EXCEPTED = (
    {**FORWARD, "action": "accept", "connection-state": "established,related", "in-interface": "all-ppp"},
    {**FORWARD, "action": "accept", "connection-state": "established,related", "out-interface": "all-ppp"},
)
ENTRY = RadiusEntry(
    SERVER, frozenset(("ppp",)), "192.0.2.1", is_disabled=False, secret_is_ours=True, auth_port=1812, acct_port=1813,
    signs=True,
)  # fmt: skip
ROUTER = RouterFacts(
    version="7.16.2 (stable)",
    user="netbilld",
    group="netbilld",
    policies=frozenset(("read", "write", "api")),
    radius=(ENTRY,),
    incoming=(True, 3799),
    bad_requests=(0, 0),
    addresses=frozenset(("192.0.2.1",)),
    clock_off_seconds=1,
    has_ntp=True,
    ppp=(True, True),
    pools=frozenset(("isolir",)),
    filter=(WALLED, *EXCEPTED, FASTTRACK),
    nat=({"chain": "dstnat", "action": "dst-nat", "src-address-list": "isolir"},),
)


def session(now: datetime, **changed: Any) -> SessionSample:
    values: dict[str, Any] = {
        "started_at": now - timedelta(hours=3),
        "heard_at": now - timedelta(seconds=40),
        "interval_seconds": 300,
        "upload_octets": 200_000_000,
        "download_octets": 1_800_000_000,
    }
    return SessionSample(**(values | changed))


def facts(now: datetime = NOW, **changed: Any) -> Facts:
    """Return what is known of a NAS that is as it should be."""
    values: dict[str, Any] = {
        "nas": "pop1",
        "vendor": "mikrotik",
        "network": "192.0.2.1/32",
        "now": now,
        "coa_port": 3799,
        "interim_seconds": 300,
        "own_address": SERVER,
        "identifier": "pop1",
        "reported_ip": "192.0.2.1",
        "last_heard_at": now - timedelta(seconds=20),
        "signed_since_at": now - timedelta(days=30),
        "wall": Wall.POOL_AND_LIST,
        "walled_list": "isolir",
        "has_portal_sources": True,
        "hearing_since": now - timedelta(days=1),
        "drops": (),
        "log_ins": LogIns(3, 0, now - timedelta(minutes=2)),
        "sessions": tuple(session(now) for _ in range(10)),
        "open_sessions": 10,
        "probe": OrderProbe(Answer.REFUSED_IT, 503),
        "router": ROUTER,
        "snmp": SnmpProbe(),
        "api_is_set": True,
    }
    return Facts(**(values | changed))


def findings(known: Facts) -> dict[str, Finding]:
    return {finding.name.value: finding for finding in examine(known)}


class SickNas:
    """A doctor who finds the same of everybody: no API, orders unanswered, fair otherwise."""

    def __init__(self, pause: Callable[[], Awaitable[None]] | None = None) -> None:
        self._pause = pause

    async def run(self, name: str, now: datetime, tell: Tell = lambda _: None) -> Examination:
        tell(Step.RECORDS)
        if self._pause is not None:
            await self._pause()
        return examined(name, now)


def examined(name: str, now: datetime) -> Examination:
    known = facts(now, nas=name, router=None, api_is_set=False, probe=OrderProbe(Answer.SILENCE), signed_since_at=None)
    return Examination(name, now, examine(known))
