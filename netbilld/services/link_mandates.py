"""A subscriber lets us charge an account of theirs at a gateway, and ends that again.

The gateway's name of the account is kept sealed. What its owner has allowed is asked for and never taken from a
browser that comes back. Once a mandate is ended here nothing is charged, also while the gateway can't be told.
"""

from collections.abc import Callable, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Final, Protocol
from uuid import UUID, uuid4

from netbilld.model.actor import Actor
from netbilld.model.contact import parse_phone
from netbilld.model.errors import NetbilldError, NotFoundError, RefusedError, StoreUnavailableError
from netbilld.model.subscriber import Subscriber
from netbilld.ports.changes import Changes
from netbilld.ports.gateways import GatewayAwayError, GatewayRefusedError
from netbilld.ports.mandates import LinkState, Mandate, MandateGateway, Mandates, MandateState
from netbilld.services.start_payment import CURRENCY

ALLOW_WITHIN: Final = timedelta(minutes=30)
_FIRST_LOOK: Final = timedelta(seconds=10)
_LATER_LOOK: Final = timedelta(seconds=30)
_BEING_MADE: Final = timedelta(seconds=20)  # longer than a gateway is waited for
_LONGEST_PAUSE: Final = timedelta(hours=1)
_AN_HOUR: Final = timedelta(hours=1)
_MOST_AN_HOUR: Final = 5
_BATCH: Final = 32


class Subscribers(Protocol):
    async def by_id(self, subscriber_id: UUID) -> Subscriber | None: ...


class Invoices(Protocol):
    async def lock_subscribers(self, subscriber_ids: Sequence[UUID]) -> None: ...


class Work(Protocol):
    @property
    def subscribers(self) -> Subscribers: ...
    @property
    def invoices(self) -> Invoices: ...
    @property
    def mandates(self) -> Mandates: ...
    @property
    def changes(self) -> Changes: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Box(Protocol):
    def seal(self, clear: bytes, place: str) -> bytes: ...
    def open(self, sealed: bytes, place: str) -> bytes: ...


def token_of(box: Box, mandate: Mandate) -> str:
    """Return the gateway's name of an account.

    Raises:
        NetbilldError: it was sealed with another key, or for another mandate.
    """
    assert mandate.token_sealed is not None, "it was made there"  # noqa: S101
    return box.open(mandate.token_sealed, _place(mandate.id)).decode()


