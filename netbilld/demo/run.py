"""`netbilld demo`: builds the town, serves it, and tells on the terminal what happens."""

import asyncio
import contextlib
import fcntl
import logging
import secrets
import shutil
import signal
import sys
import tempfile
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import AsyncExitStack, contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any, Final, Self

from pydantic import SecretStr

from netbilld.adapters.clock import SystemClock
from netbilld.daemon.compose import compose
from netbilld.daemon.dunning_settings import SmtpSettings
from netbilld.daemon.gateway_settings import GatewaySettings, MidtransSettings
from netbilld.daemon.messenger_settings import FonnteSettings, MessengerSettings
from netbilld.daemon.run import Daemon
from netbilld.daemon.settings import Settings
from netbilld.daemon.taxes import payment_taxes
from netbilld.demo.desk import STAFF
from netbilld.demo.gateway import METHODS, SERVER_KEY, pretended_gateway
from netbilld.demo.keys import keys_pressed
from netbilld.demo.kiosk import AGENT, use_vouchers
from netbilld.demo.messenger import HOOK_SECRET, TOKEN, WRITTEN, PretendedMessenger, pretended_messenger
from netbilld.demo.narrate import Narrator
from netbilld.demo.play import Play
from netbilld.demo.ports import Ports
from netbilld.demo.router import router_process
from netbilld.demo.scenario import (
    FAIR_USE_STAR,
    INTERIM_SECONDS,
    LIAR_ADDRESS,
    LIAR_NAME,
    LIE_STAR,
    LIES,
    NAS_ADDRESS,
    NAS_NAME,
    OVERDUE_STAR,
    POOLS,
    WALLET_STAR,
    Home,
    homes,
    nas_spec,
)
from netbilld.demo.stage import Stage, put_on_stage
from netbilld.demo.town import Town, build_town, isolir_instant
from netbilld.model.actor import Actor
from netbilld.model.errors import NetbilldError, RefusedError, StoreUnavailableError
from netbilld.services.receive_payment import ReceivePayment

LOOPBACK: Final = "127.0.0.1"
_PREFIX: Final = "netbilld-demo-"
_COA_PORT: Final = 3799
_BANK_PORT: Final = 8090
_PHONES_PORT: Final = 8091
logger = logging.getLogger("netbilld.demo")
_TERMINAL: Final = Actor("demo", "terminal")


async def run_demo(base: Settings) -> None:
    """Run the demo until interrupted; leave nothing behind.

    Args:
        base: the visitor's own settings: ports are tried first as they say, language and zone are kept.
    """
    clock = SystemClock()
    with _directory() as directory:
        now = clock.now()
        isolir_at = isolir_instant(now, base.timezone)
        settings, coa_ports = _settings(base, directory, isolir_at)
        town_homes, nas_secret = homes(), secrets.token_hex(16)
        hook_url = f"http://{LOOPBACK}:{settings.portal.port}/hook"
        bank = pretended_gateway(LOOPBACK, _port(_bank_url(settings)), f"{hook_url}/midtrans")
        _say("Building the town: fifty homes, five plans, a month of bills …")
        async with _Beside() as beside, bank as gateway:
            phones = f"{hook_url}/wa/fonnte/{HOOK_SECRET}"
            async with pretended_messenger(LOOPBACK, _port(_phones_url(settings)), phones, beside.start) as telephones:
                town = await build_town(settings, town_homes, nas_secret, coa_ports, isolir_at, gateway, now)
                await _serve(
                    settings, directory, town, town_homes, nas_secret, coa_ports, isolir_at, beside, telephones, clock
                )


