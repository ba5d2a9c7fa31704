"""Adding, changing and removing NAS."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import datetime
from ipaddress import IPv6Network, ip_network
from typing import Any, Final, Protocol
from urllib.parse import urlsplit
from uuid import UUID, uuid4

from netbilld.accounting.counting import COUNTER_UNITS, IPV6_PLACES
from netbilld.enforcement.vendors import vendor, vendor_or_any
from netbilld.enforcement.vendors.words import walls_offered
from netbilld.model.actor import Actor
from netbilld.model.api_address import parse_api_address
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.nas import Nas, api_url_place, secret_place, snmp_community_place
from netbilld.model.units import parse_rate_bps
from netbilld.ports.changes import Changes
from netbilld.radius.radsec import ANY_CERTIFICATE, parse_binding
from netbilld.services.nas_neighbours import Opener, neighbour_warnings, refuse_neighbours, secret_of
from netbilld.services.snmp_fields import NO_SNMP, SnmpFields, snmp_columns
from netbilld.services.subscriber_fields import clean_text

DEFAULT_VENDOR: Final = "mikrotik"
GOOD_SECRET_OCTETS: Final = 16  # RFC 2865 §3 prefers at least that many
REQUIREMENTS: Final = ("auto", "true", "false")
WALLS: Final = ("pool", "list", "reject", "default")
SWITCHES: Final = ("on", "off", "auto")
_MAX_PORT_BPS: Final = 1_000_000_000_000
_MAX_PACE: Final = 10_000
_LONGEST_IDENTIFIER: Final = 120  # of 253 octets (RFC 2865 §5.32), whatever its letters
_API_SCHEMES: Final = ("https", "http", "api-ssl", "api")


class NasTable(Protocol):
    async def add(self, added: Nas) -> None: ...

    async def update(self, nas_id: UUID, changes: Mapping[str, Any]) -> None: ...

    async def remove(self, nas_id: UUID, now: datetime) -> None: ...

    async def by_name(self, name: str) -> Nas | None: ...

    async def at_address(self, address: str) -> list[Nas]: ...

    async def by_radsec_name(self, name: str) -> Nas | None: ...

    async def open_sessions(self, nas_id: UUID) -> int: ...

    async def waiting_orders(self, nas_id: UUID) -> int: ...


class Lines(Protocol):
    async def count_on(self, nas_id: UUID) -> int: ...

    async def abandon(self, nas_id: UUID, at: datetime) -> None: ...


class Work(Protocol):
    @property
    def nas(self) -> NasTable: ...

    @property
    def static_lines(self) -> Lines: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class NasFields:
    """What to set, as written. None leaves a field alone, or takes its default where the NAS is new.

    Empty text (or no prefixes) clears `api_url`, `snmp_community`, `radsec_name`, `portal_sources`, `port_speed` and
    `told_by` and the paces.
    """

    name: str | None = None
    address: str | None = None
    secret: str | None = field(default=None, repr=False)
    vendor: str | None = None
    coa_port: int | None = None
    require_message_authenticator: str | None = None
    swap_octets: bool | None = None
    holds_limits: bool | None = None
    portal_sources: Sequence[str] | None = None
    api_url: str | None = field(default=None, repr=False)
    snmp_community: str | None = field(default=None, repr=False)
    forget_message_authenticator: bool = False
    radsec_name: str | None = None
    wall_by: str | None = None
    counter_unit: str | None = None
    ipv6_octets: str | None = None
    port_speed: str | None = None
    coa_pace: str | None = None
    disconnect_pace: str | None = None
    coa_event_timestamp: str | None = None
    coa_message_authenticator: str | None = None
    snmp: SnmpFields = field(default=SnmpFields(), repr=False)
    told_by: str | None = None


@dataclass(frozen=True, slots=True)
class Kept:
    """A NAS as it is now, what of it changed, and what a person should know about it."""

    nas: Nas
    changed: tuple[str, ...]
    warnings: tuple[str, ...]


class ManageNas:
    """The use cases of NAS; each is one transaction with its line in the audit trail."""

    def __init__(self, store: Store, box: Opener) -> None:
        self._store = store
        self._box = box

    async def add(self, fields: NasFields, actor: Actor, now: datetime) -> Kept:
        """Make a NAS; name, address and secret are needed, the secret not where others have the address.

        Raises:
            InvalidInputError: a field is wrong or missing.
            RefusedError: another NAS has that name, or that very prefix and nothing tells them apart.
        """
        needed = ("name", "address") if fields.told_by and fields.secret is None else ("name", "address", "secret")
        if missing := next((name for name in needed if not getattr(fields, name)), None):
            raise InvalidInputError(f"a NAS needs a {missing}")
        nas_id = uuid4()
        columns = self.columns(nas_id, fields)
        defaults = {
            "vendor": DEFAULT_VENDOR,
            "coa_port": vendor(columns.get("vendor", DEFAULT_VENDOR)).coa_port,
            "require_message_authenticator": "auto",
            "swap_octets": False,
            "holds_limits": True,
            "portal_sources": (),
            "api_url_sealed": None,
            "snmp_community_sealed": None,
            "radsec_name": None,
            "wall_by": None,
            "counter_unit": COUNTER_UNITS[0],
            "ipv6_octets": IPV6_PLACES[0],
            "port_bps": None,
            "coa_per_second": None,
            "disconnects_per_second": None,
            "coa_event_timestamp": None,
            "coa_message_authenticator": None,
            **NO_SNMP,
        }
        refuse_wall(columns.get("vendor", DEFAULT_VENDOR), columns.get("wall_by"))
        unheard = dict.fromkeys(("seen_message_authenticator_at", "reported_ip", "identifier", "last_heard_at"))
        async with self._store.write() as work:
            await refuse_taken(work, None, columns)
            others = await work.nas.at_address(columns["address"])
            if "secret_sealed" not in columns:
                if not others:
                    raise InvalidInputError("a NAS needs a secret", hint="no other has its address, to share it with")
                columns["secret_sealed"] = self._box.seal(secret_of(others[0], self._box), secret_place(nas_id))
            nas = Nas(id=nas_id, created_at=now, **{**defaults, **unheard, **columns})
            refuse_neighbours(nas, others, self._box)
            await work.nas.add(nas)
            await work.changes.record(actor, now, "nas.add", "nas", nas.id, said_of(nas.name, columns))
        return Kept(nas, tuple(sorted(columns)), (*field_warnings(fields, columns), *neighbour_warnings(nas, others)))

    async def set(self, name: str, fields: NasFields, actor: Actor, now: datetime) -> Kept:
        """Change a NAS.

        Raises:
            InvalidInputError: a field is wrong.
            NotFoundError: no NAS has that name.
            RefusedError: another NAS has the new name, or that very prefix and nothing tells them apart.
        """
        warnings: list[str] = []
        async with self._store.write() as work:
            nas = await _find(work, name)
            columns = {
                column: value
                for column, value in self.columns(nas.id, fields).items()
                if column.endswith("_sealed") or value != getattr(nas, column)
            }
            if fields.forget_message_authenticator and nas.seen_message_authenticator_at is not None:
                columns["seen_message_authenticator_at"] = None
            if columns:
                refuse_wall(columns.get("vendor", nas.vendor), columns.get("wall_by", nas.wall_by))
                await refuse_taken(work, nas, columns)
                warnings += await self._among_neighbours(work, nas, columns, fields.secret, actor, now)
                await work.nas.update(nas.id, columns)
                await work.changes.record(actor, now, "nas.set", "nas", nas.id, said_of(nas.name, columns, nas))
            kept = await work.nas.by_name(str(columns.get("name", nas.name)))
        return Kept(kept or nas, tuple(sorted(columns)), (*field_warnings(fields, columns), *warnings))

    async def _among_neighbours(
        self, work: Work, nas: Nas, columns: Mapping[str, Any], secret: str | None, actor: Actor, now: datetime
    ) -> list[str]:
        """Keep NAS at one address apart: a new secret becomes that of all of them; return what to warn of."""
        changed = replace(nas, **columns)
        others = [other for other in await work.nas.at_address(changed.address) if other.id != nas.id]
        warnings = []
        if secret is not None and others and changed.address == nas.address:
            sealed = {other.id: self._box.seal(secret.encode(), secret_place(other.id)) for other in others}
            for other in others:
                its = {"secret_sealed": sealed[other.id]}
                await work.nas.update(other.id, its)
                await work.changes.record(actor, now, "nas.set", "nas", other.id, said_of(other.name, its, other))
            names = ", ".join(other.name for other in others)
            warnings.append(f"the secret of {names}, with the same address, was changed too")
            others = [replace(other, secret_sealed=sealed[other.id]) for other in others]
        refuse_neighbours(changed, others, self._box)
        return [*warnings, *neighbour_warnings(changed, others)]

    async def remove(self, name: str, actor: Actor, now: datetime, *, force: bool = False) -> int:
        """Take a NAS out of service and wipe its secrets; return how many sessions were open on it.

        Raises:
            NotFoundError: no NAS has that name.
            RefusedError: sessions are open on it, or lines of static subscribers are kept there, and `force` was not
                asked for.
        """
        async with self._store.write() as work:
            nas = await _find(work, name)
            lines = await work.static_lines.count_on(nas.id)
            if lines and not force:
                raise RefusedError(
                    f"NAS {nas.name!r} has {lines} lines of static subscribers",
                    hint="`netbilld static remove` takes them off it first; --force leaves their queues as they are",
                    code="in_use",
                )
            open_sessions = await work.nas.open_sessions(nas.id)
            orders = await work.nas.waiting_orders(nas.id)
            if open_sessions and not force:
                waiting = f", and {orders} orders wait for it" if orders else ""
                raise RefusedError(
                    f"NAS {nas.name!r} has {open_sessions} open sessions{waiting}",
                    hint="move them first, or use --force: no order reaches them then, and they are closed once they "
                    "fall silent; `netbilld nas replace` puts another router in its place",
                    code="in_use",
                )
            await work.nas.remove(nas.id, now)
            await work.static_lines.abandon(nas.id, now)
            details = {"name": nas.name, "open_sessions": open_sessions, "waiting_orders": orders}
            await work.changes.record(actor, now, "nas.remove", "nas", nas.id, details)
        return open_sessions

    def columns(self, nas_id: UUID, fields: NasFields) -> dict[str, Any]:
        columns: dict[str, Any] = {}
        if fields.name is not None:
            name = clean_text("NAS name", fields.name, 100)
            if not name:
                raise InvalidInputError("the NAS name is empty")
            columns |= {"name": name, "name_key": name.casefold()}
        if fields.address is not None:
            columns["address"] = parse_prefix("NAS address", fields.address)
        if fields.secret is not None:
            columns["secret_sealed"] = self._box.seal(check_secret(fields.secret).encode(), secret_place(nas_id))
        if fields.vendor is not None:
            columns["vendor"] = vendor(fields.vendor.strip().lower()).name
        if fields.coa_port is not None:
            if not 1 <= fields.coa_port <= 65535:
                raise InvalidInputError(f"CoA port {fields.coa_port} is not 1 to 65535")
            columns["coa_port"] = fields.coa_port
        if fields.require_message_authenticator is not None:
            if fields.require_message_authenticator not in REQUIREMENTS:
                raise InvalidInputError(
                    f"require-message-authenticator {fields.require_message_authenticator!r}: "
                    f"allowed: {', '.join(REQUIREMENTS)}"
                )
            columns["require_message_authenticator"] = fields.require_message_authenticator
        if fields.swap_octets is not None:
            columns["swap_octets"] = fields.swap_octets
        if fields.holds_limits is not None:
            columns["holds_limits"] = fields.holds_limits
        if fields.portal_sources is not None:
            columns["portal_sources"] = _portal_sources(fields.portal_sources)
        if fields.api_url is not None:
            url = check_api_url(fields.api_url)
            columns["api_url_sealed"] = self._box.seal(url.encode(), api_url_place(nas_id)) if url else None
        if fields.snmp_community is not None:
            community = clean_text("SNMP community", fields.snmp_community, 200)
            sealed = self._box.seal(community.encode(), snmp_community_place(nas_id)) if community else None
            columns["snmp_community_sealed"] = sealed
        columns |= snmp_columns(self._box, nas_id, fields.snmp)
        if fields.radsec_name is not None:
            columns["radsec_name"] = parse_binding(fields.radsec_name) if fields.radsec_name.strip() else None
        if fields.wall_by is not None:
            if fields.wall_by not in WALLS:
                raise InvalidInputError(f"wall-by {fields.wall_by!r}: allowed: {', '.join(WALLS)}")
            columns["wall_by"] = None if fields.wall_by == "default" else fields.wall_by
        if fields.counter_unit is not None:
            columns["counter_unit"] = _one_of("counter-unit", fields.counter_unit, COUNTER_UNITS)
        if fields.ipv6_octets is not None:
            columns["ipv6_octets"] = _one_of("ipv6-octets", fields.ipv6_octets, IPV6_PLACES)
        if fields.port_speed is not None:
            columns["port_bps"] = _port_bps(fields.port_speed)
        if fields.coa_pace is not None:
            columns["coa_per_second"] = _pace("coa-pace", fields.coa_pace)
        if fields.disconnect_pace is not None:
            columns["disconnects_per_second"] = _pace("disconnect-pace", fields.disconnect_pace)
        if fields.told_by is not None:
            columns["told_by"] = clean_text("identifier", fields.told_by, _LONGEST_IDENTIFIER)
        for column in ("coa_event_timestamp", "coa_message_authenticator"):
            if (wanted := getattr(fields, column)) is not None:
                said = _one_of(column.replace("_", "-"), wanted, SWITCHES)
                columns[column] = None if said == "auto" else said
        return columns


def _one_of(option: str, text: str, allowed: Sequence[str]) -> str:
    found = next((word for word in allowed if word.lower() == text.strip().lower()), None)
    if found is None:
        raise InvalidInputError(f"{option} {text.strip()[:60]!r}: allowed: {', '.join(allowed)}")
    return found


def _pace(option: str, text: str) -> int | None:
    """Return orders a second, 0 for any number; None for empty text."""
    number = text.strip()
    if not number:
        return None
    if not (number.isascii() and number.isdigit() and int(number[:9]) <= _MAX_PACE and len(number) < 9):
        raise InvalidInputError(
            f"{option} {number[:60]!r}: write orders a second, 1 to {_MAX_PACE}; 0 is no limit, empty the default"
        )
    return int(number)


def _port_bps(text: str) -> int | None:
    """Return what a port carries; None for empty text."""
    if not text.strip():
        return None
    rate_bps = parse_rate_bps(text.strip())
    if rate_bps > _MAX_PORT_BPS:
        raise InvalidInputError(f"port speed {text.strip()!r} is no port's", hint="write it as 100M, 1G or 10G")
    return rate_bps


def parse_prefix(field_name: str, text: str) -> str:
    """Return an address or prefix in CIDR form, host bits cleared; IPv4 inside IPv6 counts as IPv4."""
    try:
        network = ip_network(text.strip(), strict=False)
    except ValueError:
        raise InvalidInputError(
            f"{field_name} {text.strip()[:60]!r} is no address", hint="write 10.0.0.1 or 10.0.0.0/24"
        ) from None
    if isinstance(network, IPv6Network) and network.network_address.ipv4_mapped and network.prefixlen >= 96:
        network = ip_network((network.network_address.ipv4_mapped, network.prefixlen - 96))
    if isinstance(network, IPv6Network) and network.network_address.scope_id is not None:
        raise InvalidInputError(f"{field_name} {text.strip()[:60]!r} names an interface", hint="write it without %…")
    return str(network)


def check_secret(secret: str) -> str:
    """Return a RADIUS secret that a NAS can be given."""
    if not secret:
        raise InvalidInputError("the RADIUS secret is empty")
    if secret != secret.strip() or any(character < " " or character == "\x7f" for character in secret):
        raise InvalidInputError("the RADIUS secret holds a control character or begins or ends with a space")
    if len(clean_text("RADIUS secret", secret, 200).encode()) > 200:
        raise InvalidInputError("the RADIUS secret is longer than 200 octets")
    return secret


def check_api_url(text: str) -> str:
    """Return the address of a NAS's own API, which may carry a user name and password; empty for none."""
    url = text.strip()
    if not url:
        return ""
    try:
        parts = urlsplit(url)
        usable = parts.scheme in _API_SCHEMES and bool(parts.hostname) and parts.port != 0
    except ValueError:
        usable = False
    if not usable:
        raise InvalidInputError(
            f"the API address is none; allowed: {', '.join(_API_SCHEMES)}://USER:PASSWORD@HOST[:PORT]"
        )
    parse_api_address(url)
    return url


