"""What a RouterOS router is set to, read over its API for the examination of a NAS; nothing is ever written.

Source: MikroTik's manual, pages API, RADIUS, User, Clock, NTP, Filter and NAT.
"""

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from netbilld.adapters.nas.routeros import RouterosConnection, RouterosError, RouterosTrapError, Row
from netbilld.enforcement.doctor.facts import RadiusEntry, RouterFacts
from netbilld.model.nas import Nas

_RULE_WORDS: Final = (
    "=.proplist=chain,action,disabled,dynamic,comment,protocol,dst-port,src-port,connection-state,"
    "src-address,dst-address,src-address-list,dst-address-list,in-interface,out-interface,in-interface-list,"
    "out-interface-list,connection-mark,packet-mark,routing-mark,hotspot,in-bridge-port,out-bridge-port,"
    "src-mac-address,jump-target"
)
_TRUE: Final = frozenset(("true", "yes"))
_MONTHS: Final = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_OFFSET: Final = re.compile(r"([+-]?)(\d\d):(\d\d)")
_NO_ADDRESS: Final = frozenset(("", "0.0.0.0", "::"))  # noqa: S104 - what RouterOS shows for none
_DENIED: Final = "not enough permissions"


class RouterosConfig:
    """Reads how a router is set."""

    def __init__(self, connection_of: Callable[[Nas], RouterosConnection | None], now: Callable[[], datetime]) -> None:
        """Take what gives the connection to a NAS's router, None where it has none that we know of."""
        self._connection_of = connection_of
        self._now = now

    async def read(self, nas: Nas, secret: bytes) -> RouterFacts | None:
        """Return what its router shows; None where no RouterOS API is known. `secret` is compared, and goes nowhere."""
        connection = self._connection_of(nas)
        if connection is None:
            return None
        try:
            return await _Reading(connection, self._now, secret).all()
        except RouterosError as error:
            return RouterFacts(trouble=str(error))

    async def bad_requests(self, nas: Nas) -> int | None:
        """Return how many orders its router did not believe since it was switched on; None where it does not say."""
        connection = self._connection_of(nas)
        if connection is None:
            return None
        try:
            rows = await connection.rows("/radius/incoming/monitor", "=once=")
        except RouterosError:
            return None
        return _number(rows[0].get("bad-requests")) if rows else None


