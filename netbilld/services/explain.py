"""Collects what is known of a name and has it explained: from the store, and from the running daemon's counters."""

import re
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.standing import StandingPolicy
from netbilld.enforcement.explain import Explanation, explain
from netbilld.enforcement.explain_facts import (
    AttemptFact,
    CredentialFact,
    DropFact,
    Facts,
    NasFact,
    OrderFact,
    PoolFact,
    ServiceFact,
    SessionFact,
)
from netbilld.enforcement.policy import ServiceFacts, entitlement
from netbilld.enforcement.profile import WalledGarden
from netbilld.radius.realms import Realms
from netbilld.services import explain_voucher
from netbilld.services.explain_voucher import voucher_fact
from netbilld.services.make_vouchers import Digests

LONGEST_NAME: Final = 253
_FULL_POOL: Final = re.compile(r"pool (.+) is full")

# Asks the running daemon what it dropped: of these names, and of this NAS; None where it can't be asked.
AskDrops = Callable[[Sequence[str], str | None], Awaitable[Mapping[str, Any] | None]]


class Person(Protocol):
    """Whom a name leads to."""

    @property
    def service_id(self) -> UUID: ...
    @property
    def subscriber_no(self) -> str: ...
    @property
    def subscriber_name(self) -> str: ...
    @property
    def status_reason(self) -> str | None: ...
    @property
    def status_since_at(self) -> datetime: ...
    @property
    def credential(self) -> CredentialFact: ...
    @property
    def names(self) -> tuple[str, ...]: ...
    @property
    def due_since_at(self) -> datetime | None: ...
    @property
    def oldest_due_on(self) -> date | None: ...


class ExplainStore(Protocol):
    async def person(self, username: str) -> Person | None: ...

    async def similar(self, username: str) -> list[str]: ...

    async def attempts(self, names: Sequence[str], service_id: UUID | None) -> list[AttemptFact]: ...

    async def open_sessions(self, service_id: UUID) -> list[SessionFact]: ...

    async def last_session(self, service_id: UUID) -> SessionFact | None: ...

    async def nas(self, name: str | None, now: datetime) -> NasFact | None: ...

    async def order(self, service_id: UUID) -> OrderFact | None: ...

    async def locks(self, service_id: UUID) -> Mapping[str, frozenset[str]]: ...

    async def pool(self, name: str) -> PoolFact | None: ...


class DueStore(Protocol):
    async def facts(
        self, service_ids: Iterable[UUID], policy: StandingPolicy, now: datetime
    ) -> Sequence[ServiceFacts]: ...


class ExplainWork(explain_voucher.Work, Protocol):
    @property
    def explain(self) -> ExplainStore: ...

    @property
    def enforcement(self) -> DueStore: ...


class ExplainDatabase(Protocol):
    def read(self) -> AbstractAsyncContextManager[ExplainWork]: ...


