"""Pools, services and a NAS in a database, and log-ins that want addresses."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from time import monotonic
from typing import Any
from uuid import UUID, uuid4

from sqlalchemy import insert

from netbilld.accounting.address_use import HoldPolicy
from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import nas, plan_versions, plans, services, sessions, subscribers
from netbilld.model.address_lease import AddressLease
from netbilld.model.address_pool import AddressPool, PoolKind, check_excluded, check_network
from netbilld.radius.access import AccessView, Decision
from netbilld.radius.attributes import (
    CALLING_STATION_ID,
    DELEGATED_IPV6_PREFIX,
    FRAMED_IP_ADDRESS,
    FRAMED_IPV6_PREFIX,
    USER_NAME,
)
from netbilld.radius.codes import Code
from netbilld.radius.packet import decode, encode
from netbilld.radius.terms import AccessTerms
from netbilld.radius.values import ipv6_prefix
from netbilld.services.address_book import AddressBook
from netbilld.services.assign_addresses import AssignAddresses
from netbilld.services.settle_leases import SettleLeases
from tests.clock import StandingClock
from tests.radius_requests import AUTHENTICATOR, accepted, access_request, client

NOW = datetime(2026, 11, 22, 5, tzinfo=UTC)
POLICY = HoldPolicy(accept_seconds=120, suspect_seconds=86_400, interim_seconds=300)
ACCEPT = int(Code.ACCESS_ACCEPT)


def pool(name: str, network: str, kind: str = "ipv4", length: int | None = None, *excluded: str) -> AddressPool:
    checked, prefix_length = check_network(PoolKind(kind), network, length)
    return AddressPool(
        uuid4(), name, name.casefold(), PoolKind(kind), checked, prefix_length, check_excluded(checked, excluded), NOW
    )


@dataclass
class Node:
    """One process that gives addresses."""

    world: "World"
    book: AddressBook
    assign: AssignAddresses
    settle: SettleLeases
    task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        await self.book.load()
        self.task = asyncio.create_task(self.assign.run())

    async def stop(self) -> None:
        if self.task is not None:
            self.task.cancel()
            await asyncio.gather(self.task, return_exceptions=True)

    def ask(
        self, service_id: UUID, mac: str | None = None, *, nas_id: UUID | None = None, terms: AccessTerms | None = None
    ) -> asyncio.Future[Decision]:
        """Log in; the future holds the answer."""
        pairs = [(USER_NAME, b"somebody"), *([(CALLING_STATION_ID, mac.encode())] if mac else [])]
        request = accepted(
            access_request(pairs, signed=True), client(nas_id=nas_id or self.world.nas_ids[0], name="pop1")
        )
        request.arrived_mono = monotonic()
        view = AccessView("somebody", "password", b"x", b"", service_id, {}, terms=terms or AccessTerms(pool="home"))
        answered: asyncio.Future[Decision] = asyncio.get_running_loop().create_future()
        decision = Decision(ACCEPT, b"", "ok", "pap")
        at_once = self.assign.admit(view, request, decision, self.world.clock.now(), answered.set_result)
        if at_once is not None:
            answered.set_result(at_once)
        return answered

    async def address(self, service_id: UUID, mac: str | None = None, **how: Any) -> str:
        """Log in; return the address that was given, or why none was."""
        return said(await self.ask(service_id, mac, **how))


@dataclass
class World:
    database: Database
    clock: StandingClock = field(default_factory=lambda: StandingClock(NOW))
    nas_ids: list[UUID] = field(default_factory=list)
    service_ids: list[UUID] = field(default_factory=list)
    _sessions: int = 0

    def node(self, start: float = 0.0) -> Node:
        book = AddressBook(self.database, self.clock, start=start)
        assign = AssignAddresses(
            self.database, self.clock, bytes, book, hold_seconds=POLICY.accept_seconds, locale_of=lambda _: "en"
        )
        return Node(self, book, assign, SettleLeases(self.database, book, POLICY))

    async def fill(self, service_count: int, *pools: AddressPool, nas_count: int = 1) -> None:
        """Make NAS, services of one subscriber, and pools."""
        subscriber_id, plan_id, version_id = uuid4(), uuid4(), uuid4()
        self.nas_ids = [uuid4() for _ in range(nas_count)]
        self.service_ids = [uuid4() for _ in range(service_count)]
        async with self.database.write() as work:
            connection = work.connection
            await connection.execute(
                insert(subscribers).values(
                    id=subscriber_id, number="1", name="n", currency="IDR", status="active", created_at=NOW
                )
            )
            await connection.execute(
                insert(plans).values(id=plan_id, code="P", code_key="p", on_sale=True, created_at=NOW)
            )
            await connection.execute(
                insert(plan_versions).values(
                    id=version_id, plan_id=plan_id, version=1, name="P", definition={}, created_at=NOW, actor="t"
                )
            )
            for number, nas_id in enumerate(self.nas_ids):
                await connection.execute(
                    insert(nas).values(
                        id=nas_id, name=f"pop{number}", name_key=f"pop{number}", address=f"192.0.2.{number}/32",
                        secret_sealed=b"", vendor="mikrotik", coa_port=3799, require_message_authenticator="auto",
                        swap_octets=False, portal_sources=[], created_at=NOW, last_heard_at=NOW,
                    )
                )  # fmt: skip
            rows = [
                {
                    "id": service_id, "subscriber_id": subscriber_id, "plan_version_id": version_id,
                    "status": "active", "status_since_at": NOW, "billing_day": 1, "timezone": "UTC",
                    "activated_on": NOW.date(), "created_at": NOW,
                }
                for service_id in self.service_ids
            ]  # fmt: skip
            if rows:
                await connection.execute(insert(services), rows)
            for one in pools:
                await work.addresses.add(one)

    async def session(
        self,
        service_id: UUID,
        framed_ip: str | None,
        mac: str | None = None,
        *,
        nas_id: UUID | None = None,
        **more: Any,
    ) -> int:
        """Store a session as metering would have; return its id."""
        self._sessions += 1
        now = self.clock.now()
        row = {
            "id": self._sessions, "nas_id": nas_id or self.nas_ids[0], "service_id": service_id, "username": "u",
            "acct_session_id": str(self._sessions), "acct_session_key": str(self._sessions), "state": "starting",
            "framed_ip": framed_ip, "mac": mac, "started_at": now, "updated_at": now, "session_seconds": 0,
            "interval_seconds": 0, "upload_octets": 0, "download_octets": 0, "counter_upload_octets": 0,
            "counter_download_octets": 0, "swapped": False, "upload_bps": 0, "download_bps": 0, **more,
        }  # fmt: skip
        async with self.database.write() as work:
            await work.connection.execute(insert(sessions).values(**row))
        return self._sessions

    async def change_session(self, session_id: int, **values: Any) -> None:
        async with self.database.write() as work:
            await work.connection.execute(sessions.update().where(sessions.c.id == session_id).values(**values))

    async def stop_session(self, session_id: int, state: str = "closed") -> None:
        await self.change_session(session_id, state=state, stopped_at=self.clock.now())

    async def heard(self, nas_id: UUID | None = None) -> None:
        async with self.database.write() as work:
            await work.nas.heard(nas_id or self.nas_ids[0], self.clock.now())

    async def leases(self) -> list[AddressLease]:
        async with self.database.read() as work:
            return await work.addresses.leases([one.id for one in await work.addresses.pools()])

    async def live(self) -> Sequence[str]:
        """Return the addresses that are held or in use."""
        return sorted(lease.address for lease in await self.leases() if not lease.is_free)


def said(decision: Decision) -> str:
    """Return the addresses of an Accept, with spaces between them, or the reason of a Reject."""
    if decision.code != ACCEPT:
        return decision.reason
    reply = decode(encode(decision.code, 1, AUTHENTICATOR, decision.attributes))
    found = []
    if (ipv4 := reply.get(FRAMED_IP_ADDRESS)) is not None:
        found.append(".".join(str(octet) for octet in ipv4))
    prefixes = [reply.get(key) for key in (FRAMED_IPV6_PREFIX, DELEGATED_IPV6_PREFIX)]
    found += [str(ipv6_prefix(prefix)) for prefix in prefixes if prefix is not None]
    return " ".join(found)
