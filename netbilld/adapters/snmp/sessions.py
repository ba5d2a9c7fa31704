"""SnmpSessions: asks RouterOS devices over SNMP which PPP and hotspot sessions are there and what they have moved.

For devices whose API can't be used. RouterOS names the interface of a PPP session `<pppoe-budi>`; SNMP does not tell
its Acct-Session-Id, so it is that session's only if it began when that did and has moved no less. A second session of
the same name can't be told apart, and stays unknown.
"""

import asyncio
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Final
from uuid import UUID

from netbilld.accounting.session import Session
from netbilld.adapters.snmp import oids
from netbilld.adapters.snmp.client import Agent, Value
from netbilld.adapters.snmp.reader import SnmpReader
from netbilld.model.snmp import SnmpAccess
from netbilld.ports.ask_nas import NasAnswer, Presence

# The first octet of an Acct-Session-Id of RouterOS says what it is a session of.
_HOTSPOT: Final = "80"
_PPP: Final = "81"
_SLACK: Final = timedelta(seconds=60)
_PORTS_A_QUESTION: Final = 8
_LOOK_SECONDS: Final = 10.0  # a name that was not there a moment ago is not looked for again at once
ASK_SECONDS: Final = 8.0  # for all that is asked at once, and for the poller to have done with the agent
_LINK: Final = (oids.IF_NAME, oids.IF_HC_IN_OCTETS, oids.IF_HC_OUT_OCTETS, oids.IF_LAST_CHANGE)
_GUEST: Final = (
    oids.HOTSPOT_ADDRESS,
    oids.HOTSPOT_MAC,
    oids.HOTSPOT_IN_OCTETS,
    oids.HOTSPOT_OUT_OCTETS,
)


class SnmpSessions:
    """Asks devices that SNMP is set for."""

    def __init__(self, reader: SnmpReader, now: Callable[[], datetime], monotonic: Callable[[], float]) -> None:
        """Take the reader whose agents are asked, so that none is asked twice at once; no device is known yet."""
        self._reader = reader
        self._now = now
        self._monotonic = monotonic
        self._indexes: dict[UUID, tuple[float, dict[str, list[str]]]] = {}

    async def ask(self, access: SnmpAccess, nas_id: UUID, sessions: Sequence[Session]) -> Mapping[int, NasAnswer]:
        """Return, by session id, what a device shows of these sessions of its; nothing where it can't be asked."""
        answers: dict[int, NasAnswer] = {}
        try:
            async with asyncio.timeout(ASK_SECONDS):
                agent = await self._reader.agent(access)
                ppp = [session for session in sessions if session.acct_session_key.startswith(_PPP)]
                if ppp:
                    answers |= await self._ask_ppp(agent, nas_id, ppp)
                hotspot = [session for session in sessions if session.acct_session_key.startswith(_HOTSPOT)]
                if hotspot:
                    answers |= await self._ask_hotspot(agent, hotspot)
        except Exception:  # noqa: BLE001 - slow, silent, refused, nonsense: what was learned before stands, the rest is unknown
            return answers
        return answers

    async def _ask_ppp(self, agent: Agent, nas_id: UUID, sessions: Sequence[Session]) -> dict[int, NasAnswer]:
        looked_mono, indexes = self._indexes.get(nas_id, (None, {}))
        found = await self._links(agent, indexes, sessions)
        unseen = [session for session in sessions if session.id not in found]
        now_mono = self._monotonic()
        if unseen and (looked_mono is None or now_mono - looked_mono >= _LOOK_SECONDS):
            self._indexes[nas_id] = now_mono, indexes  # a walk that fails is not begun again at once either
            indexes = {}
            for index, row in (await agent.table((oids.IF_NAME,))).items():
                indexes.setdefault(_text(row[oids.IF_NAME]), []).append(index)
            self._indexes[nas_id] = now_mono, indexes
            found |= await self._links(agent, indexes, unseen)
            for session in unseen:
                if session.id not in found and not _links_of(session, indexes):
                    found[session.id] = NasAnswer(Presence.GONE, self._now(), "snmp")
        return found

    async def _links(
        self, agent: Agent, indexes: Mapping[str, list[str]], sessions: Sequence[Session]
    ) -> dict[int, NasAnswer]:
        """Return what is shown of sessions whose interface was seen; nothing of one that another has taken over."""
        wanted: dict[str, Session] = {}
        times = Counter(session.username for session in sessions)
        for session in sessions:
            links = _links_of(session, indexes)
            if len(links) == 1 and times[session.username] == 1:
                wanted[links[0]] = session
        answers: dict[int, NasAnswer] = {}
        order = sorted(wanted)
        for start in range(0, len(order), _PORTS_A_QUESTION):
            some = order[start : start + _PORTS_A_QUESTION]
            said = await agent.get([oids.SYS_UPTIME, *(f"{column}.{index}" for index in some for column in _LINK)])
            at, uptime = self._now(), said.get(oids.SYS_UPTIME)
            for index in some:
                session = wanted[index]
                row = {column: said[oid] for column in _LINK if (oid := f"{column}.{index}") in said}
                if _is_of(_text(row.get(oids.IF_NAME, b"")), session):
                    answer = _linked(session, at, row, uptime)
                    if answer is not None:
                        answers[session.id] = answer
        return answers

    async def _ask_hotspot(self, agent: Agent, sessions: Sequence[Session]) -> dict[int, NasAnswer]:
        rows = await agent.table(_GUEST)
        at = self._now()
        answers = {}
        for session in sessions:
            if session.framed_ip is None and session.mac is None:
                continue
            guests = [
                row
                for row in rows.values()
                if session.framed_ip in {None, _address(row.get(oids.HOTSPOT_ADDRESS))}
                and (session.mac or "").replace(":", "").lower() in {"", _mac(row.get(oids.HOTSPOT_MAC))}
            ]
            if not guests:
                answers[session.id] = NasAnswer(Presence.GONE, at, "snmp")
            elif len(guests) == 1:
                answers[session.id] = _guest(session, at, guests[0])
        return answers