def masked_api_url(url: str) -> str:
    """Return an API address without its password."""
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if parts.hostname and ":" in parts.hostname else str(parts.hostname)
    place = f"{host}:{parts.port}" if parts.port else host
    user = f"{parts.username}@" if parts.username else ""
    return f"{parts.scheme}://{user}{place}{parts.path}"


def _portal_sources(prefixes: Sequence[str]) -> tuple[str, ...]:
    parsed = tuple(dict.fromkeys(parse_prefix("portal source", prefix) for prefix in prefixes if prefix.strip()))
    for prefix in parsed:
        if prefix.endswith("/0"):
            raise InvalidInputError(
                f"portal source {prefix} is the whole Internet",
                hint="write the prefix this NAS's subscribers come from",
            )
    return parsed


def refuse_wall(vendor_name: str, wall_by: str | None) -> None:
    offered = walls_offered(vendor_or_any(vendor_name))
    if wall_by is not None and wall_by not in offered:
        raise InvalidInputError(
            f"a NAS of vendor {vendor_name} can't wall by {wall_by}",
            hint=f"--wall-by: allowed: {', '.join((*offered, 'default'))}",
        )


async def _find(work: Work, name: str) -> Nas:
    nas = await work.nas.by_name(name)
    if nas is None:
        raise unknown_nas(name)
    return nas


