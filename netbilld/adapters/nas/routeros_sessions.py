"""RouterosSessions: asks routers over their API which sessions are there and what they have moved.

`/ppp/active` tells who is there, but its rows carry no counters: those are the dynamic interface's. A hotspot's rows
carry both. Source: MikroTik's manual, pages API, PPP AAA and HotSpot.
"""

import re
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from netbilld.accounting.record import session_key
from netbilld.accounting.session import Session
from netbilld.adapters.nas.routeros import RouterosConnection, RouterosError, Row
from netbilld.adapters.nas.routeros_active import LOST, any_of
from netbilld.model.api_address import ApiAddress
from netbilld.ports.ask_nas import NasAnswer, Presence

# The first octet of an Acct-Session-Id says what it is a session of.
_HOTSPOT: Final = "80"
_PPP: Final = "81"
_NAMES_AT_ONCE: Final = 100
_DURATION: Final = re.compile(r"(\d+)(w|d|h|ms|us|m|s)")
_SECONDS: Final = {"w": 604_800, "d": 86_400, "h": 3600, "m": 60, "s": 1}
_CLOCK: Final = re.compile(r"(?:(?:(\d+)w)?(?:(\d+)d)?)(\d+):(\d\d):(\d\d)")


class RouterosSessions:
    """Asks the routers whose API address is known; each has a connection of its own, and waits for no other's."""

    def __init__(
        self,
        *,
        timeout_seconds: float,
        now: Callable[[], datetime],
        monotonic: Callable[[], float],
        jitter: Callable[[], float],
    ) -> None:
        """Take the clock; no router is known before `use`."""
        self._timeout_seconds = timeout_seconds
        self._now = now
        self._monotonic = monotonic
        self._jitter = jitter
        self._connections: dict[UUID, RouterosConnection] = {}

    @property
    def connections(self) -> Mapping[UUID, RouterosConnection]:
        """Return what there is to every router, by NAS."""
        return self._connections

    def use(self, addresses: Mapping[UUID, ApiAddress]) -> None:
        """Take the routers there are now; a connection to one whose address has changed is closed."""
        for nas_id, connection in list(self._connections.items()):
            if addresses.get(nas_id) != connection.address:
                connection.close()
                del self._connections[nas_id]
        for nas_id, address in addresses.items():
            if nas_id not in self._connections:
                self._connections[nas_id] = RouterosConnection(
                    address, timeout_seconds=self._timeout_seconds, monotonic=self._monotonic, jitter=self._jitter
                )

    def close(self) -> None:
        """Let go of every connection."""
        self.use({})

    def close_idle(self) -> None:
        """Let go of connections that nobody needs at the moment."""
        for connection in self._connections.values():
            connection.close_if_idle()

    async def resources(self, nas_id: UUID) -> Row:
        """Return what `/system/resource` says: version, uptime, cpu-load, free-memory and more, as text.

        Raises:
            RouterosError: the router can't be asked.
        """
        connection = self._connections.get(nas_id)
        if connection is None:
            raise RouterosError("its API address is not known")
        rows = await connection.rows("/system/resource/print")
        return rows[0] if rows else {}

    async def ask(self, nas_id: UUID, sessions: Sequence[Session]) -> Mapping[int, NasAnswer]:
        """Return, by session id, what a router shows of these sessions of its; nothing where it can't be asked."""
        connection = self._connections.get(nas_id)
        if connection is None:
            return {}
        named = [session for session in sessions if session.username and LOST not in session.username]
        ppp = [session for session in named if session.acct_session_key.startswith(_PPP)]
        hotspot = [session for session in named if session.acct_session_key.startswith(_HOTSPOT)]
        answers: dict[int, NasAnswer] = {}
        try:
            for start in range(0, len(ppp), _NAMES_AT_ONCE):
                answers |= await self._ask_ppp(connection, ppp[start : start + _NAMES_AT_ONCE])
            for start in range(0, len(hotspot), _NAMES_AT_ONCE):
                answers |= await self._ask_hotspot(connection, hotspot[start : start + _NAMES_AT_ONCE])
        except RouterosError:
            return answers  # the connection keeps the reason
        return answers

    async def _ask_ppp(self, connection: RouterosConnection, sessions: Sequence[Session]) -> dict[int, NasAnswer]:
        active = await connection.rows(
            "/ppp/active/print",
            "=.proplist=name,service,session-id,uptime",
            *any_of([("name", session.username) for session in sessions]),
        )
        rows_of: dict[str, list[Row]] = {}
        for row in active:
            rows_of.setdefault(row.get("name", ""), []).append(row)
        found: dict[int, Row | None] = {}
        for session in sessions:
            rows = rows_of.get(session.username, [])
            found[session.id] = next(
                (row for row in rows if session_key(row.get("session-id", "").encode()) == session.acct_session_key),
                None,
            )
        links = {
            session.id: f"<{shown.get('service', 'pppoe')}-{session.username}>"
            for session in sessions
            # a second session of one name has an interface whose number tells nothing
            if (shown := found[session.id]) is not None and len(rows_of[session.username]) == 1
        }
        counters: dict[str, Row] = {}
        if links:
            listed = await connection.rows(
                "/interface/print",
                "=stats=",
                "=.proplist=name,rx-byte,tx-byte",
                *any_of([("name", link) for link in links.values()]),
            )
            counters = {row.get("name", ""): row for row in listed}
        at = self._now()
        answers = {}
        for session in sessions:
            shown = found[session.id]
            if shown is None:
                if all("session-id" in row for row in rows_of.get(session.username, ())):
                    answers[session.id] = NasAnswer(Presence.GONE, at, "api")
                continue  # which of its name's sessions is there can't be told
            counted = counters.get(links.get(session.id, ""), {})
            answers[session.id] = _there(
                session, at, counted.get("rx-byte"), counted.get("tx-byte"), shown.get("uptime")
            )
        return answers

    async def _ask_hotspot(self, connection: RouterosConnection, sessions: Sequence[Session]) -> dict[int, NasAnswer]:
        active = await connection.rows(
            "/ip/hotspot/active/print",
            "=.proplist=user,address,mac-address,uptime,bytes-in,bytes-out",
            *any_of([("user", session.username) for session in sessions]),
        )
        at = self._now()
        answers = {}
        for session in sessions:
            rows = [
                row
                for row in active
                if row.get("user") == session.username
                and session.framed_ip in {None, row.get("address")}
                and session.mac in {None, row.get("mac-address")}
            ]
            if not rows:
                answers[session.id] = NasAnswer(Presence.GONE, at, "api")
            elif len(rows) == 1:
                (row,) = rows
                answers[session.id] = _there(session, at, row.get("bytes-in"), row.get("bytes-out"), row.get("uptime"))
        return answers


