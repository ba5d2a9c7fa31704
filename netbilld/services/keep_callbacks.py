"""A callback of a gateway: its proof looked at, kept as it came, and answered only once it is durable.

Many that come at the same moment are kept by one transaction: a burst costs a few commits, not hundreds.
"""

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from datetime import datetime, timedelta
from typing import Any, Final, Protocol

from netbilld.billing.gateway import GatewayState, Notice
from netbilld.model.errors import StoreUnavailableError
from netbilld.ports.gateway_records import Inbox, NewCallback
from netbilld.ports.gateways import Answer, BadSignatureError, Gateway, MalformedCallbackError, Verdict

PLACE: Final = "gateway_inbox.body"
_AT_ONCE: Final = 200
_REFUSED_A_MINUTE: Final = 60  # kept of those whose proof is wrong; more are counted alone
_LONGEST_REFUSED: Final = 2_000


class Work(Protocol):
    @property
    def gateway_inbox(self) -> Inbox: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Box(Protocol):
    def seal(self, clear: bytes, place: str) -> bytes: ...


class KeepCallbacks:
    """Keeps what gateways send."""

    def __init__(
        self, store: Store, box: Box, gateways: Sequence[Gateway], now: Callable[[], datetime], kept: Callable[[], None]
    ) -> None:
        """Keep callbacks of these gateways.

        Args:
            store: where.
            box: seals what came: it may hold names and numbers of people.
            gateways: whose.
            now: the clock.
            kept: called when there is something to follow.
        """
        self._store, self._box, self._now, self._kept = store, box, now, kept
        self._gateways = {one.name: one for one in gateways}
        self._waiting: list[tuple[NewCallback, asyncio.Future[None]]] = []
        self._writing = asyncio.Lock()
        self._refused_at: deque[datetime] = deque(maxlen=_REFUSED_A_MINUTE)
        self.counts: Counter[tuple[str, str]] = Counter()

    def knows(self, name: str) -> bool:
        """Tell whether there is a gateway of that name."""
        return name in self._gateways

    async def run(self, name: str, headers: Mapping[str, str], body: bytes, source: str) -> Answer:
        """Return what to answer a callback; what is answered well is on record.

        Args:
            name: of the gateway.
            headers: with names in lower case.
            body: as it came.
            source: the address it came from.
        """
        gateway = self._gateways[name]
        verdict, callback = self._read(gateway, headers, body, source)
        self.counts[name, verdict.value] += 1
        if callback is not None:
            try:
                await self._keep(callback)
            except StoreUnavailableError:
                self.counts[name, Verdict.TRY_LATER.value] += 1
                return gateway.answer(Verdict.TRY_LATER)
            if callback.state == "new":
                self._kept()
        return gateway.answer(verdict)

    def _read(
        self, gateway: Gateway, headers: Mapping[str, str], body: bytes, source: str
    ) -> tuple[Verdict, NewCallback | None]:
        now, notice, verdict, detail = self._now(), None, Verdict.TAKEN, ""
        try:
            notice = gateway.parse_callback(headers, body)
            if notice is None:
                verdict = Verdict.UNKNOWN_EVENT
        except BadSignatureError as error:
            verdict, detail = Verdict.BAD_SIGNATURE, str(error)
        except MalformedCallbackError as error:
            verdict, detail = Verdict.MALFORMED, str(error)
        if notice is None:
            self._refused_at.append(now)
            if len(self._refused_at) == _REFUSED_A_MINUTE and now - self._refused_at[0] < timedelta(minutes=1):
                return verdict, None
            body = body[:_LONGEST_REFUSED]
        return verdict, NewCallback(
            gateway=gateway.name,
            received_at=now,
            source=source[:100],
            body_sealed=self._box.seal(body, PLACE),
            notice=None if notice is None else notice_json(notice),
            ref=None if notice is None else notice.ref,
            state="refused" if notice is None else "new",
            verdict="" if notice is not None else verdict.value,
            detail=detail[:300],
        )

    async def _keep(self, callback: NewCallback) -> None:
        written: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        self._waiting.append((callback, written))
        async with self._writing:  # who has it writes for all that came meanwhile
            while not written.done():
                await self._write_some()
        await written

    async def _write_some(self) -> None:
        some, self._waiting = self._waiting[:_AT_ONCE], self._waiting[_AT_ONCE:]
        failed: Exception = StoreUnavailableError("the request was broken off")
        try:
            async with self._store.write() as work:
                await work.gateway_inbox.keep([callback for callback, _ in some])
        except Exception as error:
            failed = error
            raise
        else:
            for _, written in some:
                written.set_result(None)
        finally:
            for _, written in some:
                if not written.done():
                    written.set_exception(failed)
                    written.exception()  # looked at: who has gone away meanwhile asks no more


def notice_json(notice: Notice) -> dict[str, Any]:
    """Return a notice as plain JSON."""
    return {
        **asdict(notice),
        "state": notice.state.value,
        "paid_at": None if notice.paid_at is None else notice.paid_at.isoformat(),
    }


def notice_of(kept: Mapping[str, Any]) -> Notice:
    """Return the notice that was kept as JSON."""
    paid_at = kept.get("paid_at")
    return Notice(
        **{
            **kept,
            "state": GatewayState(kept["state"]),
            "paid_at": None if paid_at is None else datetime.fromisoformat(paid_at),
        }
    )
