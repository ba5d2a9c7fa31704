"""Agents: people beside the staff who sell vouchers and take subscribers' money from a deposit they have paid in.

What they sell leaves their deposit in the transaction that sells it, less their commission; so they never owe anything.
They see the vouchers that they have sold, and the subscribers that were given to them. Nobody else's are there.
"""

import re
from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict, dataclass, field
from datetime import date, datetime, timedelta
from typing import Any, Final, Protocol
from uuid import UUID, uuid4

from netbilld.billing.chart import COMMISSION
from netbilld.billing.chart import agent as agent_account
from netbilld.billing.payment import Payment, payment_method
from netbilld.billing.postings import money_account, money_moved
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.model.units import half_up
from netbilld.ports.passwords import Passwords
from netbilld.services import keep_vouchers, paying
from netbilld.services.idempotency import digest
from netbilld.services.keep_vouchers import AGENT, CASH, KeepVouchers, Sold
from netbilld.services.paying import NO_TAXES, Doing, PaymentTaxes, find_subscriber
from netbilld.services.receive_payment import PaymentReceipt, receive
from netbilld.services.sign_in import (
    LONGEST_PASSWORD,
    Entropy,
    LockedOut,
    Lockout,
    WrongNameOrPassword,
    random_token,
    token_hash,
)
from netbilld.services.subscriber_fields import optional_phone, optional_text

REALM: Final = "agent"
LEAST_PASSWORD: Final = 8
MOST_PERMILLE: Final = 500
_NAME: Final = re.compile(r"[a-z][a-z0-9_.-]{0,31}")
_MOST_MINOR: Final = 10**12
_VOUCHERS: Final = "agent voucher"
_TOP_UP: Final = "agent top-up"
_DEPOSIT: Final = "agent deposit"


@dataclass(frozen=True, slots=True)
class Agent:
    """Somebody who sells for us.

    Attributes:
        commission_permille: of what subscribers pay through them; on vouchers it is the difference of the two prices.
        deposit_minor: what they may still sell from.
    """

    name: str
    full_name: str
    phone: str | None
    status: str  # active, ended
    commission_permille: int
    created_at: datetime
    deposit_minor: int = 0


@dataclass(frozen=True, slots=True)
class AgentLogin:
    """One browser that is signed in as an agent."""

    token_hash: str = field(repr=False)
    agent: str
    csrf_token: str = field(repr=False)
    origin: str
    created_at: datetime
    expires_at: datetime


@dataclass(frozen=True, slots=True)
class AgentDeposit:
    """Money that an agent has paid in."""

    id: UUID
    agent: str
    amount_minor: int
    currency: str
    method: str
    collector: str | None
    reference: str
    recorded_at: datetime
    actor: str

    def row(self) -> dict[str, Any]:
        """Return it as it is stored."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class AgentPayment:
    """A subscriber's payment that came through an agent."""

    id: UUID
    receipt_no: str | None
    amount_minor: int
    currency: str
    commission_minor: int
    recorded_at: datetime
    number: str
    name: str
    is_reversed: bool = False  # the deposit has it again


@dataclass(frozen=True, slots=True)
class Served:
    """A subscriber whose money an agent takes, and what they owe."""

    id: UUID
    number: str
    name: str
    currency: str
    owed_minor: int


@dataclass(frozen=True, slots=True)
class OnSale:
    """Vouchers of a batch that agents sell."""

    number: int
    name: str
    price_minor: int
    agent_price_minor: int
    currency: str
    validity_seconds: int
    left: int


@dataclass(frozen=True, slots=True)
class SignedInAgent:
    """The right name and password; the token is for the cookie."""

    agent: str
    token: str = field(repr=False)


class Agents(Protocol):
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
    async def on_sale(self, now: datetime) -> Sequence[OnSale]: ...


class Work(paying.Work, keep_vouchers.Work, Protocol):
    @property
    def agents(self) -> Agents: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...
    def read(self) -> AbstractAsyncContextManager[Work]: ...


def agent_name(text: str) -> str:
    """Return an agent's name as it is stored: one word in lower case.

    Raises:
        InvalidInputError: it is not.
    """
    name = text.strip().lower()
    if not _NAME.fullmatch(name):
        raise InvalidInputError(f"agent {text!r}: write one word of letters and digits", code="bad_name")
    return name


