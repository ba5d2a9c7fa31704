"""PublishState: keeps what is retained at the broker as the database says it is, at a pace that disturbs nobody."""

import asyncio
import heapq
from collections.abc import Collection, Iterable, Sequence
from datetime import datetime
from typing import Final
from uuid import UUID

from netbilld.billing.plan import Plan
from netbilld.billing.plan_file import plan_from_definition
from netbilld.model.periods import monthly_period
from netbilld.ports.broker import Message, Outlet
from netbilld.ports.clock import SteadyClock
from netbilld.services.live_views import LiveDatabase, LiveService
from netbilld.services.mqtt_messages import (
    CLEARED,
    encode,
    encode_theirs,
    home_assistant_document,
    session_document,
    state_document,
    usage_document,
)
from netbilld.services.mqtt_topics import Topics

SERVICES_A_STEP: Final = 100
MAX_NOTED: Final = 100_000  # services that wait to be published; more at once and everything is looked at
_SERVICES_A_TURN: Final = 20  # RADIUS shares this loop
_PAUSE_SECONDS: Final = 0.05  # between parts of everything: there is no hurry
_MAX_PLANS: Final = 4096
ROUND_SECONDS: Final = 900.0  # everything is looked at so often, whoever may have changed it
SHORT_ROUND_SECONDS: Final = 60.0  # where other nodes meter or decide and we hear nothing of it
_MAX_TOLD: Final = 20_000


