"""The outbox as the sender sees it: by whom each message goes, and what came of it."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final
from uuid import UUID

from sqlalchemy import ColumnElement, case, func, or_, select, update
from sqlalchemy.ext.asyncio import AsyncConnection

from netbilld.adapters.database.outbox_rows import WAITING, StoredMessage, idle, message_of, stored, untrue, unwanted
from netbilld.adapters.database.tables import chats, messenger_states, outbox, staff
from netbilld.adapters.database.upsert import insert_into
from netbilld.model.delivery import Reached, Told, moved_on
from netbilld.ports.outbox import CODES, MessageState

_DAY: Final = timedelta(days=1)
_KEYS: Final = 500


class OutboxSending:
    """Queries of one transaction."""

    def __init__(self, connection: AsyncConnection) -> None:
        self._connection = connection

    async def tidy(self, now: datetime, interrupted_before: datetime, repeated_before: datetime) -> Mapping[str, int]:
        """Settle what needs no sending: untrue by now, too late, or interrupted; return how many by new state.

        Args:
            now: the moment.
            interrupted_before: what was being sent before then has no sender any more. Whether it left is not known.
            repeated_before: likewise for one-time codes, which go again: without them somebody stands at a door.
        """
        waiting = outbox.c.state.in_(WAITING) & (outbox.c.next_at <= now)
        sending = outbox.c.state == MessageState.SENDING.value
        is_code = outbox.c.kind.in_([kind.value for kind in CODES])
        settled: dict[str, int] = {}
        for state, said, condition in (
            (MessageState.WITHDRAWN, None, waiting & untrue()),
            (MessageState.WITHDRAWN, "not wanted", waiting & unwanted()),
            (MessageState.DEAD, None, outbox.c.state.in_(WAITING) & (outbox.c.expires_at <= now)),
            (MessageState.QUEUED, "interrupted while it was being sent", sending & is_code
                & (outbox.c.claimed_at < repeated_before)),
            (
                MessageState.MAYBE_SENT,
                "interrupted while it was being sent; `netbilld outbox retry` sends it again",
                sending & (outbox.c.claimed_at < interrupted_before),
            ),
        ):  # fmt: skip
            is_over = state is not MessageState.QUEUED
            values: dict[str, Any] = {"state": state.value, "ended_at": now if is_over else None}
            if said is not None:
                values["said"] = said
            elif state is MessageState.DEAD:
                values["said"] = func.coalesce(outbox.c.said, "too late: nobody could be told in time")
            done = await self._connection.execute(update(outbox).where(condition).values(values))
            settled[state.value] = settled.get(state.value, 0) + int(done.rowcount)
        return settled

    async def unrouted(self, now: datetime, most: int) -> list[StoredMessage]:
        """Return what is due and has nobody to deliver it yet, the most urgent and oldest first."""
        query = (
            stored()
            .where(
                outbox.c.driver.is_(None),
                outbox.c.state.in_(WAITING),
                outbox.c.next_at <= now,
                outbox.c.expires_at > now,
                ~idle(),
            )
            .order_by(outbox.c.priority, outbox.c.next_at, outbox.c.id)
            .limit(most)
        )
        return [message_of(row) for row in await self._connection.execute(query)]

    async def give(self, driver: str | None, message_ids: Sequence[int]) -> None:
        """Leave messages that wait to a driver, or to none."""
        for start in range(0, len(message_ids), _KEYS):
            some = message_ids[start : start + _KEYS]
            await self._connection.execute(
                update(outbox).where(outbox.c.id.in_(some), outbox.c.state.in_(WAITING)).values(driver=driver)
            )

    async def take_from(self, driver: str, now: datetime) -> int:
        """Let what waits for a driver look for another one now, as far as it may; return how many."""
        statement = (
            update(outbox)
            .where(outbox.c.driver == driver, outbox.c.state.in_(WAITING), outbox.c.addressee.is_(None))
            .values(driver=None, next_at=now)
        )
        return int((await self._connection.execute(statement)).rowcount)

    async def due(self, now: datetime, most: int, driver: str | None = None) -> list[StoredMessage]:
        """Return what a driver is to send, or all are, the most urgent and oldest first."""
        query = (
            stored()
            .where(outbox.c.state.in_(WAITING), outbox.c.next_at <= now, outbox.c.expires_at > now, ~idle())
            .order_by(outbox.c.priority, outbox.c.next_at, outbox.c.id)
            .limit(most)
        )
        if driver is not None:
            query = query.where(outbox.c.driver == driver)
        return [message_of(row) for row in await self._connection.execute(query)]

    async def to_recipient(self, recipient: str, now: datetime) -> tuple[int, datetime | None]:
        """Return how many messages somebody was sent within a day, and when the last one was."""
        query = select(func.count(), func.max(outbox.c.claimed_at)).where(
            outbox.c.recipient == recipient, outbox.c.claimed_at > now - _DAY
        )
        count, last_at = (await self._connection.execute(query)).one()
        return int(count), last_at

    async def heard_at(self, driver: str, address: str) -> datetime | None:
        """Return when somebody wrote to us last; None where they never did."""
        query = select(chats.c.heard_at).where(
            chats.c.driver == driver, chats.c.address.in_((address, address.lstrip("+")))
        )
        found: datetime | None = await self._connection.scalar(query.order_by(chats.c.heard_at.desc()).limit(1))
        return found

    async def claim(self, message_id: int, channel: str, recipient: str, provider_id: str, now: datetime) -> bool:
        """Take a message to send it; return False where another has, or where it is no longer true."""
        statement = (
            update(outbox)
            .where(outbox.c.id == message_id, outbox.c.state.in_(WAITING), ~idle())
            .values(
                state=MessageState.SENDING.value,
                channel=channel,
                recipient=recipient,
                provider_id=provider_id,
                claimed_at=now,
                attempts=outbox.c.attempts + 1,
            )
        )
        return int((await self._connection.execute(statement)).rowcount) == 1

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
    ) -> None:
        """Put on record what came of sending it; `next_at` where it is tried again."""
        over = None if state in {MessageState.QUEUED, MessageState.FAILED} else now
        values: dict[str, Any] = {"state": state.value, "said": said[:300], "ended_at": over}
        if next_at is not None:
            values["next_at"] = next_at
        if provider_id:
            values["provider_id"] = provider_id[:200]
        if cost_minor:
            values["cost_minor"] = outbox.c.cost_minor + cost_minor
        changes = update(outbox).where(outbox.c.id == message_id)
        if state is MessageState.SENT:
            further = outbox.c.reached > Reached.ACCEPTED.value  # what the messenger told may have been faster
            values["reached"] = case((further, outbox.c.reached), else_=Reached.ACCEPTED.value)
            values["reached_at"] = case((further, outbox.c.reached_at), else_=now)
        else:
            changes = changes.where(outbox.c.state.in_((*WAITING, MessageState.SENDING.value)))
        await self._connection.execute(changes.values(values))

    async def pass_on(
        self, message_id: int, passed: Sequence[str], driver: str | None, said: str, now: datetime
    ) -> None:
        """Let a message go another way than those that can't deliver it; `driver` is the next one."""
        values = {
            "state": MessageState.QUEUED.value,
            "passed": ",".join(passed)[:200],
            "driver": driver,
            "said": said[:300],
            "next_at": now,
            "ended_at": None,
            "reached": Reached.NOWHERE.value,
        }
        await self._connection.execute(update(outbox).where(outbox.c.id == message_id).values(values))

    async def put_off(self, message_id: int, next_at: datetime) -> None:
        """Let it wait: it is quiet now, or too soon for whom it goes to."""
        await self.put_off_all([message_id], next_at)

    async def put_off_all(self, message_ids: Sequence[int], next_at: datetime) -> None:
        """Let some wait."""
        for start in range(0, len(message_ids), _KEYS):
            some = message_ids[start : start + _KEYS]
            await self._connection.execute(
                update(outbox).where(outbox.c.id.in_(some), outbox.c.state.in_(WAITING)).values(next_at=next_at)
            )

    # -- what messengers tell later ------------------------------------------------------------------------------------

    async def sent_as(self, driver: str, provider_id: str, message_id: int | None) -> StoredMessage | None:
        """Return the message that a driver calls so, or that has this number of ours."""
        named: ColumnElement[bool] = (outbox.c.driver == driver) & (outbox.c.provider_id == provider_id)
        if message_id is not None:
            named = or_(named, (outbox.c.driver == driver) & (outbox.c.id == message_id))
        row = (await self._connection.execute(stored().where(named).order_by(outbox.c.id).limit(1))).one_or_none()
        return None if row is None else message_of(row)

    async def move_on(self, message: StoredMessage, news: Told, said: str, now: datetime) -> Told:
        """Put on record how far a message has come, if that is further than before; return where it stands."""
        before = Told(message.reached, failed=message.state is MessageState.DEAD)
        after = moved_on(before, news)
        values: dict[str, Any] = {}
        if after.reached > before.reached:
            values |= {"reached": after.reached.value, "reached_at": now}
        if not after.failed and message.state in {MessageState.SENDING, MessageState.MAYBE_SENT, MessageState.DEAD}:
            values |= {"state": MessageState.SENT.value, "ended_at": now, "said": said or "delivered"}
        if after.failed and not before.failed:
            values |= {"state": MessageState.DEAD.value, "ended_at": now, "said": said[:300] or "not delivered"}
        if values:
            await self._connection.execute(update(outbox).where(outbox.c.id == message.id).values(values))
        return after

    # -- drivers -------------------------------------------------------------------------------------------------------

    async def driver_states(self) -> Mapping[str, tuple[str, str, datetime, str]]:
        """Return state, words, since when and by whom, for each driver that was ever anything but well."""
        rows = await self._connection.execute(select(messenger_states))
        return {row.driver: (row.state, row.said, row.since_at, row.actor) for row in rows}

    async def put_driver_state(self, driver: str, state: str, said: str, actor: str, now: datetime) -> None:
        """Put on record how a driver is."""
        values = {"state": state, "said": said[:300], "since_at": now, "actor": actor}
        statement = insert_into(self._connection, messenger_states).values(driver=driver, **values)
        await self._connection.execute(statement.on_conflict_do_update(index_elements=["driver"], set_=values))

    async def staff_in(self, roles: Sequence[str]) -> list[UUID]:
        """Return who of the staff has one of these roles."""
        query = select(staff.c.id).where(staff.c.active, staff.c.role.in_(roles)).order_by(staff.c.id)
        return list((await self._connection.scalars(query)).all())
