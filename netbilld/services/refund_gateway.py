"""Staff give money back through a gateway: on record first, under a key by which the gateway does it once."""

from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID

from netbilld.billing.gateway import GatewayState, Notice
from netbilld.billing.payment import reason_text
from netbilld.model.actor import Actor
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.ports import gateway_records
from netbilld.ports.gateway_records import Attempt, Refund, Transaction
from netbilld.ports.gateways import Gateway, GatewayRefusedError, RefundState
from netbilld.services import book_notice
from netbilld.services.book_notice import BookNotice, NotBookedError
from netbilld.services.paying import Doing

ASKED, DONE, REFUSED = "asked", "done", "refused"


class Attempts(gateway_records.Attempts, Protocol):
    async def ask_refund(self, refund: Refund) -> None: ...
    async def refund(self, refund_id: UUID) -> Refund | None: ...
    async def refunds(self, ref: str) -> list[Refund]: ...
    async def end_refund(self, refund: Refund) -> None: ...


class Work(book_notice.Work, Protocol):
    @property
    def gateways(self) -> Attempts: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


@dataclass(frozen=True, slots=True)
class Refundable:
    """What of an attempt can be given back."""

    attempt: Attempt
    transaction: Transaction
    left_minor: int


_NO_CALL: Final = "no_refunds"
_REMEMBERED: Final = timedelta(days=6)  # gateways know a key for about a week: then it would be another refund


