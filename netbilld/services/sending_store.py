"""What sending messages needs of others: the outbox, and words."""

from collections.abc import Mapping, Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from typing import Any, Protocol
from uuid import UUID

from netbilld.ports.messages import ApprovedTemplate
from netbilld.ports.outbox import Message, MessageKind, MessageState
from netbilld.services.route_messages import Waiting


class Outbox(Protocol):
    async def add(self, message: Message, now: datetime) -> bool: ...

    async def tidy(
        self, now: datetime, interrupted_before: datetime, repeated_before: datetime
    ) -> Mapping[str, int]: ...

    async def unrouted(self, now: datetime, most: int) -> Sequence[Waiting]: ...

    async def give(self, driver: str | None, message_ids: Sequence[int]) -> None: ...

    async def take_from(self, driver: str, now: datetime) -> int: ...

    async def due(self, now: datetime, most: int, driver: str | None = None) -> Sequence[Waiting]: ...

    async def to_recipient(self, recipient: str, now: datetime) -> tuple[int, datetime | None]: ...

    async def heard_at(self, driver: str, address: str) -> datetime | None: ...

    async def claim(self, message_id: int, channel: str, recipient: str, provider_id: str, now: datetime) -> bool: ...

    async def settle(
        self,
        message_id: int,
        state: MessageState,
        said: str,
        now: datetime,
        *,
        next_at: datetime | None = None,
        provider_id: str | None = None,
        cost_minor: int = 0,
    ) -> None: ...

    async def pass_on(
        self, message_id: int, passed: Sequence[str], driver: str | None, said: str, now: datetime
    ) -> None: ...

    async def put_off(self, message_id: int, next_at: datetime) -> None: ...

    async def put_off_all(self, message_ids: Sequence[int], next_at: datetime) -> None: ...

    async def driver_states(self) -> Mapping[str, tuple[str, str, datetime, str]]: ...

    async def put_driver_state(self, driver: str, state: str, said: str, actor: str, now: datetime) -> None: ...

    async def staff_in(self, roles: Sequence[str]) -> Sequence[UUID]: ...


class Work(Protocol):
    @property
    def outbox(self) -> Outbox: ...


class Store(Protocol):
    def read(self) -> AbstractAsyncContextManager[Work]: ...

    def write(self) -> AbstractAsyncContextManager[Work]: ...


class Renders(Protocol):
    def render(
        self, kind: MessageKind, locale: str, context: Mapping[str, Any], channel: str = ...
    ) -> tuple[str, str]: ...

    def approved(
        self, kind: MessageKind, locale: str, context: Mapping[str, Any], channel: str
    ) -> ApprovedTemplate | None: ...