async def _serve(
    settings: Settings,
    directory: Path,
    town: Town,
    town_homes: list[Home],
    nas_secret: str,
    coa_ports: Mapping[str, int],
    isolir_at: datetime,
    beside: "_Beside",
    telephones: PretendedMessenger,
    clock: SystemClock,
) -> None:
    daemon: Daemon | None = None

    def nudge() -> None:
        if daemon is not None:
            daemon.feed.wake.set()

    daemon = Daemon(await compose(settings, nudge))
    parts = daemon.parts
    receive = ReceivePayment(parts.database, timezone=settings.timezone, taxes=payment_taxes(settings))
    play = Play(parts.database, clock, receive, settings.timezone)
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, daemon.stop)
    specs = [
        nas_spec(
            name,
            nas_secret,
            auth_port=settings.radius.auth_port,
            acct_port=settings.radius.acct_port,
            coa_port=coa_port,
            town=town_homes,
        )
        for name, coa_port in coa_ports.items()
    ]
    async with AsyncExitStack() as stack:
        spawn = beside.start
        portal_url = f"http://{LOOPBACK}:{settings.portal.port}"
        assert parts.pages.apps is not None  # noqa: S101 - by the settings of the demo
        put_on_stage(parts.pages.apps.panel, Stage(play, portal_url, _bank_url(settings), _phones_url(settings), spawn))

        async def ready() -> None:
            _introduce(settings, town, town_homes, isolir_at)
            for spec in specs:
                router = await stack.enter_async_context(router_process(spec, directory))
                if spec.name == LIAR_NAME:
                    await router.ask("misbehave", ack_coa_without_effect=LIES)
                play.routers.append(router)
            spawn(Narrator(play, settings.currency, settings.timezone, _say).tell())
            spawn(_follow_keys(play, nudge, daemon.stop))
            await use_vouchers(settings, town.kiosk.sold_codes, nas_secret, clock)
            for number, words in WRITTEN:
                await telephones.write(number, words)

        await daemon.run(ready)
    _say("The town is gone; nothing was left behind.")


async def _follow_keys(play: Play, nudge: Callable[[], None], stop: Callable[[], None]) -> None:
    async for key in keys_pressed():
        try:
            if key == "p":
                await play.cut_power()
            elif key == "b":
                await play.pay(_TERMINAL)
                nudge()
            elif key == "q":
                stop()
        except RefusedError as refusal:
            _say(str(refusal))


class _Beside:
    """Work beside the daemon that ends with it."""

    def __init__(self) -> None:
        self._running: set[asyncio.Task[None]] = set()

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_exception: object) -> None:
        for task in self._running:
            task.cancel()
        await asyncio.gather(*self._running, return_exceptions=True)

    def start(self, work: Coroutine[Any, Any, None]) -> None:
        task = asyncio.get_running_loop().create_task(_spoken(work))
        self._running.add(task)
        task.add_done_callback(self._running.discard)


async def _spoken(work: Coroutine[Any, Any, None]) -> None:
    """Let no failure pass in silence."""
    try:
        await work
    except StoreUnavailableError as error:  # as when the town ends while somebody looks at it
        logger.info("%s", error)
    except NetbilldError as error:
        _say(f"demo: {error}")
    except Exception:
        logger.exception("a part of the demo failed")