class RefundGateway:
    """Gives money back through gateways, or writes down that it was done in their dashboard."""

    def __init__(self, store: Store, gateways: Sequence[Gateway], book: BookNotice) -> None:
        self._store, self._book = store, book
        self._gateways = {one.name: one for one in gateways}

    async def run(
        self,
        ref: str,
        amount_minor: int | None,
        *,
        key: UUID,
        because: str,
        by_hand: bool,
        actor: Actor,
        now: datetime,
    ) -> Refund:
        """Give back, and book it.

        Args:
            ref: of the attempt.
            amount_minor: how much; None is all that is left.
            key: the same one again gives nothing more back, also after a kill.
            because: why, in words.
            by_hand: it was given back in the gateway's dashboard, or by a transfer from the gateway's balance.
            actor: who.
            now: when.

        Raises:
            NotFoundError: there is no such payment.
            RefusedError: it is not paid, less is left of it, or the gateway can't.
            GatewayAwayError: nobody knows whether it was done; the same key again finds out.
            GatewayRefusedError: it was not.
        """
        because = reason_text(because)
        refund, attempt = await self._on_record(ref, amount_minor, key, because, actor, now)
        return await self._carry_out(refund, attempt, actor, now, by_hand=by_hand)

    async def take_up(self, ref: str, *, by_hand: bool, actor: Actor, now: datetime) -> Refund:
        """Ask once more for the refund of a payment of which nobody knows whether it was done, and book it.

        Args:
            ref: of the attempt.
            by_hand: somebody has seen in the gateway's dashboard that it was done: only write it down.
            actor: who.
            now: when.

        Raises:
            NotFoundError: there is no such payment.
            RefusedError: none waits, or it waits for so long that the gateway has forgotten our key.
            GatewayAwayError: nobody knows yet.
            GatewayRefusedError: it was not done.
        """
        async with self._store.read() as work:
            refund, attempt = await _waiting(work, ref)
        return await self._carry_out(refund, attempt, actor, now, by_hand=by_hand)

    async def give_up(self, ref: str, *, actor: Actor, now: datetime) -> Refund:
        """Write down that the refund that waits was not done, as somebody has seen in the gateway's dashboard.

        Raises:
            NotFoundError: there is no such payment.
            RefusedError: none waits.
        """
        async with self._store.write() as work:
            attempt = await work.gateways.find(ref)
            if attempt is not None:
                await _lock(work, attempt)
            refund, _ = await _waiting(work, ref)
            ended = replace(refund, state=REFUSED, detail=f"not done, says {actor.name}"[:300], ended_at=now)
            await work.gateways.end_refund(ended)
            details = {"refund": str(refund.id), "amount": refund.amount_minor}
            await work.changes.record(actor, now, "gateway.refund_given_up", "gateway_attempt", ref, details)
        return ended

    async def _carry_out(
        self, refund: Refund, attempt: Attempt, actor: Actor, now: datetime, *, by_hand: bool
    ) -> Refund:
        if refund.state != ASKED:
            return refund
        if not by_hand and now - refund.asked_at > _REMEMBERED:
            raise RefusedError(
                "this refund waits for so long that asking again could give it back twice",
                hint="look in the gateway's dashboard, and write down whether it was done",
                code="refund_old",
            )
        if not by_hand:
            gateway = self._gateways.get(attempt.gateway)
            if gateway is None or not gateway.refunds:
                refused = RefusedError(
                    f"{attempt.gateway} gives nothing back by a call",
                    hint="give it back in its dashboard, then write it down here as done by hand",
                    code=_NO_CALL,
                )
                await self._end(replace(refund, state=REFUSED, detail=str(refused), ended_at=now))
                raise refused
            try:
                state = await gateway.refund(
                    refund.ref, attempt.gateway_ref, refund.amount_minor, str(refund.id), refund.reason
                )
            except GatewayRefusedError as error:
                await self._end(replace(refund, state=REFUSED, detail=str(error), ended_at=now))
                raise
            if state is RefundState.PENDING:
                refund = replace(refund, detail="the gateway has taken it on and not done it yet")
        return await self._done(refund, attempt, actor, now)

    async def _on_record(
        self, ref: str, amount_minor: int | None, key: UUID, because: str, actor: Actor, now: datetime
    ) -> tuple[Refund, Attempt]:
        async with self._store.write() as work:
            attempt = await work.gateways.find(ref)
            if attempt is None:
                raise NotFoundError(f"no payment {ref!r} by a gateway")
            await _lock(work, attempt)
            earlier = await work.gateways.refund(key)
            if earlier is not None:
                if earlier.ref != ref:
                    raise RefusedError("that form was another payment's", code="stale_form")
                return earlier, attempt
            found = [one for one in await work.gateways.transactions(ref) if one.books.kept_minor]
            if not found:
                raise RefusedError("nothing is left of this payment to be given back", code="nothing_left")
            if any(one.state == ASKED for one in await work.gateways.refunds(ref)):
                raise RefusedError(
                    "a refund of this payment waits still; end that one first",
                    hint="`netbilld gateway refund-end` asks once more, or writes down what the dashboard says",
                    code="refund_waits",
                )
            left_minor = found[0].books.kept_minor
            wanted_minor = left_minor if amount_minor is None else amount_minor
            if not 0 < wanted_minor <= left_minor:
                raise RefusedError(f"{left_minor} is left of this payment to be given back", code="nothing_left")
            await self._book.check_refund(work, attempt, wanted_minor)
            total_minor = found[0].books.refunded_minor + wanted_minor
            refund = Refund(key, ref, found[0].name, wanted_minor, total_minor, because, ASKED, "", actor.name, now)
            await work.gateways.ask_refund(refund)
            return refund, attempt

    async def _done(self, refund: Refund, attempt: Attempt, actor: Actor, now: datetime) -> Refund:
        done = replace(refund, state=DONE, ended_at=now)
        doing = self._book.doing(Doing(actor, now, now.date()))
        try:
            async with self._store.write() as work:
                await _lock(work, attempt)
                before = await work.gateways.transaction(refund.ref, refund.transaction)
                kept = await work.gateways.refund(refund.id)
                assert before is not None, "money was received by it"  # noqa: S101
                assert kept is not None, "it is on record"  # noqa: S101
                if kept.state != ASKED:
                    return kept
                whole = refund.total_minor >= before.books.credited_minor
                notice = Notice(
                    ref=refund.ref,
                    transaction=refund.transaction,
                    state=GatewayState.REFUNDED if whole else GatewayState.PARTLY_REFUNDED,
                    amount_minor=attempt.amount_minor,
                    currency=attempt.currency,
                    raw_status=f"refund: {refund.reason}"[:60],
                    refunded_minor=refund.total_minor,
                )
                await self._book.run(work, notice, attempt.gateway, doing, by_callback=False)
                await work.gateways.end_refund(done)
        except NotBookedError as refused:
            raise RefusedError(
                f"the gateway has given it back, and it could not be booked: {refused.detail}", code=refused.verdict
            ) from refused
        return done

    async def _end(self, refund: Refund) -> None:
        async with self._store.write() as work:
            await work.gateways.end_refund(refund)


async def _lock(work: Work, attempt: Attempt) -> None:
    """Let refunds of a payment come one after the other: by its subscriber or, where it is nobody's, by itself."""
    if attempt.subscriber_id is not None:
        await work.invoices.lock_subscribers([attempt.subscriber_id])
    else:
        await work.gateways.find(attempt.ref, lock=True)


async def _waiting(work: Work, ref: str) -> tuple[Refund, Attempt]:
    attempt = await work.gateways.find(ref)
    if attempt is None:
        raise NotFoundError(f"no payment {ref!r} by a gateway")
    waiting = [one for one in await work.gateways.refunds(ref) if one.state == ASKED]
    if not waiting:
        raise RefusedError("no refund of this payment waits", code="nothing_waits")
    return waiting[0], attempt
