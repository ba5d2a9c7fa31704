"""The router as a RADIUS client: subscribers dial in and hang up, and their sessions are accounted for.

Everything goes by the router's own menus: `/radius`, `/ppp aaa`, `/ip pool`, `/ppp secret`, as on a real one (manual,
pages RADIUS and PPP AAA). Attributes and their order are those that captured packets show.
"""

import asyncio
import random
import time
from collections.abc import Awaitable, Callable
from ipaddress import IPv4Address, ip_address
from typing import Final, Self

from tests.routeros import radius_wire as wire
from tests.routeros.dialled import (
    ADMIN_REBOOT,
    ADMIN_RESET,
    INTERIM,
    LOST_CARRIER,
    START,
    STOP,
    USER_REQUEST,
    Dialled,
    Home,
)
from tests.routeros.fake_router import FakeRouter
from tests.routeros.lines import DHCP, HOTSPOT, Line
from tests.routeros.order_server import OrderServer
from tests.routeros.radius_client import NoAnswerError, RadiusClient
from tests.routeros.radius_packets import OwnNames, login_of, report
from tests.routeros.radius_wire import Packet
from tests.routeros.rate_limit import RateLimitError, queue_values
from tests.routeros.store import Item
from tests.routeros.values import seconds

__all__ = ["START", "USER_REQUEST", "DialError", "Dialled", "Home", "RadiusSide", "RefusedError"]

_PREFIX: Final = {HOTSPOT: "80", DHCP: "83"}


class DialError(Exception):
    """The session could not be begun; the text says why."""


class RefusedError(DialError):
    """The server said no."""