@contextmanager
def _directory() -> Iterator[Path]:
    """Give a fresh directory, gone afterwards; one that a killed demo left behind is cleared away now."""
    root = Path(tempfile.gettempdir())
    for left in root.glob(_PREFIX + "*"):
        with contextlib.suppress(OSError), (left / "lock").open("r+") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            shutil.rmtree(left, ignore_errors=True)
    directory = Path(tempfile.mkdtemp(prefix=_PREFIX, dir=root))
    with (directory / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        try:
            yield directory
        finally:
            shutil.rmtree(directory, ignore_errors=True)


def _settings(base: Settings, directory: Path, isolir_at: datetime) -> tuple[Settings, dict[str, int]]:
    """Return the demo's settings on free ports, and the free CoA ports of its routers by name."""
    ports = Ports(LOOPBACK)
    billing = base.billing.model_copy(update={"isolir_at": isolir_at.time(), "grace_days": 0})
    radius = base.radius.model_copy(
        update={
            "host": (LOOPBACK,),
            "auth_port": ports.free(base.radius.auth_port, "udp"),
            "acct_port": ports.free(base.radius.acct_port, "udp"),
            "interim_interval": INTERIM_SECONDS,
        }
    )
    enforcement = base.enforcement.model_copy(update={"walled_pool": "isolir", "walled_list": "isolir"})
    assert "isolir" in POOLS, "the simulated NAS has that pool"  # noqa: S101
    panel = base.panel.model_copy(
        update={"host": LOOPBACK, "port": ports.free(base.panel.port, "tcp"), "own_process": False}
    )
    portal = base.portal.model_copy(
        update={"host": LOOPBACK, "port": ports.free(base.portal.port, "tcp"), "public_url": None}
    )
    bank_url = f"http://{LOOPBACK}:{ports.free(_BANK_PORT, 'tcp')}"
    phones_url = f"http://{LOOPBACK}:{ports.free(_PHONES_PORT, 'tcp')}"
    changes: dict[str, Any] = {
        "data_dir": directory / "data",
        "database_url": SecretStr(f"sqlite+aiosqlite:///{directory / 'data' / 'netbilld.db'}"),
        "secret_key_file": directory / "data" / "secret.key",
        "business_name": "Melati Net" if base.business_name == "netbilld" else base.business_name,
        "currency": "IDR",
        "billing": billing,
        "radius": radius,
        "enforcement": enforcement,
        "panel": panel,
        "portal": portal,
        "gateways": GatewaySettings(
            midtrans=MidtransSettings(
                server_key=SecretStr(SERVER_KEY), methods=METHODS, core_url=bank_url, snap_url=bank_url
            )
        ),
        # whatever a visitor's own settings say: nobody outside hears of the town
        "smtp": SmtpSettings(),
        "messages": base.messages.model_copy(update={"quiet_to": base.messages.quiet_from}),
        "messengers": MessengerSettings(
            fonnte=FonnteSettings(
                token=SecretStr(TOKEN),
                url=phones_url,
                hook_secret=SecretStr(HOOK_SECRET),
                cost=150,
                gap_seconds=0.5,
                longest_gap_seconds=1.5,
                recipient_seconds=1,
            )
        ),
    }
    (directory / "data").mkdir(mode=0o700)
    addresses = {NAS_NAME: NAS_ADDRESS, LIAR_NAME: LIAR_ADDRESS}
    coa_ports = {name: ports.free(_COA_PORT, "udp", str(address)) for name, address in addresses.items()}
    return base.model_copy(update=changes), coa_ports


def _bank_url(settings: Settings) -> str:
    assert settings.gateways.midtrans is not None  # noqa: S101 - by the settings of the demo
    return settings.gateways.midtrans.core_url or ""


def _phones_url(settings: Settings) -> str:
    assert settings.messengers.fonnte is not None  # noqa: S101 - by the settings of the demo
    return settings.messengers.fonnte.url


def _port(url: str) -> int:
    return int(url.rpartition(":")[2])


def _introduce(settings: Settings, town: Town, town_homes: list[Home], isolir_at: datetime) -> None:
    home = {one.username: one for one in town_homes}
    panel = f"http://{settings.panel.host}:{settings.panel.port}"
    portal = f"http://{settings.portal.host}:{settings.portal.port}"
    stars = "\n".join(
        f"    {username:<14} {home[username].password}   {story}"
        for username, story in (
            (FAIR_USE_STAR, "crosses 110 MB of fair use within a minute and is slowed to 2 Mbit/s"),
            (WALLET_STAR, "has Rp600 in the wallet, pays Rp4.000 a GB, and runs out"),
            (OVERDUE_STAR, f"has not paid; isolir comes at {isolir_at:%H:%M:%S}"),
            (LIE_STAR, f"crosses it too, but hangs on {LIAR_NAME}, which says yes to a new speed and does nothing"),
        )
    )
    keys = (
        "p  mati lampu: cut everybody's power      b  pay the unpaid bill      q  end\n" if sys.stdin.isatty() else ""
    )
    others = ", ".join(f"{email.partition('@')[0]}@… ({role})" for email, role, _ in STAFF)
    _say(
        f"""
  Staff panel    {panel}/demo
                 sign in as {town.admin_email}  password {town.admin_password}
                 or, with the same password, as {others}
  Portal         {portal}   (a subscriber's own page; sign in with one of these)
{stars}
  Bank           {_bank_url(settings)}   (pretended: pays what "Bayar" on the portal has begun)
  Telephones     {_phones_url(settings)}   (pretended WhatsApp: what subscribers are told; answer TAGIHAN from there)
  Agent          {portal}/agen   (sign in as {AGENT} with the staff's password, and sell a voucher)

  Watch {panel}/demo, or these lines. Ctrl-C ends it and leaves nothing behind.
  {keys}"""
    )


def _say(text: str) -> None:
    print(text, flush=True)