async def refuse_taken(work: Work, nas: Nas | None, columns: Mapping[str, Any]) -> None:
    if "name" in columns:
        other = await work.nas.by_name(columns["name"])
        if other is not None and (nas is None or other.id != nas.id):
            raise RefusedError(f"there is a NAS {other.name!r} already", hint="choose another name", code="name_taken")

    if (bound := columns.get("radsec_name")) is not None and bound != ANY_CERTIFICATE:
        other = await work.nas.by_radsec_name(bound)
        if other is not None and (nas is None or other.id != nas.id):
            raise RefusedError(
                f"NAS {other.name!r} is bound to the certificate {bound} already",
                hint=f"free it with `netbilld nas set {other.name} --radsec-name ''`",
                code="certificate_taken",
            )


def unknown_nas(name: str) -> NotFoundError:
    """Return the refusal of a name that no NAS has."""
    return NotFoundError(f"no NAS has the name {name!r}", hint="`netbilld nas list` shows them")


def said_of(name: str, columns: Mapping[str, Any], before: Nas | None = None) -> dict[str, Any]:
    """Return what the audit trail may know: names of secrets; of the rest the value, or what it was and is now."""
    fields: dict[str, Any] = {}
    for column, value in columns.items():
        if column.endswith("_sealed"):
            fields[column.removesuffix("_sealed")] = "changed"
        elif column != "name_key":
            fields[column] = value if before is None else [_plain(getattr(before, column, None)), value]
    return {"name": name, "fields": fields}


def _plain(value: Any) -> Any:
    """Return a value of a NAS as JSON has it."""
    if isinstance(value, datetime):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    return value if value is None or isinstance(value, bool | int) else str(value)


def field_warnings(fields: NasFields, columns: Mapping[str, Any]) -> tuple[str, ...]:
    warnings = []
    if fields.secret is not None and len(fields.secret.encode()) < GOOD_SECRET_OCTETS:
        warnings.append(
            f"the secret is shorter than {GOOD_SECRET_OCTETS} characters: whoever hears the NAS can guess it"
        )
    if str(columns.get("address", "")).endswith("/0"):
        warnings.append("this NAS may have any address: only the secret tells it from a stranger")
    return tuple(warnings)
