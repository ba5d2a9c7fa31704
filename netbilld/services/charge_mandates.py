"""Invoices whose day has come are charged to the accounts whose owners let us, each once.

The charge is on record, with a payment of its own, before the gateway is asked; how often it was asked is counted
before, too. So whatever is killed, the same payment is asked for under the same name, which the gateway takes once, and
what came of it is booked as any payment of a gateway is.
"""

import base64
import logging
from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.gateway import GatewayState
from netbilld.billing.invoice import Invoice
from netbilld.model.actor import SCHEDULE
from netbilld.model.errors import NetbilldError, StoreUnavailableError
from netbilld.model.periods import local_date
from netbilld.ports.gateway_records import Attempt, Attempts
from netbilld.ports.gateways import Charge, Gateway, GatewayAwayError, GatewayRefusedError
from netbilld.ports.mandates import (
    Chargeable,
    Charged,
    ChargeState,
    LinkState,
    Mandate,
    MandateCharge,
    MandateGateway,
    MandateState,
    Taken,
)
from netbilld.ports.outbox import Message, MessageKind, Outbox
from netbilld.services import link_mandates
from netbilld.services.follow_gateways import FollowGateways
from netbilld.services.link_mandates import Box, LinkMandates, token_of
from netbilld.services.start_payment import CURRENCY, LARGEST_MINOR, LEAST_MINOR

_LIFE: Final = timedelta(hours=24)
_AGAIN: Final = timedelta(minutes=10)
_MOST_TRIES: Final = 6
_BATCH: Final = 32
_FAULT: Final = "a fault of the program: its log has it"
logger = logging.getLogger("netbilld.gateways")


class Invoices(link_mandates.Invoices, Protocol):
    async def open_of(self, subscriber_id: UUID) -> list[Invoice]: ...


class Work(link_mandates.Work, Protocol):
    @property
    def invoices(self) -> Invoices: ...
    @property
    def gateways(self) -> Attempts: ...
    @property
    def outbox(self) -> Outbox: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class ChargePolicy:
    """When invoices are charged.

    Attributes:
        days_before: so many days before they are due.
        timezone: of local days.
    """

    days_before: int
    timezone: str
    business_name: str
    callback_url: str = ""


@dataclass(frozen=True, slots=True)
class _Claim:
    """What is to be asked of the gateway now, as it is on record."""

    charge: MandateCharge
    attempt: Attempt
    mandate: Mandate
    invoice_number: str
    payer: tuple[str, str, str, str]  # number, name, e-mail, phone


