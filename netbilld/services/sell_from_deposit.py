"""Agents sell: vouchers, and subscribers' payments, out of a deposit that has to cover them.

What they sell leaves their deposit in the transaction that sells it, less their commission; so they never owe anything.
They see the vouchers that they have sold, and the subscribers that were given to them. Nobody else's are there.
"""

from dataclasses import asdict
from datetime import date, datetime
from typing import Final
from uuid import UUID, uuid4

from netbilld.billing.chart import COMMISSION
from netbilld.billing.chart import agent as agent_account
from netbilld.billing.payment import AGENT, Payment
from netbilld.billing.postings import money_moved
from netbilld.model.actor import Actor
from netbilld.model.agent import Agent
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.services.idempotency import digest
from netbilld.services.keep_agents import MOST_MINOR, Store, Work, cover, known_agent
from netbilld.services.paying import NO_TAXES, Doing, PaymentTaxes
from netbilld.services.receive_payment import PaymentReceipt, receive
from netbilld.services.sell_vouchers import SellVouchers, Sold

_VOUCHERS: Final = "agent voucher"
_TOP_UP: Final = "agent top-up"


class SellFromDeposit:
    """What agents do by themselves."""

    def __init__(
        self, store: Store, vouchers: SellVouchers, *, timezone: str, currency: str, taxes: PaymentTaxes = NO_TAXES
    ) -> None:
        self._store, self._vouchers = store, vouchers
        self._timezone, self._currency, self._taxes = timezone, currency, taxes

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
            agent = await _selling(work, name)
            if not await work.agents.on_sale(now, batch_number):
                raise NotFoundError("no such vouchers are sold by agents", code="no_batch")
            batch = await work.vouchers.batch(batch_number)
            cover(agent, batch.agent_price_minor * count)
            sold = await self._vouchers.from_deposit(work, batch, count, name, actor=actor, now=now, buyer=buyer)
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
        if not 0 < amount_minor < MOST_MINOR:
            raise RefusedError(f"{amount_minor} can't have been paid", code="bad_amount")
        async with self._store.write() as work:
            asked = digest({"agent": name, "number": number, "amount": amount_minor})
            done = await work.idempotency.claim(key, _TOP_UP, asked, now)
            if done is not None:
                return PaymentReceipt(**done)
            subscriber = await work.subscribers.by_number(number, lock=True)  # locked first, then the deposit
            if subscriber is None or not await work.agents.served(name, number):
                raise NotFoundError("that subscriber is not yours", code="not_served")
            agent = await _selling(work, name)
            # down: many small payments bring no more than a large one
            commission_minor = amount_minor * agent.commission_permille // 1000
            cover(agent, amount_minor - commission_minor)
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

    def _today(self, now: datetime) -> date:
        return local_date(now, self._timezone)


async def _selling(work: Work, name: str) -> Agent:
    agent = await known_agent(work, name, lock=True)
    if agent.status != "active":
        raise RefusedError(f"agent {name} sells no more", code="agent_ended")
    return agent
