"""SendMessages: what is in the outbox goes out, each message once, at a bounded pace, and not at night.

Each driver has a lane of its own: one that is slow, or that must be slow, keeps nobody else's messages. A message that
one driver can't deliver goes by the next that its reader has; one whose fate is not known goes by nobody.
"""

import asyncio
import hashlib
from collections import defaultdict
from collections.abc import Awaitable, Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any, Final

from netbilld.model.errors import InvalidInputError
from netbilld.model.permissions import Role
from netbilld.ports.clock import Clock
from netbilld.ports.messages import Attachment, Delivery, Handed, Outgoing
from netbilld.ports.outbox import CODES, URGENT, Message, MessageKind, MessageState
from netbilld.services.message_lane import FIRST_PAUSE, LONGEST_PAUSE, OFF, OK, PAUSED, REFUSED, Lane
from netbilld.services.route_messages import NoRoute, Route, SendingPolicy, Waiting, Way, address_of, route
from netbilld.services.sending_store import Renders, Store, Work

BATCH: Final = 50
ROUTED: Final = 1_000  # at a time
INTERRUPTED: Final = timedelta(minutes=10)  # nobody takes so long over one message
REPEATED: Final = timedelta(minutes=1)
LONGEST_WAIT: Final = 86_400.0  # seconds, whatever they ask for
LONGEST_TURN: Final = 10.0  # seconds of waiting in a lane before everybody looks for what is urgent
WITH_DOCUMENT: Final = 4  # attempts; it may be the document that whoever delivers can't take just now
WINDOW: Final = timedelta(hours=23, minutes=50)  # in which somebody who wrote may be written to freely
_BACK_OFF: Final = tuple(timedelta(minutes=minutes) for minutes in (1, 5, 15, 60, 240))
_CODE_ATTEMPTS: Final = 3
_TIDY: Final = timedelta(seconds=15)  # what is not to be sent is passed over anyway
_TEMPLATE_PAUSE: Final = timedelta(minutes=15)
_AGAIN: Final = timedelta(minutes=1)
_FULL: Final = timedelta(hours=1)


Attach = Callable[[MessageKind, Mapping[str, Any], str, datetime], Awaitable[Attachment | None]]