class ChargeMandates:
    """Begins charges, and follows those that were begun to their end."""

    def __init__(
        self,
        store: Store,
        box: Box,
        gateways: Sequence[tuple[MandateGateway, Gateway]],
        follow: FollowGateways,
        links: LinkMandates,
        policy: ChargePolicy,
        now: Callable[[], datetime],
        entropy: Callable[[int], bytes],
    ) -> None:
        self._store, self._box, self._follow, self._links = store, box, follow, links
        self._gateways = {one.name: (one, beside) for one, beside in gateways}
        self._policy, self._now, self._entropy = policy, now, entropy

    async def run(self) -> int:
        """Charge what is due and look at what was begun; return how many charges were touched."""
        now = self._now()
        until_on = local_date(now, self._policy.timezone) + timedelta(days=self._policy.days_before)
        async with self._store.read() as work:
            chargeable = await work.mandates.chargeable(until_on, CURRENCY, LEAST_MINOR, LARGEST_MINOR, _BATCH)
            begun = await work.mandates.charges_due(now, _BATCH)
        for one in chargeable:
            claim = await self._begin(one)
            if claim is not None:
                await self._charge_safely(claim)
        for charge in begun:
            try:
                await self._continue(charge)
            except StoreUnavailableError:
                raise
            except NetbilldError as error:
                await self._trouble(charge.ref, str(error))
            except Exception:  # as above
                logger.exception("%s could not be followed", charge.ref)
                await self._trouble(charge.ref, _FAULT)
        return len(chargeable) + len(begun)

    # -- beginning -----------------------------------------------------------------------------------------------------

    async def _begin(self, one: Chargeable) -> _Claim | None:
        """Put a charge on record; None where meanwhile nothing is to be charged."""
        now = self._now()
        async with self._store.write() as work:
            await work.invoices.lock_subscribers([one.subscriber_id])
            mandate = await work.mandates.open_of(one.subscriber_id)
            subscriber = await work.subscribers.by_id(one.subscriber_id)
            open_now = {invoice.id: invoice for invoice in await work.invoices.open_of(one.subscriber_id)}
            invoice = open_now.get(one.invoice_id)
            is_on = mandate is not None and mandate.id == one.mandate_id and mandate.state is MandateState.ACTIVE
            if mandate is None or not is_on or subscriber is None or invoice is None:
                return None
            if await work.mandates.is_charged(mandate.id, invoice.id):
                return None  # another node was first
            letters = base64.b32encode(self._entropy(10)).decode()[:12]
            attempt = Attempt(
                ref=f"{subscriber.number}-{letters}",
                gateway=mandate.gateway,
                method=f"ewallet_{mandate.kind}",
                subscriber_id=subscriber.id,
                invoice_id=invoice.id,
                amount_minor=invoice.outstanding_minor,
                currency=invoice.currency,
                state=GatewayState.CREATED,
                created_at=now,
                expires_at=now + _LIFE,
                next_look_at=now + _AGAIN,
            )
            charge = MandateCharge(
                mandate.id, invoice.id, attempt.ref, ChargeState.BEGUN, now, tries=1, next_at=now + _AGAIN
            )
            await work.gateways.add(attempt)
            await work.mandates.add_charge(charge)
            details = {"invoice": invoice.number, "amount": attempt.amount_minor, "account": mandate.label}
            await work.changes.record(SCHEDULE, now, "mandate.charge", "gateway_attempt", attempt.ref, details)
        payer = (subscriber.number, subscriber.name, subscriber.email or "", subscriber.phone or "")
        return _Claim(charge, attempt, mandate, invoice.number or "", payer)

    # -- the gateway ---------------------------------------------------------------------------------------------------

    async def _charge_safely(self, claim: _Claim) -> None:
        try:
            await self._charge(claim)
        except StoreUnavailableError:
            raise
        except NetbilldError as error:  # such as a gateway that is away when a payment is to be ended
            await self._trouble(claim.charge.ref, str(error))
        except Exception:  # one that nobody foresaw must not keep the others from being charged
            logger.exception("%s could not be charged", claim.attempt.ref)
            await self._trouble(claim.charge.ref, _FAULT)

    async def _charge(self, claim: _Claim) -> None:
        pair = self._gateways.get(claim.mandate.gateway)
        if pair is None:
            await self._trouble(claim.charge.ref, "this gateway is set up no more")
            return
        keeper, gateway = pair
        try:
            token = token_of(self._box, claim.mandate)
            is_over = await keeper.state(token) is LinkState.OVER
        except NetbilldError as error:  # nothing is asked for before that is known
            if isinstance(error, StoreUnavailableError):
                raise
            await self._trouble(claim.charge.ref, str(error))
            return
        if is_over:
            await self._links.over(claim.mandate.id)
            await self._refused(claim, "the account is linked no more")
            return
        try:
            charged = await keeper.charge(self._asked(claim), token)
        except GatewayAwayError as error:
            await self._trouble(claim.charge.ref, str(error))
            return
        except GatewayRefusedError as error:
            if error.code == "gateway_key":  # ours to mend, and not the payer's
                await self._trouble(claim.charge.ref, str(error))
            else:
                await self._refused(claim, str(error))
            return
        await self._made(claim, charged)
        if charged.taken is Taken.NEEDS_OWNER:
            await gateway.expire(claim.attempt.ref, charged.gateway_ref)
        attempt = await self._asked_about(claim.attempt.ref)
        if attempt is not None:
            await self._conclude(claim.charge.ref, attempt)

    async def _refused(self, claim: _Claim, said: str) -> None:
        """Take no for an answer where the status call says no other."""
        attempt = await self._asked_about(claim.attempt.ref)
        if attempt is not None and attempt.state.is_paid:
            await self._conclude(claim.charge.ref, attempt)
            return
        if attempt is not None and attempt.trouble:
            await self._trouble(claim.charge.ref, attempt.trouble)  # it can't be asked: another time
            return
        if attempt is not None and attempt.state.is_open:
            async with self._store.write() as work:
                await work.gateways.said(attempt.ref, GatewayState.FAILED, "refused", None, by_callback=False)
                await work.gateways.looked(attempt.ref, attempt.looks + 1, None, said)
        await self._failed(claim.charge.ref, said)

    async def _made(self, claim: _Claim, charged: Charged) -> None:
        async with self._store.write() as work:
            await work.gateways.note_ref(claim.attempt.ref, charged.gateway_ref)

    async def _asked_about(self, ref: str) -> Attempt | None:
        """Ask the gateway how a payment is, book that, and return how it is then."""
        async with self._store.read() as work:
            attempt = await work.gateways.find(ref)
        if attempt is None or attempt.state.is_paid:
            return attempt
        await self._follow.ask(attempt)
        async with self._store.read() as work:
            return await work.gateways.find(ref)

    def _asked(self, claim: _Claim) -> Charge:
        number, name, email, phone = claim.payer
        attempt = claim.attempt
        return Charge(
            ref=attempt.ref,
            amount_minor=attempt.amount_minor,
            currency=attempt.currency,
            method=attempt.method,
            made_at=attempt.created_at,
            expires_at=attempt.expires_at,
            text=f"Internet {claim.invoice_number} {self._policy.business_name}"[:100],
            payer_id=number,
            payer_name=name,
            payer_email=email,
            payer_phone=phone,
            return_url="",
            callback_url=self._policy.callback_url and f"{self._policy.callback_url}/hook/{attempt.gateway}",
        )

    # -- what becomes of it --------------------------------------------------------------------------------------------

    async def _continue(self, charge: MandateCharge) -> None:
        """Look at a charge that was begun: it may be paid, over, or of unknown fate, and then it is asked for again."""
        attempt = await self._asked_about(charge.ref)
        if attempt is None or await self._conclude(charge.ref, attempt):
            return
        claim = await self._claimed(charge, attempt)
        if claim is not None:
            await self._charge_safely(claim)

    async def _claimed(self, charge: MandateCharge, attempt: Attempt) -> _Claim | None:
        """Count one more try; None where another node was first, or so much is not to be charged any more."""
        now = self._now()
        async with self._store.write() as work:
            mandate = await _locked(work, charge)
            kept = await work.mandates.charge(charge.ref)
            if kept is None or kept.state is not ChargeState.BEGUN or kept.tries != charge.tries:
                return None
            subscriber = await work.subscribers.by_id(mandate.subscriber_id)
            open_now = {one.id: one for one in await work.invoices.open_of(mandate.subscriber_id)}
            invoice = open_now.get(charge.invoice_id)
            is_owed = invoice is not None and invoice.outstanding_minor >= attempt.amount_minor
            if mandate.state is not MandateState.ACTIVE or subscriber is None or invoice is None or not is_owed:
                await work.mandates.save_charge(replace(kept, state=ChargeState.DROPPED, ended_at=now, next_at=None))
                return None
            again = replace(kept, tries=kept.tries + 1, next_at=now + _AGAIN)
            await work.mandates.save_charge(again)
        payer = (subscriber.number, subscriber.name, subscriber.email or "", subscriber.phone or "")
        return _Claim(again, attempt, mandate, invoice.number or "", payer)

    async def _conclude(self, ref: str, attempt: Attempt) -> bool:
        """Write down what became of a charge, and tell whether nothing more is to be asked for now."""
        if attempt.state.is_paid:
            async with self._store.write() as work:
                kept = await work.mandates.charge(ref)
                if kept is not None and kept.state is ChargeState.BEGUN:
                    paid = replace(kept, state=ChargeState.PAID, ended_at=self._now(), next_at=None, trouble="")
                    await work.mandates.save_charge(paid)
            return True
        if not attempt.state.is_open:
            await self._failed(ref, attempt.raw_status or attempt.trouble)
            return True
        async with self._store.read() as work:
            kept = await work.mandates.charge(ref)
        if kept is None or kept.tries < _MOST_TRIES:
            return False
        pair = self._gateways.get(attempt.gateway)
        if attempt.state is GatewayState.PENDING and pair is not None:
            await pair[1].expire(ref, attempt.gateway_ref or None)  # then it is paid or it is not
            await self._trouble(ref, kept.trouble)
        elif not attempt.trouble or self._now() > attempt.expires_at:
            await self._failed(ref, kept.trouble)
        else:
            await self._trouble(ref, attempt.trouble)  # the gateway does not say whether it took anything
        return True

    async def _failed(self, ref: str, why: str) -> None:
        """End a charge, and tell its payer once; the ordinary reminders follow."""
        now = self._now()
        async with self._store.write() as work:
            known = await work.mandates.charge(ref)
            assert known is not None, "a charge stays"  # noqa: S101
            mandate = await _locked(work, known)
            kept = await work.mandates.charge(ref)
            if kept is None or kept.state is not ChargeState.BEGUN:
                return
            await work.mandates.save_charge(
                replace(kept, state=ChargeState.FAILED, ended_at=now, next_at=None, trouble=why)
            )
            open_now = {one.id: one for one in await work.invoices.open_of(mandate.subscriber_id)}
            invoice = open_now.get(kept.invoice_id)
            details = {"why": why[:200]}
            await work.changes.record(SCHEDULE, now, "mandate.failed", "gateway_attempt", ref, details)
            if invoice is None:
                return
            context = {
                "number": invoice.number,
                "outstanding_minor": invoice.outstanding_minor,
                "due_on": invoice.due_on.isoformat() if invoice.due_on else None,
                "account": mandate.label,
            }
            await work.outbox.add(
                Message(
                    MessageKind.CHARGE_FAILED,
                    mandate.subscriber_id,
                    context,
                    f"charge:{ref}",
                    while_open=invoice.id,
                ),
                now,
            )

    async def _trouble(self, ref: str, why: str) -> None:
        async with self._store.write() as work:
            kept = await work.mandates.charge(ref)
            if kept is not None and kept.state is ChargeState.BEGUN:
                await work.mandates.save_charge(replace(kept, trouble=why, next_at=self._now() + _AGAIN))


async def _locked(work: Work, charge: MandateCharge) -> Mandate:
    """Return the mandate of a charge, its subscriber locked."""
    known = await work.mandates.find(charge.mandate_id)
    assert known is not None, "a mandate stays"  # noqa: S101
    await work.invoices.lock_subscribers([known.subscriber_id])
    found = await work.mandates.find(charge.mandate_id)
    assert found is not None, "a mandate stays"  # noqa: S101
    return found