class Explain:
    """Answers why a subscriber can't get online.

    Args:
        database: the store.
        policy: when an unpaid invoice makes overdue.
        walled_garden: where walled services live.
        ask_drops: the running daemon's counters.
        realms: which realms a name is looked up without.
        interim_seconds: how often a session is to report.
        silent_after_seconds: silence of a NAS above this means something.
        box: knows the codes of vouchers; None looks for none.
    """

    def __init__(
        self,
        database: ExplainDatabase,
        policy: StandingPolicy,
        walled_garden: WalledGarden,
        ask_drops: AskDrops,
        *,
        realms: Realms,
        interim_seconds: int,
        silent_after_seconds: int,
        box: Digests | None = None,
    ) -> None:
        self._database, self._box = database, box
        self._policy = policy
        self._walled_garden = walled_garden
        self._ask_drops = ask_drops
        self._realms = realms
        self._interim_seconds = interim_seconds
        self._silent_after_seconds = silent_after_seconds

    async def run(self, username: str, now: datetime) -> Explanation:
        """Return the ordered checks for a name, also for one that is nobody's."""
        return explain(await self.collect(username, now))

    async def collect(self, username: str, now: datetime) -> Facts:
        """Return all that is known of a name."""
        wanted = username[:LONGEST_NAME]
        async with self._database.read() as work:
            person = await self._person(work, wanted)
            names = (wanted,) if person is None else tuple(dict.fromkeys((*person.names, wanted)))
            attempts = await work.explain.attempts(names, None if person is None else person.service_id)
            similar = await work.explain.similar(wanted) if person is None else []
            voucher = None
            if person is None and self._box is not None:
                voucher = await voucher_fact(work, self._box, wanted, now)
            sessions: list[SessionFact] = []
            last_session = order = service = pool = None
            if person is not None:
                service = await self._service(work, person, now)
                sessions = await work.explain.open_sessions(person.service_id)
                last_session = await work.explain.last_session(person.service_id)
                order = await work.explain.order(person.service_id)
                pool_name = _pool_name(attempts, service)
                pool = await work.explain.pool(pool_name) if pool_name is not None else None
            nas = await work.explain.nas(_nas_name(attempts, sessions, last_session), now)
        told = await self._ask_drops(names, nas.name if nas is not None else None)
        return Facts(
            username=wanted,
            now=now,
            service=service,
            similar=tuple(similar),
            attempts=tuple(attempts),
            sessions=tuple(sessions),
            last_session=last_session,
            nas=nas,
            name_drops=None if told is None else drops_of(told.get("names")),
            nas_drops=None if told is None else drops_of(told.get("sources")),
            order=order,
            pool=pool,
            voucher=voucher,
            interim_seconds=self._interim_seconds,
            silent_after_seconds=max(self._silent_after_seconds, 3 * self._interim_seconds),
        )

    async def _person(self, work: ExplainWork, wanted: str) -> Person | None:
        """Return whom a name leads to as typed, else without its realm, as a log-in would be looked up."""
        found = await work.explain.person(wanted)
        if found is None:
            for name in self._realms.other_names(wanted.encode("utf-8", "surrogateescape"), {}):
                found = found or await work.explain.person(name.decode("utf-8", "surrogateescape"))
        return found

    async def _service(self, work: ExplainWork, person: Person, now: datetime) -> ServiceFact:
        facts = next(iter(await work.enforcement.facts([person.service_id], self._policy, now)))
        return ServiceFact(
            service_id=person.service_id,
            subscriber_no=person.subscriber_no,
            subscriber_name=person.subscriber_name,
            status_reason=person.status_reason,
            status_since_at=person.status_since_at,
            credential=person.credential,
            facts=facts,
            due=entitlement(facts, self._walled_garden, now),
            due_since_at=person.due_since_at,
            oldest_due_on=person.oldest_due_on,
            locks=await work.explain.locks(person.service_id),
        )


def _nas_name(
    attempts: Sequence[AttemptFact], sessions: Sequence[SessionFact], last_session: SessionFact | None
) -> str | None:
    """Return the NAS that was heard about this service most recently."""
    heard: list[tuple[datetime, str]] = [(attempt.at, attempt.nas) for attempt in attempts[:1] if attempt.nas]
    heard += [(session.updated_at, session.nas) for session in sessions[:1]]
    if last_session is not None:
        heard.append((last_session.updated_at, last_session.nas))
    return max(heard)[1] if heard else None


def _pool_name(attempts: Sequence[AttemptFact], service: ServiceFact) -> str | None:
    """Return the pool that had nothing to give, else the one the plan names; None where an address is fixed."""
    full = _FULL_POOL.fullmatch(attempts[0].detail or "") if attempts else None
    if full is not None:
        return full[1]
    return service.plan.pools.ipv4 if service.facts.static_ip is None else None


def drops_of(lines: object) -> tuple[DropFact, ...]:
    """Return what the daemon told over its socket; lines that are not as expected are left out."""
    found = []
    for line in lines if isinstance(lines, list) else []:
        try:
            found.append(
                DropFact(
                    reason=str(line["reason"]),
                    source=str(line["source"]),
                    nas=None if line["nas"] is None else str(line["nas"]),
                    port=str(line["port"]),
                    count=int(line["count"]),
                    last_at=datetime.fromisoformat(line["last_at"]),
                    detail=str(line.get("detail", "")),
                    identifier=_text(line.get("identifier")),
                    nas_ip=_text(line.get("nas_ip")),
                )
            )
        except (KeyError, TypeError, ValueError):
            continue
    return tuple(found)


def _text(said: object) -> str | None:
    return None if said is None else str(said)
