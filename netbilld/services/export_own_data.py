"""What is known of a subscriber, for themself to take along: one JSON document, or a ZIP of it in parts."""

import io
import json
import zipfile
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from datetime import date, datetime, timedelta
from enum import Enum
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.model.periods import local_date, local_midnight
from netbilld.model.subscriber import Credential, Service, Subscriber
from netbilld.ports.mandates import Mandate
from netbilld.services.account_view import (
    InvoiceLine,
    InvoiceSummary,
    PaymentSummary,
    ServiceFile,
    SessionSummary,
    UsageHour,
)
from netbilld.services.chat_records import Event
from netbilld.services.complaint_views import ComplaintFile, ComplaintLine
from netbilld.services.own_requests import RequestLine
from netbilld.services.show_account import usage_by_day

MOST_DOCUMENTS: Final = 600
MOST_SESSIONS: Final = 2000
MOST_COMPLAINTS: Final = 100
USAGE_DAYS: Final = 400
_MOST_SERVICES: Final = 50
_INTERNAL: Final = frozenset(
    {"id", "subscriber_id", "plan_version_id", "invoice_id", "session_id", "overrides", "status_reason"}
)
Json = dict[str, Any]


class Reader(Protocol):
    async def invoices(self, subscriber_id: UUID, *, limit: int | None) -> Sequence[InvoiceSummary]: ...

    async def invoice_lines(self, invoice_id: UUID) -> Sequence[InvoiceLine]: ...

    async def payments(self, subscriber_id: UUID, *, limit: int) -> Sequence[PaymentSummary]: ...

    async def sessions(self, service_id: UUID, *, limit: int) -> Sequence[SessionSummary]: ...

    async def usage_hours(self, service_id: UUID, start_at: datetime) -> Sequence[UsageHour]: ...


class Subscribers(Protocol):
    async def by_id(self, subscriber_id: UUID) -> Subscriber | None: ...


class Services(Protocol):
    async def of_subscriber(self, subscriber_id: UUID) -> Sequence[Service]: ...

    async def credentials_of(self, *service_ids: UUID) -> Sequence[Credential]: ...


class OwnBusiness(Protocol):
    async def consent_history(self, subscriber_id: UUID) -> Sequence[tuple[str, bool, datetime]]: ...

    async def requests_of(self, subscriber_id: UUID, limit: int) -> Sequence[RequestLine]: ...


class Told(Protocol):
    @property
    def kind(self) -> Enum: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def channel(self) -> str | None: ...
    @property
    def recipient(self) -> str | None: ...


class Outbox(Protocol):
    async def listed(self, *, subscriber_id: UUID | None = ..., most: int = ...) -> Sequence[Told]: ...


class Chats(Protocol):
    async def heard(self, whose: UUID | tuple[str, str], before: datetime | None, most: int) -> Sequence[Event]: ...


class Complaints(Protocol):
    async def of_subscriber(self, subscriber_id: UUID, most: int = ...) -> Sequence[ComplaintLine]: ...

    async def file(self, number: str) -> ComplaintFile | None: ...


class Mandates(Protocol):
    async def of(self, subscriber_id: UUID, limit: int) -> Sequence[Mandate]: ...