class SendMessages:
    """Claims a message, hands it over, and puts on record what came of it: three steps, so that none goes twice.

    Where we are interrupted between the second and the third it may have left: it is called so and not sent again,
    since a reminder that comes twice is worse than one of which a person must be told.
    """

    def __init__(
        self,
        store: Store,
        ways: Sequence[Way],
        templates: Renders,
        policy: SendingPolicy,
        clock: Clock,
        sleep: Callable[[float], Awaitable[None]],
        chance: Callable[[], float] = lambda: 0.0,
        attach: Attach | None = None,
    ) -> None:
        """Take what is needed; of several drivers of a channel the first goes before the others.

        `attach` returns the document that a message is about; None has none go with any.
        """
        self._attach = attach
        self._store, self._templates = store, templates
        self._policy, self._clock, self._sleep, self._chance = policy, clock, sleep, chance
        self.lanes: Final = {way.name: Lane(way) for way in ways}
        self._ways = tuple(ways)
        self._tidied_at: datetime | None = None
        self._is_known = False  # how drivers were when the last daemon ended
        self.counts: dict[tuple[str, str], int] = {}  # (channel, delivery) since the start

    @property
    def trouble(self) -> str | None:
        """Return what keeps messages from going out, of the first driver that something does."""
        for lane in self.lanes.values():
            if lane.state in {PAUSED, REFUSED}:
                return lane.said if len(self.lanes) == 1 else f"{lane.way.name}: {lane.said}"
        return None

    async def run(self) -> int:
        """Send what is due, a part of it, and return how many were handed over or given up.

        Raises:
            StoreUnavailableError: the database is away.
        """
        now = self._clock.now()
        await self._look_at_drivers(now)
        if self._tidied_at is None or abs(now - self._tidied_at) >= _TIDY:
            async with self._store.write() as work:
                await work.outbox.tidy(now, now - INTERRUPTED, now - REPEATED)
            self._tidied_at = now
        if not self._ways:
            return 0
        done = await self._route(now)
        lanes = [lane for lane in self.lanes.values() if not lane.is_away(now)]
        results = await asyncio.gather(*(self._turn(lane) for lane in lanes), return_exceptions=True)
        for result in results:
            if isinstance(result, BaseException):
                raise result
            done += result
        return done

    # -- by whom -------------------------------------------------------------------------------------------------------

    async def _look_at_drivers(self, now: datetime) -> None:
        """Take in what staff have said of drivers, and once what was on record before."""
        async with self._store.read() as work:
            states = await work.outbox.driver_states()
        for name, lane in self.lanes.items():
            state, said, since_at, _ = states.get(name, (OK, "", now, ""))
            if not self._is_known or (state in {OK, OFF}) != (lane.state in {OK, OFF}) or OFF in {state, lane.state}:
                if state == OK and lane.state != OK:
                    lane.paused_until, lane.pause = None, FIRST_PAUSE
                lane.state, lane.said, lane.since_at = state, said, since_at
        self._is_known = True
        patience = timedelta(seconds=self._policy.patience_seconds)
        for lane in self.lanes.values():
            if lane.is_given_up(now, patience):
                async with self._store.write() as work:
                    await work.outbox.take_from(lane.way.name, now)

    async def _route(self, now: datetime) -> int:
        """Say of what is due by whom it goes; return how many were given up."""
        async with self._store.read() as work:
            waiting = await work.outbox.unrouted(now, ROUTED)
        if not waiting:
            return 0
        given: dict[str, list[int]] = defaultdict(list)
        later: dict[datetime, list[int]] = defaultdict(list)
        lost: list[tuple[Waiting, str]] = []
        for message in waiting:
            quiet_until = self._policy.quiet_until(message.kind, now)
            found = self._choose(message, now)
            if quiet_until is not None:
                later[quiet_until].append(message.id)
            elif isinstance(found, Route):
                given[found.way.name].append(message.id)
            elif found.for_now:
                later[now + _AGAIN].append(message.id)
            else:
                lost.append((message, found.said))
        async with self._store.write() as work:
            for name, ids in given.items():
                await work.outbox.give(name, ids)
            for until, ids in later.items():
                await work.outbox.put_off_all(ids, until)
            for message, said in lost:
                await work.outbox.settle(message.id, MessageState.DEAD, said, now)
        return len(lost)

    def _choose(self, message: Waiting, now: datetime, passed: Sequence[str] = ()) -> Route | NoRoute:
        patience = timedelta(seconds=0 if message.kind in URGENT else self._policy.patience_seconds)
        away = frozenset(name for name, lane in self.lanes.items() if lane.is_given_up(now, patience))
        return route(message, self._ways, self._policy.order, away | frozenset(passed))

    # -- one after the other -------------------------------------------------------------------------------------------

    async def _turn(self, lane: Lane) -> int:
        """Send some of a driver's messages; return how many were handed over or given up."""
        async with self._store.read() as work:
            waiting = await work.outbox.due(self._clock.now(), BATCH, lane.way.name)
        done, waited = 0, 0.0
        for message in waiting:
            if not await self._one(lane, message):
                break
            done += 1
            gap = lane.way.pace.gap(self._chance())
            await self._sleep(gap)
            waited += gap
            if waited >= LONGEST_TURN:
                break
        if not done:
            await lane.way.driver.rest()
        return done

    async def _one(self, lane: Lane, message: Waiting) -> bool:
        """Send one; return False where no other is to follow for now."""
        way, now = lane.way, self._clock.now()
        quiet_until = self._policy.quiet_until(message.kind, now)
        if quiet_until is not None:
            return await self._put_off(message, quiet_until)
        address = message.addressee or address_of(message, way.channel)
        is_stopped = way.channel in message.stopped and message.addressee is None and message.kind not in CODES
        if address is None or is_stopped:
            async with self._store.write() as work:  # it was changed since: another way is looked for
                await work.outbox.give(None, [message.id])
            return True
        try:
            outgoing = await self._words(way, message, address, now)
        except InvalidInputError as error:
            await self._settle(message, MessageState.FAILED, str(error), next_at=now + _TEMPLATE_PAUSE)
            return True
        async with self._store.write() as work:
            until = await self._too_much(work, way, message, address, now)
            if until is not None:
                await work.outbox.put_off(message.id, until)
                return True
            if not await work.outbox.claim(message.id, way.channel, address, outgoing.message_id, now):
                return True  # another has it, or it has just been paid
        handed = await way.driver.send(outgoing)
        count = (way.channel, handed.delivery.value)
        self.counts[count] = self.counts.get(count, 0) + 1
        await self._note(lane, message, handed, outgoing.text)
        return handed.delivery is not Delivery.PAUSE

    async def _too_much(self, work: Work, way: Way, message: Waiting, address: str, now: datetime) -> datetime | None:
        """Return until when somebody is left in peace; None where they may be told something now."""
        pace = way.pace
        if message.kind in URGENT or not (pace.recipient_seconds or pace.recipient_a_day):
            return None
        count, last_at = await work.outbox.to_recipient(address, now)
        if pace.recipient_a_day is not None and count >= pace.recipient_a_day:
            return now + _FULL
        if last_at is not None and (now - last_at).total_seconds() < pace.recipient_seconds:
            return last_at + timedelta(seconds=pace.recipient_seconds)
        return None

    async def _words(self, way: Way, message: Waiting, address: str, now: datetime) -> Outgoing:
        locale, context = message.locale or self._policy.locale, self._context(message)
        subject, text = self._templates.render(message.kind, locale, context, way.channel)
        template, in_conversation = None, True
        if way.asks_approval:
            template = self._templates.approved(message.kind, locale, context, way.channel)
            async with self._store.read() as work:
                heard_at = await work.outbox.heard_at(way.name, address)
            in_conversation = heard_at is not None and now - heard_at < WINDOW
        attachment, is_carried = None, way.carries_documents and message.attempts < WITH_DOCUMENT
        if self._attach is not None and is_carried and in_conversation and message.staff_id is None:
            attachment = await self._attach(message.kind, message.context, locale, now)
        return Outgoing(
            address,
            message.staff_name or message.subscriber_name,
            subject,
            text,
            self._message_id(message),
            reference=f"outbox:{message.id}",
            template=template,
            in_conversation=in_conversation,
            attachment=attachment,
        )

    # -- what came of it -----------------------------------------------------------------------------------------------

    async def _note(self, lane: Lane, message: Waiting, handed: Handed, text: str) -> None:
        now = self._clock.now()
        if handed.delivery is Delivery.PAUSE:
            await self._pause(lane, message, handed, now)
            return
        lane.paused_until, lane.pause = None, FIRST_PAUSE
        if lane.state != OK:
            lane.state, lane.said, lane.since_at = OK, "", now
            async with self._store.write() as work:
                await work.outbox.put_driver_state(lane.way.name, OK, "", "system", now)
        match handed.delivery:
            case Delivery.ACCEPTED:
                await self._settle(
                    message,
                    MessageState.SENT,
                    handed.said,
                    provider_id=handed.provider_id,
                    cost_minor=lane.way.cost_of(text),
                )
            case Delivery.NEVER:
                await self._elsewhere(message, lane.way.name, handed.said)
            case Delivery.UNSURE if message.kind in CODES and message.attempts + 1 < _CODE_ATTEMPTS:
                await self._settle(message, MessageState.FAILED, handed.said, next_at=now)
            case Delivery.UNSURE:
                await self._settle(message, MessageState.MAYBE_SENT, handed.said)
            case _:
                wait = _BACK_OFF[min(message.attempts, len(_BACK_OFF) - 1)]
                if handed.retry_seconds is not None:
                    wait = max(wait, timedelta(seconds=min(handed.retry_seconds, LONGEST_WAIT)))
                await self._settle(message, MessageState.FAILED, handed.said, next_at=now + wait)

    async def _elsewhere(self, message: Waiting, name: str, said: str) -> None:
        """Let a message go by the next driver that may; give it up where there is none."""
        passed = (*message.passed, name)
        now = self._clock.now()
        found = self._choose(message, now, passed)
        async with self._store.write() as work:
            if isinstance(found, Route) and message.addressee is None:
                await work.outbox.pass_on(message.id, passed, found.way.name, said, now)
            else:
                await work.outbox.settle(message.id, MessageState.DEAD, said, now)

    async def _pause(self, lane: Lane, message: Waiting, handed: Handed, now: datetime) -> None:
        asked = handed.retry_seconds
        wait = lane.pause if asked is None else timedelta(seconds=min(asked, LONGEST_WAIT))
        lane.paused_until = now + wait
        lane.pause = min(lane.pause * 2, LONGEST_PAUSE)
        state = REFUSED if handed.log_in else PAUSED
        is_new = lane.state != state
        lane.said = handed.said
        async with self._store.write() as work:
            if is_new:
                lane.since_at = now if lane.state == OK else lane.since_at or now
                lane.state = state
                await work.outbox.put_driver_state(lane.way.name, state, handed.said, "system", lane.since_at)
                if state == REFUSED:
                    await self._tell_staff(work, lane, now)
            await work.outbox.settle(message.id, MessageState.FAILED, handed.said, now, next_at=lane.paused_until)
            if message.kind in URGENT and message.addressee is None:  # it does not wait
                await work.outbox.give(None, [message.id])
                await work.outbox.put_off(message.id, now)

    async def _tell_staff(self, work: Work, lane: Lane, now: datetime) -> None:
        for staff_id in await work.outbox.staff_in([Role.ADMIN.value]):
            context = {"title": f"{lane.way.name}: messages wait", "text": lane.said}
            key = f"driver:{lane.way.name}:{now.isoformat()}:{staff_id}"
            await work.outbox.add(Message(MessageKind.STAFF_ALERT, None, context, key, staff_id=staff_id), now)

    async def _put_off(self, message: Waiting, until: datetime) -> bool:
        async with self._store.write() as work:
            await work.outbox.put_off(message.id, until)
        return True

    async def _settle(
        self,
        message: Waiting,
        state: MessageState,
        said: str,
        next_at: datetime | None = None,
        provider_id: str | None = None,
        cost_minor: int = 0,
    ) -> None:
        async with self._store.write() as work:
            await work.outbox.settle(
                message.id,
                state,
                said,
                self._clock.now(),
                next_at=next_at,
                provider_id=provider_id,
                cost_minor=cost_minor,
            )

    def _context(self, message: Waiting) -> dict[str, Any]:
        return {
            **message.context,
            "name": message.staff_name or message.subscriber_name,
            "subscriber_no": message.subscriber_no,
            "currency": message.currency,
            "business_name": self._policy.business_name,
            "portal_url": self._policy.portal_url,
            "pay_url": self._pay_url(message),
        }

    def _pay_url(self, message: Waiting) -> str | None:
        link = self._policy.pay_link
        return link(message.subscriber_no) if link is not None and message.subscriber_no else self._policy.portal_url

    def _message_id(self, message: Waiting) -> str:
        """Return its Message-ID, the same at each attempt: whoever gets it twice can tell (RFC 5322 §3.6.4)."""
        digest = hashlib.sha256(f"{message.subscriber_id}:{message.dedupe_key}".encode()).hexdigest()[:24]
        return f"<{message.id}.{digest}@{self._policy.domain}>"
