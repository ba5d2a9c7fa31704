"""RollUp: sums of what a batch has metered, by service and hour, by service and billing period, by NAS and hour."""

from datetime import date, datetime
from operator import itemgetter
from typing import Final, Generic, TypeVar
from uuid import UUID

from netbilld.accounting.usage import (
    BESIDE_THE_NAS,
    MeteredService,
    UsageSlice,
    cut,
    hour_edges,
    period_of_hour,
)

_Of = TypeVar("_Of", MeteredService, UUID)
_key: Final = itemgetter(0)
_new: Final = tuple.__new__  # of a named tuple, in half the time


class _Sum(Generic[_Of]):
    """Octets of a service, or of a NAS, in one hour."""

    __slots__ = ("download_octets", "of", "upload_octets")

    def __init__(self, of: _Of, upload_octets: int, download_octets: int) -> None:
        self.of: _Of = of
        self.upload_octets = upload_octets
        self.download_octets = download_octets


class RollUp:
    """Cuts what moved into slices and sums them up.

    Keys are ids as numbers: thousands of them are looked up and put in order for each batch.
    """

    __slots__ = ("_hours", "_nas_hours", "_near", "_ordered", "slices")

    def __init__(self) -> None:
        self.slices: list[UsageSlice] = []
        self._hours: dict[tuple[int, datetime], _Sum[MeteredService]] = {}
        self._ordered: list[tuple[tuple[int, datetime], _Sum[MeteredService]]] = []  # as long as none has come
        self._nas_hours: dict[tuple[int, datetime], _Sum[UUID]] = {}
        self._near: dict[str, tuple[datetime, datetime]] = {}  # the hour of what came last, by zone

    def take(
        self,
        service: MeteredService | None,
        nas_id: UUID | None,
        timezone: str,
        service_id: UUID | None,
        session_id: int | None,
        meter_id: int | None,
        source: str,
        from_at: datetime,
        to_at: datetime,
        upload_octets: int,
        download_octets: int,
        edges: tuple[int, ...] = (),
    ) -> None:
        """Take in octets moved between two instants; `service` is None for what is nobody's, `edges` as in `cut`."""
        if not upload_octets and not download_octets:
            return
        near = self._near.get(timezone)
        if not edges and near is not None and near[0] <= from_at < near[1] >= to_at >= from_at:
            part = _new(
                UsageSlice,
                (service_id, session_id, from_at, to_at, upload_octets, download_octets, False, source, meter_id),
            )
            self.slices.append(part)
            self._add(service, nas_id, near[0], upload_octets, download_octets)
            return
        for part in cut(
            service_id, session_id, from_at, to_at, upload_octets, download_octets, timezone, source, meter_id, edges
        ):
            near = self._near[timezone] = hour_edges(part.start_at, timezone)
            self.slices.append(part)
            self._add(service, nas_id, near[0], part.upload_octets, part.download_octets)

    def _add(
        self,
        service: MeteredService | None,
        nas_id: UUID | None,
        hour_at: datetime,
        upload_octets: int,
        download_octets: int,
    ) -> None:
        nas_id = nas_id or BESIDE_THE_NAS
        key = nas_id.int, hour_at
        of_nas = self._nas_hours.get(key)
        if of_nas is None:
            self._nas_hours[key] = _Sum(nas_id, upload_octets, download_octets)
        else:
            of_nas.upload_octets += upload_octets
            of_nas.download_octets += download_octets
        if service is None:
            return
        key = service.service_id.int, hour_at
        of_service = self._hours.get(key)
        if of_service is None:
            self._hours[key] = _Sum(service, upload_octets, download_octets)
        else:
            of_service.upload_octets += upload_octets
            of_service.download_octets += download_octets

    def hour_rows(self) -> list[tuple[UUID, datetime, int, int]]:
        """Return service, hour, upload and download octets, in one order for everyone who locks these rows."""
        return [
            (found.of.service_id, key[1], found.upload_octets, found.download_octets) for key, found in self._in_order()
        ]

    def nas_hour_rows(self) -> list[tuple[UUID, datetime, int, int]]:
        """Return NAS, hour, upload and download octets, in one order likewise."""
        return [
            (found.of, key[1], found.upload_octets, found.download_octets)
            for key, found in sorted(self._nas_hours.items(), key=_key)
        ]

    def period_rows(self) -> list[tuple[UUID, date, date, int, int]]:
        """Return service, first day, day after the last, upload and download octets, in one order likewise."""
        rows: list[tuple[UUID, date, date, int, int]] = []
        last: tuple[int, date] | None = None
        for (number, hour_at), found in self._in_order():
            service = found.of
            period = period_of_hour(hour_at, service.billing_day, service.timezone)
            if last == (number, period.start_on):
                service_id, start_on, end_on, upload_octets, download_octets = rows[-1]
                rows[-1] = (
                    service_id,
                    start_on,
                    end_on,
                    upload_octets + found.upload_octets,
                    download_octets + found.download_octets,
                )
                continue
            last = number, period.start_on
            rows.append(
                (service.service_id, period.start_on, period.end_on, found.upload_octets, found.download_octets)
            )
        return rows

    def last_hours(self) -> dict[tuple[UUID, date], datetime]:
        """Return the last hour in which something moved, by service and first day of the billing period."""
        return {
            (
                found.of.service_id,
                period_of_hour(hour_at, found.of.billing_day, found.of.timezone).start_on,
            ): hour_at
            for (_, hour_at), found in self._in_order()
        }

    def _in_order(self) -> list[tuple[tuple[int, datetime], _Sum[MeteredService]]]:
        if len(self._ordered) != len(self._hours):
            self._ordered = sorted(self._hours.items(), key=_key)
        return self._ordered
