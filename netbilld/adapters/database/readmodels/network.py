"""NAS, with what they carry and when they were last heard; never a secret, sealed or open."""

from collections.abc import Sequence
from datetime import datetime
from typing import Final, NamedTuple
from uuid import UUID

from sqlalchemy import RowMapping, case, func, select

from netbilld.adapters.database.nodes import NodeStore
from netbilld.adapters.database.queries import ONLINE_STATES, Queries
from netbilld.adapters.database.readmodels.enforcement import attempt_columns
from netbilld.adapters.database.static_status import StaticStatus
from netbilld.adapters.database.tables import alerts, auth_attempts, enforcement_attempts, nas, pending_orders, sessions
from netbilld.enforcement.vendors import vendor_or_any
from netbilld.model.nas import DEFAULT_PORT_BPS, shares_order_port
from netbilld.model.node import NodeLine
from netbilld.services.readmodels import Attempt, NasFile, NasLine, NasSample, Octets

_MOST_NAS: Final = 500
_NEWEST_LOG_INS: Final = 5000
_NEWEST_ORDERS: Final = 12


_PLACE: Final = (nas.c.coa_port, nas.c.radsec_name, nas.c.told_by, nas.c.api_url_sealed)


class _Place(NamedTuple):
    id: UUID
    address: str
    coa_port: int
    radsec_name: str | None