class LinkMandates:
    """Links and ends; `look` follows what gateways have yet to say or to hear."""

    def __init__(self, store: Store, box: Box, gateways: Sequence[MandateGateway], now: Callable[[], datetime]) -> None:
        self._store, self._box, self._now = store, box, now
        self._gateways = {one.name: one for one in gateways}

    @property
    def kinds(self) -> list[str]:
        """Return what accounts can be linked."""
        return [one.kind for one in self._gateways.values()]

    async def begin(self, subscriber_id: UUID, phone: str, *, return_url: str, actor: Actor, now: datetime) -> Mandate:
        """Return a mandate that its owner can allow at its `link_url`; the one that waits already, for two clicks.

        Raises:
            InvalidInputError: that is no telephone number.
            RefusedError: nothing can be linked, there is one already, or too many were asked for.
            GatewayAwayError: the gateway can't be reached.
            GatewayRefusedError: it knows no such account.
        """
        gateway = next(iter(self._gateways.values()), None)
        if gateway is None:
            raise RefusedError("no gateway keeps accounts", code="no_such_method")
        phone = parse_phone(phone)
        mandate = Mandate(
            uuid4(), gateway.name, gateway.kind, subscriber_id, _masked(phone), MandateState.ASKED, now,
            next_look_at=now + ALLOW_WITHIN,
        )  # fmt: skip
        async with self._store.write() as work:
            await work.invoices.lock_subscribers([subscriber_id])  # two clicks come one after the other
            subscriber = await work.subscribers.by_id(subscriber_id)
            if subscriber is None or subscriber.currency != CURRENCY:
                raise RefusedError("nothing can be linked for this subscriber", code="no_such_method")
            earlier = await work.mandates.open_of(subscriber_id)
            if earlier is not None:
                if earlier.state is not MandateState.ASKED:
                    raise RefusedError("an account is linked already; end that first", code="linked_already")
                if earlier.label == mandate.label and (earlier.link_url or now - earlier.asked_at < _BEING_MADE):
                    return earlier
                await work.mandates.save(_ended(earlier, now, actor.name, "expired"))
            if await work.mandates.asked_since(subscriber_id, now - _AN_HOUR) >= _MOST_AN_HOUR:
                raise RefusedError("too many were asked for; wait an hour", code="too_many")
            await work.mandates.add(mandate)
            details = {"gateway": gateway.name, "kind": gateway.kind, "account": mandate.label}
            await work.changes.record(actor, now, "mandate.ask", "mandate", mandate.id, details)
        try:
            linking = await gateway.link(phone, return_url)
        except (GatewayAwayError, GatewayRefusedError) as error:
            await self._end(mandate.id, "gateway", "refused", str(error))
            raise
        made = replace(
            mandate,
            token_sealed=self._box.seal(linking.token.encode(), _place(mandate.id)),
            link_url=linking.url,
            next_look_at=now + _FIRST_LOOK,
        )
        async with self._store.write() as work:
            await work.invoices.lock_subscribers([subscriber_id])
            kept = await work.mandates.find(mandate.id)
            if kept is None or kept.state is not MandateState.ASKED:
                raise RefusedError("it was ended meanwhile", code="stale_form")
            await work.mandates.save(made)
        return made

    async def end(self, subscriber_id: UUID, reason: str, *, actor: Actor, now: datetime) -> Mandate:
        """End the mandate of a subscriber: from now on nothing is charged; the gateway is told as soon as it hears.

        Args:
            subscriber_id: whose.
            reason: subscriber or staff.
            actor: who.
            now: when.

        Raises:
            NotFoundError: there is none.
        """
        async with self._store.write() as work:
            await work.invoices.lock_subscribers([subscriber_id])
            mandate = await work.mandates.open_of(subscriber_id)
            if mandate is None:
                raise NotFoundError("nothing is linked")
            ended = _ended(mandate, now, actor.name, reason)
            await work.mandates.save(ended)
            details = {"gateway": mandate.gateway, "kind": mandate.kind, "account": mandate.label, "because": reason}
            await work.changes.record(actor, now, "mandate.end", "mandate", mandate.id, details)
        return ended

    async def shown(self, subscriber_id: UUID) -> Mandate | None:
        """Return the mandate of a subscriber that is asked for or may be charged."""
        async with self._store.read() as work:
            return await work.mandates.open_of(subscriber_id)

    async def look(self) -> int:
        """Ask about mandates that wait to be allowed, tell of those that are over; return how many there were."""
        async with self._store.read() as work:
            due = await work.mandates.due(self._now(), _BATCH)
        for mandate in due:
            try:
                await self._look_at(mandate)
            except StoreUnavailableError:
                raise
            except NetbilldError as error:
                pause = min(_LONGEST_PAUSE, _LATER_LOOK * 2 ** min(mandate.looks, 7))
                await self._later(mandate.id, self._now() + pause, str(error))
        return len(due)

    async def over(self, mandate_id: UUID) -> None:
        """Write down that the gateway has ended a mandate, as its owner can in the app of their account."""
        await self._end(mandate_id, "gateway", "gateway", "")

    async def _look_at(self, mandate: Mandate) -> None:
        now, gateway = self._now(), self._gateways.get(mandate.gateway)
        if gateway is None or mandate.token_sealed is None:
            await self._end(
                mandate.id, "system", "expired", "this gateway is set up no more" if gateway is None else ""
            )
            return
        token = token_of(self._box, mandate)
        if mandate.state is MandateState.ENDING:
            await gateway.unlink(token)
            await self._end(mandate.id, "system", mandate.reason or "expired", "")
            return
        state = await gateway.state(token)
        if state is LinkState.ENABLED:
            await self._linked(mandate.id)
        elif state is LinkState.OVER or now - mandate.asked_at > ALLOW_WITHIN:
            await self._end(mandate.id, "system", "expired", "")
        else:
            await self._later(mandate.id, now + _LATER_LOOK, "")

    async def _linked(self, mandate_id: UUID) -> None:
        now = self._now()
        async with self._store.write() as work:
            kept = await self._locked(work, mandate_id)
            if kept.state is not MandateState.ASKED:
                return
            linked = replace(
                kept, state=MandateState.ACTIVE, linked_at=now, link_url=None, next_look_at=None, trouble=""
            )
            await work.mandates.save(linked)
            details = {"gateway": kept.gateway, "kind": kept.kind, "account": kept.label}
            await work.changes.record(Actor(f"gateway {kept.gateway}", "status"), now, "mandate.link", "mandate", kept.id, details)  # fmt: skip # noqa: E501

    async def _end(self, mandate_id: UUID, by: str, reason: str, trouble: str) -> None:
        now = self._now()
        async with self._store.write() as work:
            kept = await self._locked(work, mandate_id)
            if kept.state is MandateState.ENDED:
                return
            ended = replace(
                kept,
                state=MandateState.ENDED,
                ended_at=kept.ended_at or now,
                ended_by=kept.ended_by or by,
                reason=kept.reason or reason,
                token_sealed=None,
                link_url=None,
                next_look_at=None,
                trouble=trouble,
            )
            await work.mandates.save(ended)
            if kept.state is not MandateState.ENDING:
                details = {"gateway": kept.gateway, "kind": kept.kind, "account": kept.label, "because": ended.reason}
                await work.changes.record(Actor(by, ""), now, "mandate.end", "mandate", kept.id, details)

    async def _later(self, mandate_id: UUID, at: datetime, trouble: str) -> None:
        async with self._store.write() as work:
            kept = await self._locked(work, mandate_id)
            if kept.state in {MandateState.ASKED, MandateState.ENDING}:
                await work.mandates.save(replace(kept, looks=kept.looks + 1, next_look_at=at, trouble=trouble))

    async def _locked(self, work: Work, mandate_id: UUID) -> Mandate:
        found = await work.mandates.find(mandate_id)
        assert found is not None, "a mandate stays"  # noqa: S101
        await work.invoices.lock_subscribers([found.subscriber_id])
        again = await work.mandates.find(mandate_id)
        assert again is not None, "a mandate stays"  # noqa: S101
        return again


def _ended(mandate: Mandate, now: datetime, by: str, reason: str) -> Mandate:
    """Return a mandate that is over for us; one that the gateway knows it has to be told of."""
    is_known = mandate.token_sealed is not None
    return replace(
        mandate,
        state=MandateState.ENDING if is_known else MandateState.ENDED,
        ended_at=now,
        ended_by=by,
        reason=reason,
        link_url=None,
        looks=0,
        next_look_at=now if is_known else None,
        trouble="",
    )


def _place(mandate_id: UUID) -> str:
    return f"gateway_mandates.token:{mandate_id}"


def _masked(phone: str) -> str:
    national = "0" + phone.removeprefix("+62") if phone.startswith("+62") else phone
    return f"{national[:4]}•••{national[-4:]}"
