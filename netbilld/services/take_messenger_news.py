"""HookDesk: what messengers tell is kept before it is answered, and looked at after."""

from collections.abc import Mapping
from contextlib import AbstractAsyncContextManager
from dataclasses import asdict
from datetime import datetime
from hmac import compare_digest
from typing import Any, Final, Protocol

from netbilld.ports.messenger_hooks import Hook, HookCall, HookRefusedError, Incoming, News, Progress

_NOT_FOUND: Final = 404
_FORBIDDEN: Final = 403
MOST_OF_ONE_CALL: Final = 1_000  # more fits into no body that is taken


class HookOf(Protocol):
    """Who understands a driver's webhooks, and the secret in their path."""

    @property
    def hook(self) -> Hook: ...
    @property
    def secret(self) -> str: ...


class Messengers(Protocol):
    async def add_event(self, driver: str, kind: str, key: str, body: Mapping[str, Any], now: datetime) -> bool: ...


class Work(Protocol):
    @property
    def messengers(self) -> Messengers: ...


class Store(Protocol):
    def write(self) -> AbstractAsyncContextManager[Work]: ...


class HookDesk:
    """Takes calls of messengers.

    Attributes:
        counts: calls by driver and what came of them: taken, refused, unknown.
    """

    def __init__(self, store: Store, hooks: Mapping[str, HookOf]) -> None:
        self._store, self._hooks = store, hooks
        self.counts: dict[tuple[str, str], int] = {}

    def greet(self, driver: str, secret: str, query: Mapping[str, str]) -> tuple[int, str]:
        """Return status and body for who asks whether we are there.

        A wrong secret is a page that is not there: nobody learns which drivers there are.
        """
        hook = self._of(driver, secret)
        if hook is None:
            return _NOT_FOUND, ""
        answer = hook.greet(query)
        return (_FORBIDDEN, "") if answer is None else (200, answer)

    async def take(self, driver: str, secret: str, call: HookCall) -> tuple[int, str]:
        """Keep what a call tells and return status and body of the answer.

        Raises:
            StoreUnavailableError: it could not be kept; they tell it again.
        """
        hook = self._of(driver, secret)
        if hook is None:
            return _NOT_FOUND, ""
        try:
            news = hook.read(call)
        except HookRefusedError as refused:
            self._count(driver, "refused")
            return refused.status, ""
        events = _events(news)[:MOST_OF_ONE_CALL]
        if events:
            async with self._store.write() as work:
                for kind, key, body in events:
                    await work.messengers.add_event(driver, kind, key, body, call.now)
        self._count(driver, "taken")
        return 200, hook.answer

    def _of(self, driver: str, secret: str) -> Hook | None:
        of = self._hooks.get(driver)
        expected = of.secret if of is not None else ""
        is_right = compare_digest(expected.encode(), secret.encode("utf-8", "replace"))
        if of is None or not expected or not is_right:
            self._count("?" if of is None else driver, "unknown")
            return None
        return of.hook

    def _count(self, driver: str, what: str) -> None:
        self.counts[driver, what] = self.counts.get((driver, what), 0) + 1


def _events(news: News) -> list[tuple[str, str, dict[str, Any]]]:
    events = [("incoming", one.key, incoming_body(one)) for one in news.incoming]
    events += [("progress", one.key, progress_body(one)) for one in news.progress]
    events += [("device", one.key, asdict(one)) for one in news.device]
    return events


def incoming_body(one: Incoming) -> dict[str, Any]:
    """Return what somebody wrote as it is kept."""
    return asdict(one) | {"at": one.at.isoformat(), "kind": one.kind.value, "address": one.address[:200]}


def progress_body(one: Progress) -> dict[str, Any]:
    """Return news of a message as they are kept."""
    return {
        "provider_id": one.provider_id[:200],
        "reference": one.reference[:60],
        "said": one.said[:300],
        "reached": int(one.told.reached),
        "failed": one.told.failed,
    }
