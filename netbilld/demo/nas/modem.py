"""A subscriber's device: dials, stays on as long as it may, and dials again."""

import asyncio
import random
from collections.abc import Awaitable, Callable

from netbilld.demo.nas.errors import DialError
from netbilld.demo.nas.session import Session
from netbilld.demo.nas.spec import Demand, SubscriberSpec
from netbilld.demo.nas.traffic import Traffic
from netbilld.demo.nas.wire import TerminateCause


class Modem:
    """One home. It redials after a while of its own, as every modem does, whatever ended its session."""

    def __init__(self, subscriber: SubscriberSpec, seed: int) -> None:
        self.subscriber = subscriber
        self.traffic = Traffic(subscriber.demand, f"{seed}/{subscriber.username}/traffic")
        self.session: Session | None = None
        self.last_failure = ""
        self._seed = seed
        self._chance = random.Random(f"{seed}/{subscriber.username}/redial")

    def want(self, demand: Demand) -> None:
        """Change what the home uses, from the next tick on."""
        self.traffic = Traffic(demand, f"{self._seed}/{self.subscriber.username}/traffic")

    def hang_up(self) -> bool:
        """End the session from this side; False when there is none. The device dials again by itself."""
        if self.session is None or self.session.ended.is_set():
            return False
        self.session.end(TerminateCause.USER_REQUEST)
        return True

    async def run(self, power: asyncio.Event, connect: Callable[["Modem"], Awaitable[Session]]) -> bool:
        """Keep the home online for as long as it has power; never returns."""
        while True:
            await power.wait()
            await asyncio.sleep(self._chance.uniform(*self.subscriber.redial_seconds))
            if not power.is_set():
                continue
            try:
                self.session = await connect(self)
            except DialError as refusal:
                self.last_failure = str(refusal)
                continue
            self.last_failure = ""
            await self.session.ended.wait()