class Work(Protocol):
    @property
    def mandates(self) -> Mandates: ...
    @property
    def portal(self) -> Reader: ...
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def services(self) -> Services: ...
    @property
    def own_business(self) -> OwnBusiness: ...
    @property
    def outbox(self) -> Outbox: ...
    @property
    def complaint_views(self) -> Complaints: ...
    @property
    def chat_views(self) -> Chats: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class ExportOwnData:
    """Collects it; passwords are not among what is kept of a person, and leave nowhere."""

    def __init__(self, store: Store) -> None:
        self._store = store

    async def run(self, file: ServiceFile, now: datetime) -> Json:
        """Return everything about the subscriber of a service, as plain JSON; lists are bounded, newest first."""
        async with self._store.read() as work:
            subscriber = await work.subscribers.by_id(file.subscriber_id)
            services = list(await work.services.of_subscriber(file.subscriber_id))[:_MOST_SERVICES]
            names: dict[UUID, list[str]] = {}
            for one in await work.services.credentials_of(*(service.id for service in services)):
                names.setdefault(one.service_id, []).append(one.name)
            invoices = []
            for invoice in await work.portal.invoices(file.subscriber_id, limit=MOST_DOCUMENTS):
                lines = [_plain(one) for one in await work.portal.invoice_lines(invoice.invoice_id)]
                invoices.append({**_plain(invoice), "lines": lines})
            payments = await work.portal.payments(file.subscriber_id, limit=MOST_DOCUMENTS)
            requests = await work.own_business.requests_of(file.subscriber_id, MOST_DOCUMENTS)
            return {
                "made_at": now.isoformat(),
                "subscriber": _plain(subscriber) if subscriber is not None else {},
                "services": [
                    {**_plain(one), "names": names.get(one.id, []), **await _used(work, one, now)} for one in services
                ],
                "invoices": invoices,
                "payments": [_plain(one) for one in payments],
                "linked_accounts": [
                    {"kind": one.kind, "account": one.label, "state": one.state.value, "at": one.asked_at.isoformat()}
                    for one in await work.mandates.of(file.subscriber_id, MOST_DOCUMENTS)
                ],
                "consents": [
                    {"purpose": purpose, "given": given, "at": at.isoformat()}
                    for purpose, given, at in await work.own_business.consent_history(file.subscriber_id)
                ],
                "requests": [
                    {"kind": one.kind, "text": one.text, "state": one.state, "at": one.created_at.isoformat(),
                     "answer": one.answer}
                    for one in requests
                ],
                "complaints": await _complaints(work, file.subscriber_id),
                "messages": [
                    {"kind": one.kind.value, "at": one.created_at.isoformat(), "channel": one.channel,
                     "to": one.recipient}
                    for one in await work.outbox.listed(subscriber_id=file.subscriber_id, most=MOST_DOCUMENTS)
                ],
                "written": [
                    {"at": one.received_at.isoformat(), "by": one.driver, "text": str(one.body.get("text", ""))}
                    for one in await work.chat_views.heard(file.subscriber_id, None, MOST_DOCUMENTS)
                ],
            }  # fmt: skip


async def _complaints(work: Work, subscriber_id: UUID) -> list[Json]:
    """Return what they complained of, without what is internal."""
    found = []
    for line in await work.complaint_views.of_subscriber(subscriber_id, MOST_COMPLAINTS):
        file = await work.complaint_views.file(line.number)
        if file is not None:
            public = [step for step in file.steps if step.public]
            found.append(
                {
                    "number": line.number,
                    "category": line.category,
                    "text": file.complaint.text,
                    "state": line.state.value,
                    "opened_at": line.opened_at.isoformat(),
                    "photos": sum(photo.public for photo in file.photos),
                    "steps": [
                        {"at": step.at.isoformat(), "kind": step.kind, "state": step.state, "text": step.text}
                        for step in public
                    ],
                }
            )
    return found


async def _used(work: Work, service: Service, now: datetime) -> Json:
    last_on = local_date(now, service.timezone)
    first_on = last_on - timedelta(days=USAGE_DAYS - 1)
    hours = await work.portal.usage_hours(service.id, local_midnight(first_on, service.timezone))
    days = usage_by_day(hours, first_on, last_on, service.timezone)
    sessions = await work.portal.sessions(service.id, limit=MOST_SESSIONS)
    return {
        "usage_by_day": [_plain(one) for one in days if one.octets],
        "sessions": [_plain(one) for one in sessions],
    }


def as_json(data: Mapping[str, Any]) -> bytes:
    """Return the document as JSON in UTF-8."""
    return json.dumps(data, ensure_ascii=False, indent=1).encode()


def as_zip(data: Mapping[str, Any]) -> bytes:
    """Return the document as a ZIP: each part a file of its own."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in data.items():
            if isinstance(part, dict | list):
                text = json.dumps(part, ensure_ascii=False, indent=1)
                archive.writestr(zipfile.ZipInfo(f"{name}.json", (1980, 1, 1, 0, 0, 0)), text)
    return made.getvalue()


def _plain(value: Any) -> Json:
    """Return the fields of a record that say something to its reader."""
    return {name: _said(one) for name, one in asdict(value).items() if name not in _INTERNAL}


def _said(value: Any) -> Any:
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, Enum):
        return value.value
    if isinstance(value, UUID):
        return str(value)
    return value