def _links_of(session: Session, indexes: Mapping[str, list[str]]) -> list[str]:
    return [index for kind in _KINDS for index in indexes.get(f"<{kind}-{session.username}>", ())]


_KINDS: Final = ("pppoe", "l2tp", "pptp", "sstp", "ovpn", "ppp")


def _is_of(name: str, session: Session) -> bool:
    return any(name == f"<{kind}-{session.username}>" for kind in _KINDS)


def _guest(session: Session, at: datetime, row: Mapping[str, Value]) -> NasAnswer:
    """Return that a guest is there; its counters are its own as long as they are not lower."""
    upload, download = row.get(oids.HOTSPOT_IN_OCTETS), row.get(oids.HOTSPOT_OUT_OCTETS)
    if not isinstance(upload, int) or not isinstance(download, int) or _is_lower(session, upload, download):
        return NasAnswer(Presence.THERE, at, "snmp")
    return NasAnswer(Presence.THERE, at, "snmp", upload, download)


def _linked(session: Session, at: datetime, row: Mapping[str, Value], uptime: Value | None) -> NasAnswer | None:
    """Return what an interface of the session's name tells of it; None where it may be another session's."""
    upload, download = row.get(oids.IF_HC_IN_OCTETS), row.get(oids.IF_HC_OUT_OCTETS)
    began = row.get(oids.IF_LAST_CHANGE)
    if not isinstance(upload, int) or not isinstance(download, int):
        return NasAnswer(Presence.THERE, at, "snmp")
    if not isinstance(uptime, int) or not isinstance(began, int) or not 0 < began <= uptime:
        return None
    seconds = (uptime - began) // 100
    apart = (at - timedelta(seconds=seconds)) - session.started_at
    if apart > _SLACK and _is_lower(session, upload, download):
        return NasAnswer(Presence.GONE, at, "snmp")  # its name is the next session's by now
    if abs(apart) > _SLACK or _is_lower(session, upload, download):
        return None
    return NasAnswer(Presence.THERE, at, "snmp", upload, download, seconds)


def _is_lower(session: Session, upload: int, download: int) -> bool:
    return upload < session.counter_upload_octets or download < session.counter_download_octets


def _text(value: Value) -> str:
    return value.decode("utf-8", "replace") if isinstance(value, bytes) else str(value)


def _address(value: Value | None) -> str | None:
    return ".".join(str(octet) for octet in value) if isinstance(value, bytes) and len(value) == 4 else None


def _mac(value: Value | None) -> str | None:
    return value.hex() if isinstance(value, bytes) and len(value) == 6 else None