class NetworkQueries(Queries):
    """Sums over open sessions by NAS."""

    async def nas_lines(self) -> Sequence[NasLine]:
        """Return every NAS in use, by name."""
        query = (
            select(nas.c.id, nas.c.name, nas.c.address, nas.c.vendor, nas.c.last_heard_at, *_PLACE)
            .where(nas.c.removed_at.is_(None))
            .order_by(nas.c.name_key)
            .limit(_MOST_NAS)
        )
        rows = await self._rows(query)
        sums = await self._sums()
        lasting = (
            select(alerts.c.nas_id, func.count().label("alerts"))
            .where(alerts.c.cleared_at.is_(None))
            .group_by(alerts.c.nas_id)
        )
        by_nas = {row["nas_id"]: row["alerts"] for row in await self._rows(lasting)}
        at_address: dict[str, list[_Place]] = {}
        for row in rows:
            at_address.setdefault(row["address"], []).append(_place(row))
        return [_line(row, sums.get(row["id"]), by_nas.get(row["id"], 0), at_address[row["address"]]) for row in rows]

    async def node_lines(self) -> Sequence[NodeLine]:
        """Return every node that has ever served, by name; none on SQLite, where the daemon is alone."""
        return await NodeStore(self._connection).all()

    async def nas_names(self) -> list[str]:
        """Return what the NAS in use are called, by name."""
        query = select(nas.c.name).where(nas.c.removed_at.is_(None)).order_by(nas.c.name_key).limit(_MOST_NAS)
        return [row["name"] for row in await self._rows(query)]

    async def nas_id(self, name: str) -> UUID | None:
        """Return a NAS by its name."""
        row = await self._row(select(nas.c.id).where(nas.c.name_key == name.casefold(), nas.c.removed_at.is_(None)))
        return None if row is None else row["id"]

    async def nas_file(self, name: str) -> NasFile | None:
        """Return one NAS; its log-ins are counted among the newest few thousand attempts of all NAS."""
        row = await self._row(select(nas).where(nas.c.name_key == name.casefold(), nas.c.removed_at.is_(None)))
        if row is None:
            return None
        states = (
            select(sessions.c.state, func.count().label("sessions"))
            .where(sessions.c.stopped_at.is_(None), sessions.c.nas_id == row["id"])
            .group_by(sessions.c.state)
        )
        recent = (
            select(auth_attempts.c.nas_id, auth_attempts.c.result, auth_attempts.c.reason)
            .order_by(auth_attempts.c.id.desc())
            .limit(_NEWEST_LOG_INS)
            .subquery()
        )
        log_ins = (
            select(recent.c.result, recent.c.reason, func.count().label("attempts"))
            .where(recent.c.nas_id == row["id"])
            .group_by(recent.c.result, recent.c.reason)
            .order_by(func.count().desc())
        )
        orders = (
            attempt_columns()
            .where(enforcement_attempts.c.nas_id == row["id"])
            .order_by(enforcement_attempts.c.id.desc())
            .limit(_NEWEST_ORDERS)
        )
        vendor = vendor_or_any(row["vendor"])
        at_address = select(nas).where(nas.c.address == row["address"], nas.c.removed_at.is_(None))
        beside = [_place(other) for other in await self._rows(at_address)]
        return NasFile(
            id=row["id"],
            line=_line(row, (await self._sums(row["id"])).get(row["id"]), beside=beside),
            vendor_title=vendor.title,
            wall=row["wall_by"] or str(vendor.wall),
            hotspot_wall=row["wall_by"] or str(vendor.hotspot_wall),
            coa_port=row["coa_port"],
            require_message_authenticator=row["require_message_authenticator"],
            seen_message_authenticator_at=row["seen_message_authenticator_at"],
            swap_octets=row["swap_octets"],
            counter_unit=row["counter_unit"],
            ipv6_octets=row["ipv6_octets"],
            port_bps=row["port_bps"] or DEFAULT_PORT_BPS,
            clock_off_seconds=row["clock_off_seconds"],
            portal_sources=[str(prefix) for prefix in row["portal_sources"]],
            reported_ip=row["reported_ip"],
            identifier=row["identifier"],
            has_api=row["api_url_sealed"] is not None,
            has_snmp=row["snmp_community_sealed"] is not None or row["snmp_user_sealed"] is not None,
            created_at=row["created_at"],
            open_octets=await self._open_octets(row["id"]),
            states={state["state"]: state["sessions"] for state in await self._rows(states)},
            log_ins={(line["result"], line["reason"]): line["attempts"] for line in await self._rows(log_ins)},
            log_ins_seen=await self._number(select(func.count()).select_from(recent)),
            attempts=[Attempt(**line) for line in await self._rows(orders)],
            static=await StaticStatus(self._connection).of_nas(row["id"]),
        )

    async def _open_octets(self, nas_id: UUID) -> Octets:
        query = select(
            func.coalesce(func.sum(sessions.c.upload_octets), 0).label("upload"),
            func.coalesce(func.sum(sessions.c.download_octets), 0).label("download"),
        ).where(sessions.c.stopped_at.is_(None), sessions.c.nas_id == nas_id)
        row = await self._row(query)
        assert row is not None, "an aggregate has one row"  # noqa: S101
        return Octets(int(row["upload"]), int(row["download"]))

    async def nas_samples(self, at: datetime) -> list[NasSample]:
        """Return what the open sessions of each NAS carry together, as a sample of that moment."""
        return [
            NasSample(nas_id, at, int(row["upload_bps"]), int(row["download_bps"]), int(row["sessions"]))
            for nas_id, row in (await self._sums()).items()
        ]

    async def _sums(self, only: UUID | None = None) -> dict[UUID, RowMapping]:
        alive = case((sessions.c.state.in_(ONLINE_STATES), 1), else_=0)
        query = (
            select(
                sessions.c.nas_id,
                func.sum(alive).label("sessions"),
                func.sum(alive * sessions.c.upload_bps).label("upload_bps"),
                func.sum(alive * sessions.c.download_bps).label("download_bps"),
                func.count(pending_orders.c.session_id).label("pending"),
            )
            .select_from(sessions.outerjoin(pending_orders, pending_orders.c.session_id == sessions.c.id))
            .where(sessions.c.stopped_at.is_(None))
            .group_by(sessions.c.nas_id)
        )
        if only is not None:
            query = query.where(sessions.c.nas_id == only)
        return {row["nas_id"]: row for row in await self._rows(query)}


def _place(row: RowMapping) -> _Place:
    return _Place(row["id"], row["address"], row["coa_port"], row["radsec_name"])


def _line(row: RowMapping, sums: RowMapping | None, lasting: int = 0, beside: Sequence[_Place] = ()) -> NasLine:
    return NasLine(
        name=row["name"],
        address=row["address"],
        vendor=row["vendor"],
        last_heard_at=row["last_heard_at"],
        sessions=int(sums["sessions"]) if sums else 0,
        upload_bps=int(sums["upload_bps"]) if sums else 0,
        download_bps=int(sums["download_bps"]) if sums else 0,
        pending=int(sums["pending"]) if sums else 0,
        alerts=lasting,
        told_by=row["told_by"],
        is_unreached=row["api_url_sealed"] is None and shares_order_port(_place(row), beside),
    )
