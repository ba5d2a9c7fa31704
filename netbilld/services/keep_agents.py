"""Agents as the office keeps them: who they are, what they pay in and are paid out, and whom they serve."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.chart import agent as agent_account
from netbilld.billing.payment import payment_method
from netbilld.billing.postings import money_account, money_moved
from netbilld.model.actor import Actor
from netbilld.model.agent import (
    MOST_PERMILLE,
    Agent,
    AgentDeposit,
    AgentLogin,
    AgentPayment,
    OnSale,
    Served,
    agent_name,
)
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.ports.passwords import Passwords
from netbilld.services import paying, sell_vouchers
from netbilld.services.find_subscriber import find_subscriber
from netbilld.services.idempotency import digest
from netbilld.services.sell_vouchers import CASH
from netbilld.services.sign_in import LONGEST_PASSWORD, token_hash
from netbilld.services.subscriber_fields import optional_phone, optional_text

LEAST_PASSWORD: Final = 8
MOST_MINOR: Final = 10**12
_DEPOSIT: Final = "agent deposit"
_PAY_OUT: Final = "agent pay-out"


class Agents(paying.AgentPayments, Protocol):
    async def add(self, agent: Agent, password_hash: str, actor: str) -> bool: ...
    async def update(self, name: str, fields: Mapping[str, Any]) -> None: ...
    async def by_name(self, name: str, *, lock: bool = False) -> Agent | None: ...
    async def all(self) -> Sequence[Agent]: ...
    async def password_of(self, name: str) -> str | None: ...
    async def add_login(self, login: AgentLogin) -> None: ...
    async def login(self, token_hash: str, now: datetime) -> AgentLogin | None: ...
    async def end_logins(self, name: str, *, but: str | None = None, only: str | None = None) -> None: ...
    async def add_deposit(self, deposit: AgentDeposit) -> None: ...
    async def add_payment(self, payment_id: UUID, agent: str, commission_minor: int, at: datetime) -> None: ...
    async def payment(self, agent: str, payment_id: UUID) -> AgentPayment | None: ...
    async def payments(self, agent: str, limit: int = 50) -> Sequence[AgentPayment]: ...
    async def serve(self, agent: str, subscriber_id: UUID, at: datetime) -> None: ...
    async def leave(self, agent: str, subscriber_id: UUID) -> None: ...
    async def served(self, agent: str, number: str | None = None) -> Sequence[Served]: ...
    async def on_sale(self, now: datetime, number: int | None = None) -> Sequence[OnSale]: ...


class Work(paying.Work, sell_vouchers.Work, Protocol):
    @property
    def agents(self) -> Agents: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...
    def read(self) -> AbstractAsyncContextManager[Work]: ...


class KeepAgents:
    """Makes agents known, takes their deposits, and pays them out."""

    def __init__(self, store: Store, passwords: Passwords, *, timezone: str, currency: str) -> None:
        self._store, self._passwords, self._timezone, self._currency = store, passwords, timezone, currency

    async def add(
        self,
        name: str,
        full_name: str,
        password: str,
        *,
        actor: Actor,
        now: datetime,
        phone: str | None = None,
        commission_permille: int = 0,
    ) -> Agent:
        """Make an agent known.

        Raises:
            InvalidInputError: a name, telephone, commission or password that can't be.
            RefusedError: the name is taken.
        """
        agent = Agent(
            agent_name(name),
            optional_text("name", full_name, 200) or agent_name(name),
            optional_phone(phone),
            "active",
            _permille(commission_permille),
            now,
        )
        hashed = await self._hash(password)
        async with self._store.write() as work:
            if not await work.agents.add(agent, hashed, actor.name):
                raise RefusedError(f"agent {agent.name} is known already", code="agent_known")
            details = {"full_name": agent.full_name, "commission_permille": agent.commission_permille}
            await work.changes.record(actor, now, "agent.add", "agent", agent.name, details)
        return agent

    async def change(
        self,
        name: str,
        *,
        actor: Actor,
        now: datetime,
        active: bool | None = None,
        commission_permille: int | None = None,
        password: str | None = None,
    ) -> None:
        """Let an agent sell or not, set their commission, or give them a new password, which ends their log-ins.

        Raises:
            NotFoundError: there is no such agent.
            InvalidInputError: a commission or password that can't be.
        """
        fields: dict[str, Any] = {}
        if active is not None:
            fields["status"] = "active" if active else "ended"
        if commission_permille is not None:
            fields["commission_permille"] = _permille(commission_permille)
        details = dict(fields)
        if password is not None:
            fields["password_hash"] = await self._hash(password)
            details["new_password"] = True
        async with self._store.write() as work:
            await known_agent(work, name)
            if fields:
                await work.agents.update(name, fields)
            if password is not None or active is False:
                await work.agents.end_logins(name)
            await work.changes.record(actor, now, "agent.set", "agent", name, details)

    async def deposit(
        self,
        name: str,
        amount_minor: int,
        *,
        actor: Actor,
        now: datetime,
        method: str = CASH,
        reference: str = "",
        collector: str | None = None,
        idempotency_key: str | None = None,
    ) -> AgentDeposit:
        """Take money that an agent pays in; the same key again takes it once.

        Args:
            name: the agent's.
            amount_minor: above 0.
            actor: who took it.
            now: when.
            method: how it was paid.
            reference: of the transfer, as far as there is one.
            collector: whose cash it is; None is, of cash, the actor's if they are one.
            idempotency_key: of the request.

        Raises:
            NotFoundError: there is no such agent, or collector.
            RefusedError: an amount that can't be.
            InvalidInputError: a method that can't be.
        """
        return await self._move(_DEPOSIT, name, amount_minor, method, reference, collector, actor, now, idempotency_key)

    async def pay_out(
        self,
        name: str,
        amount_minor: int,
        *,
        actor: Actor,
        now: datetime,
        method: str = CASH,
        reference: str = "",
        collector: str | None = None,
        idempotency_key: str | None = None,
    ) -> AgentDeposit:
        """Give an agent money of the deposit back, or take back what was booked too much; see `deposit`.

        Raises:
            NotFoundError: there is no such agent, or collector.
            RefusedError: the deposit is less than that.
            InvalidInputError: a method that can't be.
        """
        return await self._move(
            _PAY_OUT, name, -amount_minor, method, reference, collector, actor, now, idempotency_key
        )

    async def _move(
        self,
        verb: str,
        name: str,
        amount_minor: int,
        method: str,
        reference: str,
        collector: str | None,
        actor: Actor,
        now: datetime,
        key: str | None,
    ) -> AgentDeposit:
        method, name, is_out = payment_method(method), agent_name(name), verb == _PAY_OUT
        if not 0 < abs(amount_minor) < MOST_MINOR or is_out != (amount_minor < 0):
            raise RefusedError(f"{abs(amount_minor)} can't have been paid", code="bad_amount")
        async with self._store.write() as work:
            if key:
                asked = digest({"agent": name, "amount": amount_minor, "method": method, "reference": reference})
                done = await work.idempotency.claim(key, verb, asked, now)
                if done is not None:
                    at = datetime.fromisoformat(done["recorded_at"])
                    return AgentDeposit(**{**done, "id": UUID(done["id"]), "recorded_at": at})
            cover(await known_agent(work, name, lock=True), -amount_minor)
            if collector is not None:
                await work.collectors.check(collector)
            elif method == CASH and not is_out:
                collector = await work.collectors.of_staff(actor.name)
            said = optional_text("reference", reference, 200) or ""
            deposit = AgentDeposit(
                uuid4(), name, amount_minor, self._currency, method, collector, said, now, actor.name
            )
            await work.agents.add_deposit(deposit)
            held, theirs = money_account(method, collector), agent_account(name)
            entry = money_moved(
                "agent_paid_out" if is_out else "agent_deposit",
                str(deposit.id),
                self._currency,
                to=theirs if is_out else held,
                out_of=held if is_out else theirs,
                amount_minor=abs(amount_minor),
                memo=f"{'Pengembalian deposit' if is_out else 'Deposit'} agen {name} {said}".rstrip(),
            )
            await work.ledger.post_many([entry], at=now, booked_on=self._today(now), actor=actor)
            details = {"amount": abs(amount_minor), "method": method, "collector": collector}
            action = "agent.pay_out" if is_out else "agent.deposit"
            await work.changes.record(actor, now, action, "agent", name, details)
            if key:
                kept = {**deposit.row(), "id": str(deposit.id), "recorded_at": now.isoformat()}
                await work.idempotency.complete(key, verb, kept)
        return deposit

    async def serve(self, name: str, number: str, serves: bool, *, actor: Actor, now: datetime) -> None:
        """Let an agent take a subscriber's money, and no other agent; or no more.

        Raises:
            NotFoundError: there is no such agent or subscriber.
        """
        async with self._store.write() as work:
            await known_agent(work, name)
            theirs = await work.agents.served(name, number) if not serves else ()
            if theirs:  # by the number first: another's user name may look like it
                await work.agents.leave(name, theirs[0].id)
            else:
                subscriber = await find_subscriber(work, number)
                number = subscriber.number
                if serves:
                    await work.agents.serve(name, subscriber.id, now)
                else:
                    await work.agents.leave(name, subscriber.id)
            details = {"number": number, "serves": serves}
            await work.changes.record(actor, now, "agent.serve", "agent", name, details)

    async def new_password(self, name: str, old: str, new: str, *, token: str, actor: Actor, now: datetime) -> None:
        """Change an agent's own password; their other log-ins end.

        Raises:
            RefusedError: the old one is not right.
            InvalidInputError: the new one is too short.
        """
        async with self._store.read() as work:
            known = await work.agents.password_of(name)
        if known is None or len(old.encode()) > LONGEST_PASSWORD or not await self._passwords.verify(known, old):
            raise RefusedError("that is not the old password", code="wrong_password")
        hashed = await self._hash(new)
        async with self._store.write() as work:
            await work.agents.update(name, {"password_hash": hashed})
            await work.agents.end_logins(name, but=token_hash(token))
            await work.changes.record(actor, now, "agent.set", "agent", name, {"new_password": True})

    async def _hash(self, password: str) -> str:
        if len(password) < LEAST_PASSWORD or len(password.encode()) > LONGEST_PASSWORD:
            raise InvalidInputError(f"a password has {LEAST_PASSWORD} letters and more", code="password_short")
        return await self._passwords.hash(password)

    def _today(self, now: datetime) -> date:
        return local_date(now, self._timezone)


async def known_agent(work: Work, name: str, *, lock: bool = False) -> Agent:
    """Return an agent with what the deposit holds; `lock` keeps others from selling from it meanwhile.

    Raises:
        NotFoundError: nobody has that name.
    """
    found = await work.agents.by_name(name, lock=lock)
    if found is None:
        raise NotFoundError(f"no agent {name!r}", hint="`netbilld agent list` shows them", code="no_agent")
    return found


def cover(agent: Agent, owed_minor: int) -> None:
    """Do nothing where a locked agent's deposit is enough.

    Raises:
        RefusedError: it is not.
    """
    if agent.deposit_minor < owed_minor:
        raise RefusedError(
            f"the deposit holds {agent.deposit_minor}, this takes {owed_minor}",
            code="deposit_too_small",
            values={"deposit": agent.deposit_minor, "needed": owed_minor},
        )


def _permille(value: int) -> int:
    if not 0 <= value <= MOST_PERMILLE:
        raise InvalidInputError(f"a commission is 0 to {MOST_PERMILLE // 10} %", code="bad_commission")
    return value
