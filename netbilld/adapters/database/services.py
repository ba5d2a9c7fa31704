"""Services and the credentials that open them."""

from collections.abc import Collection, Mapping, Sequence
from dataclasses import asdict
from datetime import date, datetime
from typing import Any
from uuid import UUID

from sqlalchemy import delete, func, insert, or_, select, update
from sqlalchemy.exc import IntegrityError
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.subscribers import BATCH, credential_key
from netbilld.adapters.database.tables import credentials, plan_versions, plans, services, sessions
from netbilld.adapters.database.terms import TermsStore
from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import plan_from_definition
from netbilld.model.errors import RefusedError
from netbilld.model.subscriber import Credential, PlanOffer, Service


class ServiceStore:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def add(self, *added: Service, actor: str = "system") -> None:
        """Store new services of subscribers that are stored, with their first terms.

        Raises:
            RefusedError: a static address is another live service's.
        """
        if added:
            with _refusal("a static address among these is taken by another live service", "address_taken"):
                await self._connection.execute(insert(services), [asdict(service) for service in added])
            await TermsStore(self._connection).begin([service.id for service in added], actor)

    async def update(self, service_id: UUID, fields: Mapping[str, Any]) -> None:
        """Set columns of a service.

        Raises:
            RefusedError: a static address is another live service's.
        """
        with _refusal("the static address is taken by another live service", "address_taken"):
            await self._connection.execute(update(services).where(services.c.id == service_id).values(dict(fields)))

    async def by_id(self, service_id: UUID, *, lock: bool = False) -> Service | None:
        """Return a service; `lock` keeps others from changing it in this transaction."""
        query = select(services).where(services.c.id == service_id)
        row = (await self._connection.execute(query.with_for_update(key_share=True) if lock else query)).mappings()
        found = row.one_or_none()
        return Service(**found) if found else None

    async def of_subscriber(self, subscriber_id: UUID) -> list[Service]:
        """Return every service of a subscriber, the ended ones too, oldest first."""
        query = (
            select(services)
            .where(services.c.subscriber_id == subscriber_id)
            .order_by(services.c.created_at, services.c.id)
        )
        return [Service(**row) for row in (await self._connection.execute(query)).mappings()]

    async def live_with_address(self, addresses: Sequence[str]) -> dict[str, UUID]:
        """Return, by static address, the services among them that have not ended."""
        found: dict[str, UUID] = {}
        for start in range(0, len(addresses), BATCH):
            query = select(services.c.static_ip, services.c.id).where(
                services.c.static_ip.in_(addresses[start : start + BATCH]), services.c.ended_at.is_(None)
            )
            found.update({row.static_ip: row.id for row in await self._connection.execute(query)})
        return found

    async def open_sessions(self, service_id: UUID) -> int:
        """Return how many sessions of a service are open; one presumed dead does not count."""
        query = select(func.count()).where(
            sessions.c.service_id == service_id,
            sessions.c.stopped_at.is_(None),
            sessions.c.state.not_in(("stale", "closed")),
        )
        return int((await self._connection.scalar(query)) or 0)

    async def told_of_since(self, service_id: UUID, since: datetime) -> bool:
        """Tell whether RADIUS accounting told of a session of a service since then; also of one still open."""
        query = (
            select(sessions.c.id).where(sessions.c.service_id == service_id, sessions.c.updated_at >= since).limit(1)
        )
        return await self._connection.scalar(query) is not None

    async def add_credentials(self, *added: Credential) -> None:
        """Store new credentials.

        Raises:
            RefusedError: a name is taken, in any letter case.
        """
        if not added:
            return
        names = ", ".join(repr(credential.name) for credential in added[:2])
        with _refusal(f"user name {names} is taken", "name_taken"):
            await self._connection.execute(insert(credentials), [asdict(credential) for credential in added])

    async def update_credential(self, credential_id: UUID, fields: Mapping[str, Any]) -> None:
        """Set columns of a credential; a new name comes with its new key.

        Raises:
            RefusedError: the name is taken, in any letter case.
        """
        with _refusal(f"user name {fields.get('name')!r} is taken", "name_taken"):
            await self._connection.execute(
                update(credentials).where(credentials.c.id == credential_id).values(dict(fields))
            )

    async def remove_credential(self, credential_id: UUID) -> None:
        """Forget a credential; its service stays."""
        await self._connection.execute(delete(credentials).where(credentials.c.id == credential_id))

    async def credentials_of(self, *service_ids: UUID) -> list[Credential]:
        """Return the credentials of services, user names before MAC addresses, oldest first."""
        query = (
            select(credentials)
            .where(credentials.c.service_id.in_(service_ids))
            .order_by(credentials.c.kind.desc(), credentials.c.created_at, credentials.c.name_key)
        )
        return [Credential(**row) for row in (await self._connection.execute(query)).mappings()]

    async def plan_of(self, service_id: UUID) -> Plan:
        """Return the plan version that a service has."""
        query = (
            select(plan_versions.c.definition)
            .join(services, services.c.plan_version_id == plan_versions.c.id)
            .where(services.c.id == service_id)
        )
        return plan_from_definition((await self._connection.execute(query)).scalar_one())

    async def offers(self, codes: Collection[str], on: date) -> dict[str, PlanOffer]:
        """Return the version of each plan among these codes that is sold on a day, by code in lower case."""
        newest = (
            select(plan_versions.c.plan_id, func.max(plan_versions.c.version).label("version"))
            .where(or_(plan_versions.c.effective_on.is_(None), plan_versions.c.effective_on <= on))
            .group_by(plan_versions.c.plan_id)
            .subquery()
        )
        query = (
            select(plans.c.code_key, plans.c.code, plans.c.on_sale, plan_versions.c.id, plan_versions.c.definition)
            .join(newest, newest.c.plan_id == plans.c.id)
            .join(
                plan_versions,
                (plan_versions.c.plan_id == newest.c.plan_id) & (plan_versions.c.version == newest.c.version),
            )
            .where(plans.c.code_key.in_([code.casefold() for code in codes]))
        )
        offers = {}
        for row in await self._connection.execute(query):
            plan = plan_from_definition(row.definition)
            offers[row.code_key] = PlanOffer(row.id, row.code, row.on_sale, plan.timing.value, plan.currency)
        return offers

    async def taken_names(self, names: Sequence[str]) -> dict[str, bool]:
        """Return the keys of those names that are taken; True where the service that has one is still live."""
        keys = [credential_key(name) for name in names]
        taken: dict[str, bool] = {}
        for start in range(0, len(keys), BATCH):
            query = (
                select(credentials.c.name_key, services.c.ended_at)
                .join(services, services.c.id == credentials.c.service_id)
                .where(credentials.c.name_key.in_(keys[start : start + BATCH]))
            )
            taken.update({row.name_key: row.ended_at is None for row in await self._connection.execute(query)})
        return taken


class _refusal:  # noqa: N801 - reads as a word in `with _refusal(…):`
    """Turn a broken uniqueness into a RefusedError; the transaction can't go on after it."""

    def __init__(self, message: str, code: str) -> None:
        self._message, self._code = message, code

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: object, error: BaseException | None, trace: object) -> None:
        if isinstance(error, IntegrityError):
            if "FOREIGN KEY" in str(error.orig).upper():
                return
            raise RefusedError(self._message, code=self._code) from None
