"""Answers: what a subscriber who asks by a messenger is told of their own bills, usage and complaints."""

import asyncio
import logging
from collections.abc import Awaitable, Callable, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.model.actor import Actor
from netbilld.model.complaint import Category, ComplaintState
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.services.account_view import Balance, InvoiceSummary, OwnService
from netbilld.services.chat_records import ChatPerson
from netbilld.services.complaint_steps import Doing
from netbilld.services.complaint_views import ComplaintLine
from netbilld.services.file_complaint import Filed, NewComplaint

MOST_LINES: Final = 5
_OVER: Final = frozenset((ComplaintState.CLOSED,))
_FETCH_SECONDS: Final = 20.0
_log = logging.getLogger("netbilld.messages")


class Portal(Protocol):
    async def invoices(self, subscriber_id: UUID, *, limit: int | None) -> Sequence[InvoiceSummary]: ...

    async def wallet_minor(self, subscriber_id: UUID) -> int: ...

    async def services_of(self, subscriber_id: UUID) -> Sequence[OwnService]: ...


class ComplaintReads(Protocol):
    async def of_subscriber(self, subscriber_id: UUID, most: int) -> Sequence[ComplaintLine]: ...


class Categories(Protocol):
    async def category(self, code: str) -> Category | None: ...

    async def categories(self) -> Sequence[Category]: ...


class Work(Protocol):
    @property
    def portal(self) -> Portal: ...
    @property
    def complaint_views(self) -> ComplaintReads: ...
    @property
    def complaints(self) -> Categories: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class Shows(Protocol):
    async def balance(self, service_id: UUID, session_id: int | None, now: datetime) -> Balance | None: ...


class Files(Protocol):
    async def run(self, subscriber_id: UUID, new: NewComplaint, doing: Doing) -> Filed: ...


Fetch = Callable[[str, str], Awaitable[bytes | None]]  # driver and what it calls a picture


class Answers:
    """Reads what belongs to one subscriber, and takes their complaints in."""

    def __init__(self, store: Store, show: Shows, file: Files, fetch: Fetch, timezone: str) -> None:
        self._store, self._show, self._file, self._fetch, self._timezone = store, show, file, fetch, timezone

    async def bill(self, person: ChatPerson, now: datetime) -> dict[str, Any]:
        """Return what is open, and how much together."""
        async with self._store.read() as work:
            invoices = await work.portal.invoices(person.id, limit=None)
        is_open = [one for one in invoices if one.is_open]
        today = local_date(now, self._timezone)
        bills = [
            {
                "number": one.number,
                "left_minor": one.outstanding_minor,
                "due_on": one.due_on.isoformat(),
                "late": one.due_on < today,
            }
            for one in sorted(is_open, key=lambda one: one.due_on)[:MOST_LINES]
        ]
        return {"bills": bills, "outstanding_minor": sum(one.outstanding_minor for one in is_open)}

    async def balance(self, person: ChatPerson, now: datetime) -> dict[str, Any]:
        """Return credit, and each connection's state and use."""
        async with self._store.read() as work:
            wallet_minor = await work.portal.wallet_minor(person.id)
            services = [one for one in await work.portal.services_of(person.id) if one.status != "terminated"]
        lines = []
        for one in services[:MOST_LINES]:
            balance = await self._show.balance(one.service_id, None, now)
            if balance is None:
                continue
            allowance = balance.allowance
            used = balance.used.upload_octets + balance.used.download_octets
            until = balance.file.paid_until_on
            lines.append(
                {
                    "username": one.username,
                    "plan": one.plan_name,
                    "access": one.access.value if one.access is not None else one.status,
                    "used_octets": allowance.used_octets if allowance is not None else used,
                    "limit_octets": allowance.limit_octets if allowance is not None else 0,
                    "paid_until_on": until.isoformat() if until is not None else None,
                }
            )
        return {"wallet_minor": wallet_minor, "lines": lines}

    async def status(self, person: ChatPerson, now: datetime) -> dict[str, Any]:
        """Return how open complaints go."""
        del now
        async with self._store.read() as work:
            found = await work.complaint_views.of_subscriber(person.id, 20)
        complaints = [
            {
                "number": one.number,
                "category": one.category_name,
                "category_en": one.category_name_en,
                "state": one.state.value,
            }
            for one in found
            if one.state not in _OVER
        ]
        return {"complaints": complaints[:MOST_LINES]}

    async def report(
        self, person: ChatPerson, words: str, category: str, driver: str, media: str | None, key: str, now: datetime
    ) -> str | None:
        """Take a complaint in and return its number; None where too many are open. The same key gives the same one."""
        async with self._store.read() as work:
            known = await work.complaints.category(category)
            if known is None or not known.active:
                active = [one for one in await work.complaints.categories() if one.active]
                category = next((one.code for one in active if one.code == "lainnya"), active[0].code if active else "")
        photos = await self._photos(driver, media)
        doing = Doing(Actor(f"subscriber {person.number}", driver), now, by_subscriber=True, key=key)
        try:
            filed = await self._file.run(person.id, NewComplaint(category, words, "whatsapp", None, photos), doing)
        except InvalidInputError:
            if not photos:
                return None
            bare = NewComplaint(category, words, "whatsapp")  # the picture is none: the words count
            try:
                filed = await self._file.run(person.id, bare, doing)
            except (InvalidInputError, NotFoundError, RefusedError):
                return None
        except (NotFoundError, RefusedError):
            return None
        return filed.number

    async def _photos(self, driver: str, media: str | None) -> tuple[bytes, ...]:
        if media is None:
            return ()
        try:
            async with asyncio.timeout(_FETCH_SECONDS):
                photo = await self._fetch(driver, media)
        except TimeoutError:
            photo = None
        if photo is None:
            _log.warning("a picture could not be fetched", extra={"event": "photo_lost", "driver": driver})
        return () if photo is None else (photo,)
