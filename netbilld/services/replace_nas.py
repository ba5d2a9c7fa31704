"""ReplaceNas: another router takes the place of one, and whatever was set for the NAS holds for it."""

from collections.abc import Collection, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.accounting.session import REPLACED, Event, Session, end
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError
from netbilld.model.nas import Nas, secret_place
from netbilld.services import manage_nas
from netbilld.services.manage_nas import (
    ManageNas,
    NasFields,
    field_warnings,
    refuse_taken,
    refuse_wall,
    said_of,
    unknown_nas,
)
from netbilld.services.nas_neighbours import Opener, neighbour_warnings, refuse_neighbours, secret_of

# what only the old router has said, or was found out about it
_FORGOTTEN: Final[dict[str, Any]] = dict.fromkeys(
    ("seen_message_authenticator_at", "reported_ip", "identifier", "clock_off_seconds", "last_heard_at")
)


class Sessions(Protocol):
    async def hold(self, nas_ids: Collection[UUID]) -> None: ...

    async def open_on(self, nas_ids: Collection[UUID]) -> list[Session]: ...

    async def update(self, changed: Sequence[tuple[Session, Session]]) -> None: ...


class Devices(Protocol):
    async def forget(self, nas_id: UUID) -> None: ...


class LocalAccounts(Protocol):
    async def forget(self, nas_id: UUID, accounts: Collection[tuple[str, str]] | None = None) -> None: ...


class Lines(manage_nas.Lines, Protocol):
    async def forget_router(self, nas_id: UUID) -> None: ...


class Work(manage_nas.Work, Protocol):
    @property
    def static_lines(self) -> Lines: ...
    @property
    def sessions(self) -> Sessions: ...
    @property
    def devices(self) -> Devices: ...
    @property
    def local_accounts(self) -> LocalAccounts: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Replaced:
    """A NAS with its new router, how many sessions ended with the old one, and what a person should know."""

    nas: Nas
    ended_sessions: int
    warnings: tuple[str, ...]


class ReplaceNas:
    """One transaction, with its line in the audit trail."""

    def __init__(self, store: Store, box: Opener) -> None:
        self._store = store
        self._box = box
        self._fields = ManageNas(store, box)

    async def handle(self, name: str, fields: NasFields, actor: Actor, now: datetime) -> Replaced:
        """Put another router in the place of a NAS's.

        The NAS keeps its identity, and with it locks, services, meters, history and whatever `fields` does not set.
        What the old router said of itself is forgotten, and its open sessions end with their last known counters: the
        new router knows none of them.

        Args:
            name: the NAS.
            fields: what is different with the new router; its address is needed.
            actor: who.
            now: when.

        Raises:
            InvalidInputError: a field is wrong, or there is no address.
            NotFoundError: no NAS has that name.
            RefusedError: another NAS has that very prefix and nothing tells them apart.
        """
        if not fields.address:
            raise InvalidInputError("the new router needs an address", hint="--address, the old one's if it keeps it")
        async with self._store.write() as work:
            nas = await work.nas.by_name(name)
            if nas is None:
                raise unknown_nas(name)
            columns = {**_FORGOTTEN, **self._fields.columns(nas.id, fields)}
            refuse_wall(columns.get("vendor", nas.vendor), columns.get("wall_by", nas.wall_by))
            await refuse_taken(work, nas, columns)
            changed = replace(nas, **columns)
            others = [other for other in await work.nas.at_address(changed.address) if other.id != nas.id]
            if others and fields.secret is None:
                columns["secret_sealed"] = self._box.seal(secret_of(others[0], self._box), secret_place(nas.id))
                changed = replace(changed, secret_sealed=columns["secret_sealed"])
            refuse_neighbours(changed, others, self._box)
            await work.sessions.hold([nas.id])
            ended = [(session, _ended(session)) for session in await work.sessions.open_on([nas.id])]
            await work.sessions.update(ended)
            await work.nas.update(nas.id, {**columns, "suspect_since_at": None})
            await work.devices.forget(nas.id)
            await work.static_lines.forget_router(nas.id)
            await work.local_accounts.forget(nas.id)
            set_ = {column: value for column, value in columns.items() if column not in _FORGOTTEN}
            details = said_of(nas.name, set_) | {
                "was": nas.address,
                "service_ids": sorted({str(one.service_id) for one, _ in ended if one.service_id is not None}),
                "ended_session_ids": [session.id for session, _ in ended],
            }
            await work.changes.record(actor, now, "nas.replace", "nas", nas.id, details)
        warnings = [*field_warnings(fields, columns), *neighbour_warnings(changed, others), *_stale(nas, fields)]
        return Replaced(changed, len(ended), tuple(warnings))


def _ended(session: Session) -> Session:
    return end(session, Event.RESTART, REPLACED, session.updated_at)


def _stale(nas: Nas, fields: NasFields) -> list[str]:
    """Return what is still as it was with the old router and may be otherwise with the new one."""
    kept = []
    if fields.secret is None:
        kept.append("RADIUS secret")
    if nas.api_url_sealed is not None and fields.api_url is None:
        kept.append("API address and password")
    if nas.radsec_name is not None and fields.radsec_name is None:
        kept.append("name of its RadSec certificate")
    if nas.snmp_address is not None and fields.snmp.address is None:
        kept.append("SNMP address")
    return [f"kept as with the old router: {', '.join(kept)}"] if kept else []