class RadiusSide:
    """Lets homes dial in through the router.

    Args:
        router: whose menus say how.
        host: the address packets leave from where `src-address` says nothing, and where orders are taken.
        automatic: report, redial and carry traffic by itself, on the wall clock; without it nothing happens but what is
            asked for.
    """

    def __init__(self, router: FakeRouter, host: str = "127.0.0.1", *, automatic: bool = False, seed: int = 1) -> None:
        self.router = router
        self.host = host
        self.homes: dict[str, Home] = {}
        self.boot_digit = 1
        self.clock_ahead_seconds = 0
        self.report_seconds: int | None = None  # between reports, whatever the server asks for
        self.now_unix: Callable[[], float] = time.time
        self.ended: list[Dialled] = []
        self._automatic = automatic
        self._chance = random.Random(seed)
        self._calls = 0
        self._held: set[str] = set()  # addresses of hotspot devices that are about to log in
        self.client = RadiusClient(router, host)
        self.orders = OrderServer(self)
        self._tasks: set[asyncio.Task[None]] = set()
        router.on_kick = self._kicked
        router.on_change.append(self._changed)
        router.commands.monitors["/radius/incoming"] = lambda _: self.orders.counted()
        router.commands.monitors["/radius"] = lambda _: self.client.counted()

    async def __aenter__(self) -> Self:
        await self.orders.follow()
        if self._automatic:
            self._spawn(self._carry_for_ever())
        return self

    async def __aexit__(self, *_error: object) -> None:
        self.orders.close()
        self.client.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    # -- sessions ------------------------------------------------------------------------------------------------------

    def add(self, home: Home) -> Home:
        self.homes[home.username] = home
        return home

    def line(self, username: str) -> Dialled | None:
        """Return the session of a name, the newest where it has several."""
        return next((line for line in reversed(self.lines) if line.name == username), None)

    @property
    def lines(self) -> list[Dialled]:
        return [line for line in self.router.lines if isinstance(line, Dialled)]

    async def dial(self, username: str) -> Dialled:
        """Log a home in and tell of its Start.

        Raises:
            DialError: it did not come in.
        """
        home = self.homes[username]
        line = self._call(home)
        own = line.address
        self._held.add(own)
        try:
            await self._let_in(line)
        except (DialError, NoAnswerError) as error:
            home.said = str(error)
            raise DialError(str(error)) if isinstance(error, NoAnswerError) else error from None
        finally:
            self._held.discard(own)
        home.said = ""
        self.router.lines.append(line)
        self.router.shown.show(self.router.lines)
        await self._account(line, START)
        line.interim_seconds = self.report_seconds or line.interim_seconds
        if self._automatic and line.interim_seconds:
            self._spawn(self._report_for_ever(line))
        return line

    async def dial_until_in(self, username: str) -> None:
        """Dial again and again, as a modem does."""
        while self.line(username) is None:
            try:
                await self.dial(username)
            except DialError:
                await asyncio.sleep(self._chance.uniform(*(self.homes[username].redials or (1, 2))))

    async def interim(self, line: Dialled) -> None:
        await self._account(line, INTERIM)

    async def hang_up(self, line: Dialled, cause: int = USER_REQUEST) -> None:
        """End a session and tell of its Stop."""
        if line in self.router.lines:
            self._over(line, cause)
            await self._account(line, STOP)

    def end(self, line: Dialled, cause: int = ADMIN_RESET) -> None:
        """End a session now; its Stop follows."""
        if line in self.router.lines:
            self._over(line, cause)
            self._spawn(self._account(line, STOP))
            self._redial(line.home)

    def vanish(self, line: Dialled) -> None:
        """A session that is gone and of which no Stop tells."""
        self._over(line, LOST_CARRIER)

    def reboot(self) -> None:
        """Lose every session without a Stop, and all that is dynamic; homes that redial come back."""
        lost = self.lines
        for line in lost:
            self._over(line, ADMIN_REBOOT)
        self.router.reboot()
        self.boot_digit = (self.boot_digit + 1) % 16
        self._calls = 0
        for line in lost:
            self._redial(line.home)

    async def quiet(self) -> None:
        """Wait until every Stop is told."""
        await self._done("_account")

    async def followed(self) -> None:
        """Wait until what its menus say of orders is so."""
        await self._done("follow")

    async def _done(self, name: str) -> None:
        while pending := [task for task in self._tasks if task.get_name() == name]:
            await asyncio.wait(pending)

    def pass_traffic(self, span_seconds: float) -> None:
        """Let every home use its line for so long, at the speed that the router really lets through."""
        for line in self.lines:
            up_bps, down_bps = self.rate_of(line)
            up, down = line.counters()
            line.rx_octets = up + int(min(line.home.up_bps, up_bps or line.home.up_bps) * span_seconds / 8)
            line.tx_octets = down + int(min(line.home.down_bps, down_bps or line.home.down_bps) * span_seconds / 8)

    def rate_of(self, line: Line) -> tuple[int, int]:
        """Return what the first queue that holds a session lets through, 0 for no limit."""
        for row in self.router.rows("/queue/simple"):
            targets = row.get("target", "").split(",")
            if row.get("disabled") != "true" and {line.interface, f"{line.address}/32"} & set(targets):
                up, _, down = row["max-limit"].partition("/")
                return int(up), int(down)
        return 0, 0

    def lists_of(self, line: Line) -> frozenset[str]:
        """Return the address lists that a session is on, whoever put it there."""
        path = "/ip/firewall/address-list" if ip_address(line.address).version == 4 else "/ipv6/firewall/address-list"
        return frozenset(
            row["list"]
            for row in self.router.rows(path)
            if row["address"].partition("/")[0] == line.address and row.get("disabled") != "true"
        )

    # -- letting in ----------------------------------------------------------------------------------------------------

    def _call(self, home: Home) -> Dialled:
        self._calls += 1
        prefix = _PREFIX.get(home.service, "81")
        session_id = f"0x{prefix}{self.boot_digit:x}{self._calls:05x}"
        port = int(session_id, 16) if home.service == HOTSPOT else 0xF00000 + self._calls
        line = Dialled(
            home.username, session_id, home.service, mac=home.mac, rx_octets=0, tx_octets=0, home=home, nas_port=port
        )
        line.began = self.router.now()
        line.number = sum(other.name == home.username and other.service == home.service for other in self.router.lines)
        line.address = self._address("") if home.service == HOTSPOT else ""
        return line

    async def _let_in(self, line: Dialled) -> None:
        if line.service == "pppoe" and (local := self._secret(line.home)) is not None:
            line.is_local = True
            line.address = local.get("remote-address") or self._address("")
            line.interim_seconds = self._own_interim()
            return
        line.entry = self._entry("hotspot" if line.service == HOTSPOT else "dhcp" if line.service == DHCP else "ppp")
        accept = await self.client.log_in(
            line.entry, Packet(wire.ACCESS_REQUEST, 0, b"", login_of(line, self._own_names()))
        )
        if accept.code != wire.ACCESS_ACCEPT:
            raise RefusedError(accept.text(wire.REPLY_MESSAGE) or "refused")
        self._take(line, accept)

    def _secret(self, home: Home) -> Item | None:
        """Return the router's own secret of a name, which beats RADIUS."""
        for item in self.router.store["/ppp/secret"].where(name=home.username):
            if item.get("disabled") != "true":
                if item.get("password") != home.password:
                    raise RefusedError("wrong password of a local secret")
                return item
        return None

    def _entry(self, service: str) -> Item:
        used = {"ppp": "/ppp/aaa"}.get(service)
        if used and self.router.store[used].only.get("use-radius") != "true":
            raise DialError("/ppp aaa use-radius is off")
        for item in self.router.store["/radius"].items:
            if service in item.get("service").split(",") and item.get("disabled") != "true":
                return item
        raise DialError(f"no /radius entry serves {service}")

    def _take(self, line: Dialled, accept: Packet) -> None:
        line.classes = tuple(value for kind, value in accept.attributes if kind == wire.CLASS)
        line.rate_limit = accept.text(wire.MIKROTIK_RATE_LIMIT)
        try:
            queue_values(line.rate_limit)
        except RateLimitError:
            raise DialError(f"no queue can be made of {line.rate_limit!r}") from None
        # several are not documented: one is what it takes
        line.address_lists = tuple(filter(None, [accept.text(wire.MIKROTIK_ADDRESS_LIST)]))
        line.interim_seconds = accept.number(wire.ACCT_INTERIM_INTERVAL) or self._own_interim()
        framed = accept.first(wire.FRAMED_IP_ADDRESS)
        line.pool = accept.text(wire.FRAMED_POOL)
        if framed is not None and not _means_pool(framed):
            line.address = str(IPv4Address(framed))
        elif line.service != HOTSPOT:
            line.address = self._address("" if framed is not None else line.pool)
        if profile := accept.text(wire.MIKROTIK_GROUP):
            path = "/ip/hotspot/user/profile" if line.service == HOTSPOT else "/ppp/profile"
            if not self.router.store[path].where(name=profile):
                raise DialError(f"there is no profile {profile}")

    def _own_interim(self) -> int:
        text = self.router.store["/ppp/aaa"].only.get("interim-update")
        return seconds(text) if text else 0

    def _address(self, pool: str) -> str:
        name = pool or self.router.store["/ppp/profile"].find("default").get("remote-address")
        table = self.router.store["/ip/pool"]
        found = table.where(name=name) if name else []
        if pool and not found:
            raise DialError(f"there is no pool {pool}")
        first, _, last = (found[0].get("ranges").split(",")[0] if found else "100.64.0.2-100.64.255.254").partition("-")
        used = {line.address for line in self.router.lines} | self._held
        for address in range(int(IPv4Address(first)), int(IPv4Address(last or first)) + 1):
            if str(IPv4Address(address)) not in used:
                return str(IPv4Address(address))
        raise DialError(f"pool {name} is used up")

    # -- packets -------------------------------------------------------------------------------------------------------

    @property
    def nas_ip(self) -> str:
        return (
            self.client.source(self.router.store["/radius"].items[0])
            if self.router.store["/radius"].items
            else self.host
        )

    def accounting(self, line: Dialled, status: int) -> Packet:
        """Return what the router reports of a session now."""
        at_unix = int(self.now_unix() + self.clock_ahead_seconds)
        return report(line, status, at_unix, self.router.now(), self._own_names())

    def _own_names(self) -> OwnNames:
        return OwnNames(self.router.store["/system/identity"].only.get("name"), self.nas_ip)

    async def _account(self, line: Dialled, status: int) -> None:
        entry = line.entry or next(iter(self.router.store["/radius"].items), None)
        if entry is not None and self.router.store["/ppp/aaa"].only.get("accounting") == "true":
            try:
                await self.client.account(entry, self.accounting(line, status))
            except NoAnswerError:
                line.home.said = "accounting is not answered"

    # -- by itself -----------------------------------------------------------------------------------------------------

    def _over(self, line: Dialled, cause: int) -> None:
        up, down = line.counters(self.router.now())
        line.rx_octets, line.tx_octets, line.ends = up, down, cause
        if line in self.router.lines:
            self.router.lines.remove(line)
        self.router.shown.show(self.router.lines)
        self.ended.append(line)

    def _kicked(self, line: Line) -> None:
        """Somebody removed a session over the API or at the console."""
        if isinstance(line, Dialled):
            self._over(line, ADMIN_RESET)
            self._spawn(self._account(line, STOP))
            self._redial(line.home)

    def _redial(self, home: Home) -> None:
        if self._automatic and home.redials is not None:
            self._spawn(self._dial_after(home, self._chance.uniform(*home.redials)))

    async def _dial_after(self, home: Home, pause_seconds: float) -> None:
        await asyncio.sleep(pause_seconds)
        await self.dial_until_in(home.username)

    async def _report_for_ever(self, line: Dialled) -> None:
        while True:
            await asyncio.sleep(line.interim_seconds)
            if line.ends is not None:
                return
            await self.interim(line)

    async def _carry_for_ever(self) -> None:
        before = self.router.now()
        while True:
            await asyncio.sleep(1)
            before, span_seconds = self.router.now(), self.router.now() - before
            self.pass_traffic(span_seconds)

    def _changed(self) -> None:
        if asyncio.get_event_loop().is_running():
            self._spawn(self.orders.follow())

    def _spawn(self, work: Awaitable[None]) -> None:
        task = asyncio.ensure_future(work)
        if isinstance(task, asyncio.Task):
            task.set_name(getattr(work, "__name__", "beside"))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)


def _means_pool(framed: bytes) -> bool:
    """Tell whether an address stands for the pool of the profile: within 127.0.0.0/8 or 224.0.0.0/3."""
    return framed[0] == 127 or framed[0] >= 224