class KeepAgents:
    """Makes agents known, takes their deposits, and sells from them."""

    def __init__(
        self,
        store: Store,
        vouchers: KeepVouchers,
        passwords: Passwords,
        *,
        timezone: str,
        currency: str,
        taxes: PaymentTaxes = NO_TAXES,
    ) -> None:
        self._store, self._vouchers, self._passwords = store, vouchers, passwords
        self._timezone, self._currency, self._taxes = timezone, currency, taxes

    # -- by staff ------------------------------------------------------------------------------------------------------

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
            await _known(work, name)
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

        Raises:
            NotFoundError: there is no such agent, or collector.
            RefusedError: an amount that can't be.
        """
        method = payment_method(method)
        if not 0 < amount_minor < _MOST_MINOR:
            raise RefusedError(f"{amount_minor} can't have been paid", code="bad_amount")
        async with self._store.write() as work:
            if idempotency_key:
                asked = digest({"agent": name, "amount": amount_minor, "method": method, "reference": reference})
                done = await work.idempotency.claim(idempotency_key, _DEPOSIT, asked, now)
                if done is not None:
                    at = datetime.fromisoformat(done["recorded_at"])
                    return AgentDeposit(**{**done, "id": UUID(done["id"]), "recorded_at": at})
            await _known(work, name, lock=True)
            if collector is not None:
                await work.collectors.check(collector)
            elif method == CASH:
                collector = await work.collectors.of_staff(actor.name)
            said = optional_text("reference", reference, 200) or ""
            deposit = AgentDeposit(
                uuid4(), name, amount_minor, self._currency, method, collector, said, now, actor.name
            )
            await work.agents.add_deposit(deposit)
            entry = money_moved(
                "agent_deposit",
                str(deposit.id),
                self._currency,
                to=money_account(method, collector),
                out_of=agent_account(name),
                amount_minor=amount_minor,
                memo=f"Deposit agen {name}",
            )
            await work.ledger.post_many([entry], at=now, booked_on=self._today(now), actor=actor)
            details = {"amount": amount_minor, "method": method, "collector": collector}
            await work.changes.record(actor, now, "agent.deposit", "agent", name, details)
            if idempotency_key:
                kept = {**deposit.row(), "id": str(deposit.id), "recorded_at": now.isoformat()}
                await work.idempotency.complete(idempotency_key, _DEPOSIT, kept)
        return deposit

    async def serve(self, name: str, number: str, serves: bool, *, actor: Actor, now: datetime) -> None:
        """Let an agent take a subscriber's money, and no other agent; or no more.

        Raises:
            NotFoundError: there is no such agent or subscriber.
        """
        async with self._store.write() as work:
            await _known(work, name)
            subscriber = await find_subscriber(work, number)
            if serves:
                await work.agents.serve(name, subscriber.id, now)
            else:
                await work.agents.leave(name, subscriber.id)
            details = {"number": subscriber.number, "serves": serves}
            await work.changes.record(actor, now, "agent.serve", "agent", name, details)

    # -- by the agent --------------------------------------------------------------------------------------------------

    async def sell_vouchers(
        self, name: str, batch_number: int, count: int, *, actor: Actor, now: datetime, key: str, buyer: str = ""
    ) -> Sold:
        """Sell the next vouchers of a batch from an agent's deposit; the same key again gives the same ones.

        Raises:
            NotFoundError: there is no such batch for agents.
            RefusedError: the deposit doesn't cover them, or so many are not left.
        """
        async with self._store.write() as work:
            asked = digest({"agent": name, "batch": batch_number, "count": count})
            done = await work.idempotency.claim(key, _VOUCHERS, asked, now)
            if done is not None:
                return await self._vouchers.sold_in(work, UUID(done["sale_id"]))
            agent = await _known(work, name, lock=True)
            if not any(one.number == batch_number for one in await work.agents.on_sale(now)):
                raise NotFoundError("no such vouchers are sold by agents", code="no_batch")
            batch = await work.vouchers.batch(batch_number)
            _cover(agent, batch.agent_price_minor * count)
            sold = await self._vouchers.sell_from_deposit(work, batch, count, name, actor=actor, now=now, buyer=buyer)
            await work.idempotency.complete(key, _VOUCHERS, {"sale_id": str(sold.sale.id)})
        return sold

    async def sold(self, name: str, sale_id: UUID) -> Sold:
        """Return a sale of the agent's own, with its codes.

        Raises:
            NotFoundError: it is another's, or nobody's.
        """
        found = await self._vouchers.sold(sale_id)
        if found.sale.agent != name:
            raise NotFoundError("no such sale", code="no_sale")
        return found

    async def top_up(
        self, name: str, number: str, amount_minor: int, *, actor: Actor, now: datetime, key: str
    ) -> PaymentReceipt:
        """Take a subscriber's money from an agent's deposit, less the commission; the same key again takes it once.

        Raises:
            NotFoundError: the subscriber is not the agent's.
            RefusedError: the deposit doesn't cover it, or the amount can't be.
        """
        if not 0 < amount_minor < _MOST_MINOR:
            raise RefusedError(f"{amount_minor} can't have been paid", code="bad_amount")
        async with self._store.write() as work:
            asked = digest({"agent": name, "number": number, "amount": amount_minor})
            done = await work.idempotency.claim(key, _TOP_UP, asked, now)
            if done is not None:
                return PaymentReceipt(**done)
            served = await work.agents.served(name, number)
            subscriber = await find_subscriber(work, number) if served else None  # locked first, then the deposit
            if subscriber is None or subscriber.id != served[0].id:  # a user name may look like another's number
                raise NotFoundError("that subscriber is not yours", code="not_served")
            agent = await _known(work, name, lock=True)
            commission_minor = half_up(amount_minor * agent.commission_permille, 1000)
            _cover(agent, amount_minor - commission_minor)
            doing = Doing(actor, now, self._today(now))
            payment = Payment(
                id=uuid4(),
                subscriber_id=UUID(int=0),
                amount_minor=amount_minor,
                currency="",
                method=AGENT,
                reference=None,
                received_on=doing.today,
                recorded_at=now,
                actor=actor.name,
            )
            receipt = await receive(work, subscriber, payment, doing, taxes=self._taxes, came_to=agent_account(name))
            payment_id = UUID(receipt.payment_id)
            await work.agents.add_payment(payment_id, name, commission_minor, now)
            if commission_minor:
                entry = money_moved(
                    "agent_commission",
                    str(payment_id),
                    self._currency,
                    to=COMMISSION,
                    out_of=agent_account(name),
                    amount_minor=commission_minor,
                    memo=f"Komisi agen {name} {receipt.receipt_no}",
                )
                await work.ledger.post_many([entry], at=now, booked_on=doing.today, actor=actor)
            await work.idempotency.complete(key, _TOP_UP, asdict(receipt))
        return receipt

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


class SignInAgent:
    """Signs agents in, with the same answer and work for every failure."""

    def __init__(self, store: Any, passwords: Passwords, entropy: Entropy, lifetime: timedelta) -> None:
        self._store, self._passwords, self._entropy, self._lifetime = store, passwords, entropy, lifetime
        self._lockout = Lockout(store, REALM)
        self._nobodys_hash: str | None = None

    async def handle(
        self, name: str, password: str, source: str, now: datetime
    ) -> SignedInAgent | WrongNameOrPassword | LockedOut:
        """Return a new log-in, or why there is none."""
        key = name.strip().lower()[:100]
        if locked_until := await self._lockout.begin(key, source, now):
            return LockedOut(locked_until)
        if self._nobodys_hash is None:
            self._nobodys_hash = await self._passwords.hash(random_token(self._entropy))
        async with self._store.read() as work:
            known = await work.agents.password_of(key)
        given = password if len(password.encode()) <= LONGEST_PASSWORD else ""
        right = await self._passwords.verify(known or self._nobodys_hash, given)
        if known is None or not right:
            return WrongNameOrPassword()
        await self._lockout.succeeded(key, source)
        token = random_token(self._entropy)
        login = AgentLogin(token_hash(token), key, random_token(self._entropy), source[:100], now, now + self._lifetime)
        async with self._store.write() as work:
            await work.agents.add_login(login)
            await work.changes.record(Actor(f"agent {key}", source), now, "agent.sign_in", "agent", key, {})
        return SignedInAgent(key, token)

    async def of_token(self, token: str, now: datetime) -> AgentLogin | None:
        """Return the log-in of a cookie, while it lasts."""
        async with self._store.read() as work:
            found: AgentLogin | None = await work.agents.login(token_hash(token), now)
        return found

    async def sign_out(self, login: AgentLogin) -> None:
        """End a log-in."""
        async with self._store.write() as work:
            await work.agents.end_logins(login.agent, only=login.token_hash)


async def _known(work: Work, name: str, *, lock: bool = False) -> Agent:
    found = await work.agents.by_name(name, lock=lock)
    if found is None:
        raise NotFoundError(f"no agent {name!r}", code="no_agent")
    return found


def _cover(agent: Agent, owed_minor: int) -> None:
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