def _there(session: Session, at: datetime, upload: str | None, download: str | None, uptime: str | None) -> NasAnswer:
    """Return that a session is there, with its counters if they can be its own.

    A router shows the counters of whoever has the name now: lower ones than the session's are of the next session.
    """
    seconds = duration_seconds(uptime) if uptime is not None else None
    if upload is None or download is None or not (upload.isdecimal() and download.isdecimal()):
        return NasAnswer(Presence.THERE, at, "api", session_seconds=seconds)
    octets = int(upload), int(download)
    if octets[0] < session.counter_upload_octets or octets[1] < session.counter_download_octets:
        # what readings have counted ahead of it does not matter: the router may have shown that wrongly
        return NasAnswer(Presence.THERE, at, "api", session_seconds=seconds)
    return NasAnswer(Presence.THERE, at, "api", *octets, session_seconds=seconds)


def duration_seconds(text: str) -> int | None:
    """Return a RouterOS duration, `1w2d3h4m5s` or as older versions say it `1d02:03:04`; None for another text."""
    if (clock := _CLOCK.fullmatch(text)) is not None:
        weeks, days, hours, minutes, seconds = (int(part or 0) for part in clock.groups())
        return weeks * 604_800 + days * 86_400 + hours * 3600 + minutes * 60 + seconds
    parts = _DURATION.findall(text)
    if not parts or "".join(number + unit for number, unit in parts) != text:
        return None
    return sum(int(number) * _SECONDS.get(unit, 0) for number, unit in parts)
