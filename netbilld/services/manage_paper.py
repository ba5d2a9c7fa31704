"""Paper invoices: printed, handed to a courier, received or returned, with who, when and a proof."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from datetime import date, datetime
from typing import Any, Final, Protocol
from uuid import UUID

from netbilld.billing.paper import PaperState, check_step
from netbilld.model.actor import Actor
from netbilld.model.errors import InvalidInputError, NotFoundError, RefusedError
from netbilld.model.periods import local_date
from netbilld.ports.changes import Changes

_LONGEST: Final = {"courier": 100, "tracking_number": 100, "receiver": 200}


class Invoices(Protocol):
    async def by_number(self, number: str) -> Any: ...


class Paper(Protocol):
    async def of(self, invoice_id: UUID, *, lock: bool = False) -> Any: ...

    async def move(
        self, invoice_id: UUID, state: PaperState, fields: Mapping[str, Any], actor: str, now: datetime
    ) -> None: ...


class Terms(Protocol):
    async def service_ids(self, scope: str, name: str) -> list[UUID]: ...


class Work(Protocol):
    @property
    def invoices(self) -> Invoices: ...

    @property
    def paper(self) -> Paper: ...

    @property
    def dunning_terms(self) -> Terms: ...

    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class KeepsProofs(Protocol):
    def keep(self, content: bytes) -> str: ...

    def read(self, name: str) -> bytes: ...


class ManagePaper:
    """The use cases; each is one transaction with its line in the audit trail.

    Where a subscriber's days to pay run from the receipt, their standing is looked at again at once.
    """

    def __init__(self, store: Store, proofs: KeepsProofs, timezone: str) -> None:
        self._store, self._proofs, self._timezone = store, proofs, timezone

    async def printed(self, number: str, actor: Actor, now: datetime) -> None:
        """Write down that an invoice was printed; one that came back is printed again.

        Raises:
            NotFoundError: there is no such invoice.
            RefusedError: it is on its way or has arrived.
        """
        fields = {"printed_on": local_date(now, self._timezone), "courier": None, "tracking_number": None}
        nothing = dict.fromkeys(("handed_on", "received_on", "returned_on", "receiver", "proof"))
        await self._move(number, PaperState.PRINTED, {**fields, **nothing}, actor, now)

    async def handed_over(
        self, number: str, courier: str, tracking_number: str | None, actor: Actor, now: datetime
    ) -> None:
        """Write down who carries it.

        Raises:
            NotFoundError: there is no such invoice.
            RefusedError: it is not printed, or is on its way already.
            InvalidInputError: no courier is named, or a field is too long.
        """
        fields = {
            "courier": _text("courier", courier),
            "tracking_number": _text("tracking_number", tracking_number) if tracking_number else None,
            "handed_on": local_date(now, self._timezone),
        }
        await self._move(number, PaperState.WITH_COURIER, fields, actor, now)

    async def received(
        self, number: str, receiver: str, on: date | None, proof: bytes | None, actor: Actor, now: datetime
    ) -> None:
        """Write down who took it, and when.

        Args:
            number: the invoice's.
            receiver: who took it.
            on: the local day; None is today.
            proof: a photo or scan; looked at by its content.
            actor: who says so.
            now: the moment.

        Raises:
            NotFoundError: there is no such invoice.
            RefusedError: no courier has it.
            InvalidInputError: the day can't be, nobody is named, or the proof is no picture.
        """
        fields = {"receiver": _text("receiver", receiver), "received_on": self._day(on, now)}
        await self._move(number, PaperState.RECEIVED, fields, actor, now, proof)

    async def returned(self, number: str, on: date | None, proof: bytes | None, actor: Actor, now: datetime) -> None:
        """Write down that it came back.

        Raises:
            NotFoundError: there is no such invoice.
            RefusedError: no courier has it.
            InvalidInputError: the day can't be, or the proof is no picture.
        """
        await self._move(number, PaperState.RETURNED, {"returned_on": self._day(on, now)}, actor, now, proof)

    def _day(self, on: date | None, now: datetime) -> date:
        today = local_date(now, self._timezone)
        if on is not None and on > today:
            raise InvalidInputError(f"{on} is to come", hint=f"today is {today}", code="bad_date")
        return on or today

    async def _move(
        self,
        number: str,
        state: PaperState,
        fields: dict[str, Any],
        actor: Actor,
        now: datetime,
        proof: bytes | None = None,
    ) -> None:
        async with self._store.write() as work:
            found = await work.invoices.by_number(number)
            if found is None:
                raise NotFoundError(f"no invoice {number}", hint="`netbilld invoice list` shows them")
            invoice = found.invoice
            before = await work.paper.of(invoice.id, lock=True)
            check_step(invoice.number, before.state if before is not None else None, state)
            handed_on = before.handed_on if before is not None else None
            ended_on = fields.get("received_on") or fields.get("returned_on")
            if ended_on is not None and handed_on is not None and ended_on < handed_on:
                raise RefusedError(f"{ended_on} is before it was handed over, on {handed_on}", code="bad_date")
            if proof is not None:
                fields["proof"] = self._proofs.keep(proof)
            if before is not None:
                fields.setdefault("printed_on", before.printed_on)
            await work.paper.move(invoice.id, state, fields, actor.name, now)
            service_ids = await work.dunning_terms.service_ids("subscriber", found.payer.number)
            details = {
                "number": invoice.number,
                "service_ids": [str(service_id) for service_id in service_ids],
                **{name: str(value) for name, value in fields.items() if value is not None},
            }
            await work.changes.record(actor, now, f"paper.{state.value}", "invoice", invoice.number, details)


def _text(name: str, text: str) -> str:
    words = " ".join(text.split())
    if not words or len(words) > _LONGEST[name]:
        raise InvalidInputError(f"{name.replace('_', ' ')}: write 1 to {_LONGEST[name]} letters")
    return words
