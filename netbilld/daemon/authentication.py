"""What answers Access-Requests, put together as the settings say: the same in the daemon and in its workers."""

import asyncio
import gc
from collections.abc import Callable
from itertools import islice
from typing import Final
from uuid import UUID

from netbilld.adapters.clock import SystemClock
from netbilld.adapters.database.engine import Database
from netbilld.daemon.eap import eap_server
from netbilld.daemon.packet_trace import PacketTrace
from netbilld.daemon.policies import walled_garden
from netbilld.daemon.radius_edge import RadiusEdge
from netbilld.daemon.settings import Settings
from netbilld.radius.clients import ClientTable
from netbilld.radius.guesses import MAX_FAMILIAR
from netbilld.radius.radsec import has_name
from netbilld.radius.realms import Realms
from netbilld.services.access_directory import AccessDirectory
from netbilld.services.attempt_buffer import AttemptBuffer
from netbilld.services.authenticate import Admission, Authenticate
from netbilld.services.entitle import Entitle
from netbilld.services.slow_guessers import SlowGuessers

SILENCE_SECONDS: Final = 2.0
# Requests make few cycles, so they are looked for less often than usual; orders and the database make many, and a look
# takes as long as there are objects: fifty thousand would keep log-ins waiting for a tenth of a second.
YOUNG_OBJECTS: Final = 10_000
_AHEAD_SECONDS: Final = 60.0  # until what was changed meanwhile is decided on again
_DEVICES_A_TURN: Final = 1_000
_NAMES_A_TURN: Final = 50  # about two milliseconds
_REST_SECONDS: Final = 0.004
_BUSY_SECONDS: Final = 0.25


class Authentication:
    """The directory, the waiting attempts, and what answers from the one and notes in the other.

    `clients` gives the NAS table in force, once there is one.
    """

    def __init__(
        self,
        settings: Settings,
        clock: SystemClock,
        entropy: Callable[[int], bytes],
        admission: Admission | None,
    ) -> None:
        """Compose them, in the running loop.

        Raises:
            NetbilldError: a certificate for EAP can't be used.
        """
        self._clock = clock
        self.attempts = AttemptBuffer()
        self.directory = AccessDirectory(
            walled_garden(settings),
            settings.radius.interim_interval,
            settings.locale,
            settings.radius.interim_near_limit,
        )
        self.clients: Callable[[], ClientTable] = lambda: ClientTable(())
        self.eap = eap_server(settings, clock, entropy)
        self.eap.is_nas = lambda name: has_name(self.clients(), name)
        self.guessers = SlowGuessers(asyncio.get_running_loop().call_later, settings.radius.reject_delay)
        self.authenticate = Authenticate(
            self.directory,
            self.attempts,
            entropy,
            clock.monotonic,
            eap=self.eap,
            admission=admission,
            realms=Realms.of(settings.radius.realms),
            guessers=self.guessers,
        )

    async def forget_silent(self) -> None:
        """Give up log-ins by EAP whose device fell silent; to be called every `SILENCE_SECONDS`."""
        self.authenticate.forget_silent(self._clock.now())


async def load_access(entitle: Entitle, clock: SystemClock) -> None:
    """Fill the access directory; what it holds stays, so the collector need not walk it again and again."""
    gc.collect()
    gc.disable()
    try:
        await entitle.load(clock.now())
    finally:
        gc.freeze()
        gc.set_threshold(YOUNG_OBJECTS, 50, 50)
        gc.enable()


async def decide_ahead(directory: AccessDirectory, clock: SystemClock, is_busy: Callable[[], bool]) -> None:
    """Work out in idle moments, for ever, what everybody is to be answered.

    A first log-in costs three times what a later one does, and after a power cut everybody's comes at once.
    """
    await _decide(directory, clock, is_busy)
    gc.freeze()  # once: what has been decided stays as well
    while True:
        await asyncio.sleep(_AHEAD_SECONDS)
        await _decide(directory, clock, is_busy)


async def _decide(directory: AccessDirectory, clock: SystemClock, is_busy: Callable[[], bool]) -> None:
    names = iter(directory.undecided())
    while turn := list(islice(names, _NAMES_A_TURN)):
        while is_busy():  # noqa: ASYNC110 - a socket tells nobody that nothing waits any more
            await asyncio.sleep(_BUSY_SECONDS)
        now = clock.now()
        for name in turn:
            directory.find(name, now)
        await asyncio.sleep(_REST_SECONDS)


async def remember_devices(database: Database, auth: Authentication) -> None:
    """Know the subscribers' devices again after a start, so that who guesses their names doesn't stand in their way."""
    async with database.read() as work:
        stations = await work.sessions.stations(MAX_FAMILIAR)
    for count, (username, mac) in enumerate(stations, 1):
        name = auth.directory.name(username.encode("utf-8", "surrogateescape"))
        if name is not None:
            auth.guessers.remember(name, mac)
        if count % _DEVICES_A_TURN == 0:
            await asyncio.sleep(0)


def trace_of(edge: RadiusEdge, directory: AccessDirectory, clock: SystemClock, realms: Realms) -> PacketTrace:
    """Return what `radius trace` watches with; the ports hold it only while somebody does."""

    def service_of(user_name: bytes) -> UUID | None:
        for name in (user_name, *realms.other_names(user_name, {})):
            if (view := directory.find(name, clock.now())) is not None:
                return view.service_id
        return None

    trace = PacketTrace(service_of, clock.now, clock.monotonic, lambda watched: edge.watch(trace if watched else None))
    return trace