class PublishState:
    """Which services changed is noted in memory, at no cost; what they are now is read when their turn comes.

    So the newest state wins however often it changed, and a service is published at most once in `every_seconds`,
    unless a decision was made about it. What is retained is on record, so that it is cleared also after a restart.

    Attributes:
        published: messages acknowledged.
        unchanged: those left unsent, the broker having the same already.
    """

    def __init__(
        self,
        store: LiveDatabase,
        clock: SteadyClock,
        topics: Topics,
        *,
        every_seconds: float,
        version: str,
        is_only_node: bool,
        round_seconds: float = ROUND_SECONDS,
    ) -> None:
        """Take what to work with; `version` is netbilld's, for Home Assistant to show."""
        self._store = store
        self._clock = clock
        self._topics = topics
        self._every_seconds = every_seconds
        self._version = version
        self._round_seconds = round_seconds
        self._is_only_node = is_only_node
        self._availability = topics.node_status if is_only_node else None
        self._ready: list[tuple[float, int, UUID]] = []
        self._noted: dict[UUID, bool] = {}
        self._told_mono: dict[UUID, float] = {}
        self._digests: dict[int, int] = {}  # of topic and payload: texts would take three times the memory
        self._seen: set[int] = set()  # topics looked at since the walk began: the others are nobody's any more
        self._plans: dict[UUID, Plan] = {}
        self._count = 0
        self._after: UUID | None = None
        self._is_walking = False
        self._walk_mono = 0.0
        self.published = self.unchanged = 0
        self.is_on = False

    @property
    def waiting(self) -> int:
        """Return how many services wait to be published."""
        return len(self._noted)

    @property
    def remembered(self) -> int:
        """Return on how many topics we know what the broker holds."""
        return len(self._digests)

    @property
    def is_walking(self) -> bool:
        """Tell whether everything is being looked at."""
        return self._is_walking

    def begin(self) -> None:
        """Look at everything: a broker that we have just reached may have forgotten all of it."""
        self.end()
        self.is_on = True
        self._walk()

    def end(self) -> None:
        """Forget what the broker was told: it is away."""
        self.is_on = False
        self._ready, self._noted = [], {}
        self._told_mono, self._digests, self._seen = {}, {}, set()

    def changed(self, service_ids: Iterable[UUID | None], *, urgent: bool = False) -> None:
        """Note services to be published; urgent ones at once."""
        if not self.is_on:
            return  # everything is looked at when the broker is back
        now_mono = self._clock.monotonic()
        for service_id in service_ids:
            if service_id is None:
                continue
            known = self._noted.get(service_id)
            if known or (known is False and not urgent):
                continue
            if known is None and len(self._noted) >= MAX_NOTED:
                self._walk()
                return
            self._noted[service_id] = urgent
            due_mono = now_mono
            if not urgent:
                due_mono = max(now_mono, self._told_mono.get(service_id, 0.0) + self._every_seconds)
            self._count += 1
            heapq.heappush(self._ready, (due_mono, self._count, service_id))

    def _walk(self) -> None:
        self._is_walking, self._after = True, None
        self._seen = set()
        self._walk_mono = self._clock.monotonic() + self._round_seconds

    async def step(self, outlet: Outlet) -> bool:
        """Publish some of what waits; tell whether more can be done at once.

        Raises:
            BrokerAwayError: the broker has not taken it.
            StoreUnavailableError: the database is away; what was to be published waits.
        """
        if self._clock.monotonic() >= self._walk_mono:
            self._walk()
        noted = self._take()
        if noted:
            try:
                await self._publish(list(noted), outlet, forced={one for one, urgent in noted.items() if urgent})
            except BaseException:
                self.changed(noted, urgent=True)
                raise
            return True
        if not self._is_walking:
            return False
        await asyncio.sleep(_PAUSE_SECONDS)
        async with self._store.read() as work:
            service_ids = await work.live.service_ids_after(self._after, SERVICES_A_STEP)
        await self._publish(service_ids, outlet, forced=set())
        if len(service_ids) < SERVICES_A_STEP:
            self._is_walking, self._after = False, None
            self._digests = {topic: digest for topic, digest in self._digests.items() if topic in self._seen}
            self._seen = set()
        else:
            self._after = service_ids[-1]
        return True

    def _take(self) -> dict[UUID, bool]:
        now_mono = self._clock.monotonic()
        taken: dict[UUID, bool] = {}
        while self._ready and len(taken) < SERVICES_A_STEP and self._ready[0][0] <= now_mono:
            _, _, service_id = heapq.heappop(self._ready)
            urgent = self._noted.pop(service_id, None)
            if urgent is not None:
                taken[service_id] = urgent
        return taken

    async def _publish(self, service_ids: Sequence[UUID], outlet: Outlet, forced: Collection[UUID]) -> None:
        """Bring what is retained for these services to what is so now."""
        if not service_ids:
            return
        now = self._clock.now()
        async with self._store.read() as work:
            services = await work.live.services(service_ids, now)
            unknown = {service.plan_version_id for service in services} - self._plans.keys()
            if unknown:
                if len(self._plans) > _MAX_PLANS:
                    self._plans = {}
                    unknown = {service.plan_version_id for service in services}
                for plan_version_id, definition in (await work.live.plan_definitions(unknown)).items():
                    self._plans[plan_version_id] = plan_from_definition(definition)
        wanted: dict[str, bytes] = {}
        old: set[str] = set()
        unrecorded: dict[str, UUID] = {}
        for count, service in enumerate(services, 1):
            topics = self._messages(service, now)
            for topic, payload in topics.items():
                is_recorded = topic in service.retained  # else another node has cleared it, whatever we had told
                if not is_recorded:
                    unrecorded[topic] = service.service_id
                if self._is_walking:
                    self._seen.add(hash(topic))
                digest = hash(_without_instant(payload))
                if is_recorded and self._digests.get(hash(topic)) == digest and service.service_id not in forced:
                    self.unchanged += 1
                    continue
                self._digests[hash(topic)] = digest
                wanted[topic] = payload
            old |= service.retained - topics.keys()
            if count % _SERVICES_A_TURN == 0:
                await asyncio.sleep(0)
        if unrecorded:  # before it is published: what is on record and was never published does no harm
            async with self._store.write() as work:
                await work.live.keep_retained(unrecorded)
        try:
            await outlet.publish([Message(topic, payload, retain=True) for topic, payload in wanted.items()])
            if not self._is_only_node:
                old |= await self._overtaken(wanted, [service.service_id for service in services])
            await self._clear(old, outlet)
        except BaseException:
            for topic in wanted:
                self._digests.pop(hash(topic), None)
            raise
        self.published += len(wanted)
        now_mono = self._clock.monotonic()
        if len(self._told_mono) > _MAX_TOLD:
            since_mono = now_mono - self._every_seconds
            self._told_mono = {one: at for one, at in self._told_mono.items() if at > since_mono}
        self._told_mono |= dict.fromkeys((service.service_id for service in services), now_mono)

    async def _overtaken(self, told: Collection[str], service_ids: Sequence[UUID]) -> set[str]:
        """Return what should not have been told.

        Another node may have seen in between that it is over, and cleared it before we told it. Whoever reads after
        telling sees that too, or tells before the other one clears.
        """
        if not told:
            return set()
        async with self._store.read() as work:
            services = await work.live.services(service_ids, self._clock.now())
        return set(told).difference(*(self._topics_of(service) for service in services))

    async def _clear(self, topics: Collection[str], outlet: Outlet) -> None:
        if not topics:
            return
        await outlet.publish([Message(topic, CLEARED, retain=True) for topic in topics])
        async with self._store.write() as work:
            await work.live.drop_retained(topics)
        for topic in topics:
            self._digests.pop(hash(topic), None)
        self.published += len(topics)

    def _topics_of(self, service: LiveService) -> set[str]:
        """Return the topics of `_messages`."""
        if _is_over(service):
            return set()
        topics = self._topics
        found = {topics.service(service.service_id, what) for what in ("state", "usage")}
        found |= {topics.session(service.service_id, session.session_id) for session in service.sessions}
        discovery = topics.home_assistant(service.service_id)
        return found if discovery is None else found | {discovery}

    def _messages(self, service: LiveService, now: datetime) -> dict[str, bytes]:
        """Return what is to be retained for a service, by topic; nothing for one that has ended."""
        if _is_over(service):
            return {}
        topics = self._topics
        plan = self._plans[service.plan_version_id]
        period = monthly_period(now, service.billing_day, service.timezone)
        own = {what: topics.service(service.service_id, what) for what in ("state", "usage")}
        found = {
            own["state"]: encode(state_document(service)),
            own["usage"]: encode(usage_document(service, plan, period) | {"at": now}),
        }
        for session in service.sessions:
            topic = topics.session(service.service_id, session.session_id)
            found[topic] = encode(session_document(session))
        discovery = topics.home_assistant(service.service_id)
        if discovery is not None:
            document = home_assistant_document(service, plan, own, self._version, self._availability)
            found[discovery] = encode_theirs(document)
        return found


def _is_over(service: LiveService) -> bool:
    return service.status == "ended" and not service.sessions


def _without_instant(payload: bytes) -> bytes:
    """Return a payload without its last field, where that is the instant it was made."""
    head, sign, _ = payload.rpartition(b',"at":')
    return head if sign else payload