class _Reading:
    """One reading; a menu that the router refuses or does not have is left out."""

    def __init__(self, connection: RouterosConnection, now: Callable[[], datetime], secret: bytes) -> None:
        self._connection = connection
        self._now = now
        self._secret = secret
        self._refused: list[str] = []

    async def all(self) -> RouterFacts:
        """Return all of it.

        Raises:
            RouterosError: the router can't be asked, or is lost on the way.
        """
        resource = await self._rows("/system/resource/print", "=.proplist=version")
        facts = RouterFacts(version=resource[0].get("version") if resource else None)
        facts = await self._user(facts)
        facts = await self._radius(facts)
        facts = await self._clock(facts)
        facts = await self._accounting(facts)
        pools = await self._rows("/ip/pool/print", "=.proplist=name")
        rules = await self._rows("/ip/firewall/filter/print", _RULE_WORDS)
        nat = await self._rows("/ip/firewall/nat/print", _RULE_WORDS)
        return replace(
            facts,
            pools=None if pools is None else frozenset(row.get("name", "") for row in pools),
            filter=None if rules is None else tuple(rules),
            nat=None if nat is None else tuple(nat),
            refused=tuple(self._refused),
        )

    async def _rows(self, command: str, *words: str) -> list[Row] | None:
        try:
            return await self._connection.rows(command, *words)
        except RouterosTrapError as trap:
            if _DENIED in str(trap):
                self._refused.append(command.rpartition("/")[0])
            return None

    async def _user(self, facts: RouterFacts) -> RouterFacts:
        """Add what our own user may do; who may not read users is not told, and that is no fault by itself."""
        user = self._connection.address.user
        facts = replace(facts, user=user)
        rows = await self._quietly("/user/print", "=.proplist=name,group", f"?name={user}")
        group = rows[0].get("group") if rows else None
        if group is None:
            return facts
        groups = await self._quietly("/user/group/print", "=.proplist=name,policy", f"?name={group}")
        policies = None
        if groups and "policy" in groups[0]:
            named = (word.strip() for word in groups[0]["policy"].split(","))
            policies = frozenset(word for word in named if word and not word.startswith("!"))
        return replace(facts, group=group, policies=policies)

    async def _quietly(self, command: str, *words: str) -> list[Row] | None:
        try:
            return await self._connection.rows(command, *words)
        except RouterosTrapError:
            return None

    async def _radius(self, facts: RouterFacts) -> RouterFacts:
        entries = await self._rows("/radius/print")
        incoming = await self._rows("/radius/incoming/print")
        addresses = await self._rows("/ip/address/print", "=.proplist=address")
        told = None
        if incoming and "accept" in incoming[0]:
            told = incoming[0]["accept"] in _TRUE, _number(incoming[0].get("port")) or 0
        return replace(
            facts,
            radius=None if entries is None else tuple(map(self._entry, entries)),
            incoming=told,
            addresses=None
            if addresses is None
            else frozenset(row["address"].partition("/")[0] for row in addresses if "address" in row),
        )

    def _entry(self, row: Row) -> RadiusEntry:
        shown = row.get("secret")
        ours = None
        if shown:  # without the policy `sensitive` it is empty or left out
            ours = shown.encode("utf-8", "surrogateescape") == self._secret
        source, signs = row.get("src-address", ""), row.get("require-message-auth")
        return RadiusEntry(
            address=row.get("address", "").partition("@")[0],
            services=frozenset(row.get("service", "").split(",")),
            source=None if source in _NO_ADDRESS else source,
            is_disabled=row.get("disabled") in _TRUE,
            secret_is_ours=ours,
            auth_port=_number(row.get("authentication-port")),
            acct_port=_number(row.get("accounting-port")),
            signs=None if signs is None else signs != "no",
        )

    async def _clock(self, facts: RouterFacts) -> RouterFacts:
        before = self._now()
        rows = await self._rows("/system/clock/print")
        middle = before + (self._now() - before) / 2
        shown = _clock_at(rows[0]) if rows else None
        asks = await self._rows("/system/ntp/client/print")
        has_ntp = asks[0]["enabled"] in _TRUE if asks and "enabled" in asks[0] else None
        off = None if shown is None else round((middle - shown).total_seconds())
        return replace(facts, clock_off_seconds=off, has_ntp=has_ntp)

    async def _accounting(self, facts: RouterFacts) -> RouterFacts:
        ppp = await self._rows("/ppp/aaa/print")
        told = None
        if ppp and "use-radius" in ppp[0]:
            told = ppp[0]["use-radius"] in _TRUE, ppp[0].get("accounting", "yes") in _TRUE
        hotspots = await self._rows("/ip/hotspot/print", "=.proplist=name,profile,disabled")
        profiles = await self._rows("/ip/hotspot/profile/print", "=.proplist=name,use-radius")
        used: Sequence[Row] = [row for row in hotspots or () if row.get("disabled") not in _TRUE]
        asks = {row.get("name"): row.get("use-radius") in _TRUE for row in profiles or ()}
        return replace(
            facts,
            ppp=told,
            hotspots=None if hotspots is None else len(used),
            hotspots_use_radius=None
            if not used or profiles is None
            else all(asks.get(row.get("profile"), False) for row in used),
        )


def _clock_at(row: Row) -> datetime | None:
    """Return the instant that a router's clock shows; None where it says that in a way unknown here."""
    said, clock, offset = row.get("date", ""), row.get("time", ""), row.get("gmt-offset", "")
    try:
        if "/" in said:  # mar/04/2026, before 7.10
            month, day, year = said.split("/")
            said = f"{year}-{_MONTHS.index(month.lower()) + 1:02}-{day}"
        local = datetime.fromisoformat(f"{said}T{clock}")
    except ValueError:
        return None
    zone = _zone(offset)
    return None if zone is None else local.replace(tzinfo=zone).astimezone(UTC)


def _zone(offset: str) -> timezone | None:
    if (written := _OFFSET.fullmatch(offset)) is not None:
        sign = -1 if written[1] == "-" else 1
        return timezone(sign * timedelta(hours=int(written[2]), minutes=int(written[3])))
    return None


def _number(text: str | None) -> int | None:
    return int(text) if text is not None and text.isdecimal() else None
