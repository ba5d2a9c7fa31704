"""What `netbilld doctor` looks at; each check says what it found, and what to do where something is wrong."""

import os
import shutil
import socket
import stat
import time
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, Final, Literal

from sqlalchemy import text

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.migrate import check_schema, newest_version
from netbilld.adapters.secretbox import SecretBox, read_key_file
from netbilld.daemon.roles import Role
from netbilld.daemon.settings import Settings
from netbilld.model.errors import NetbilldError
from netbilld.model.nas import Nas, secret_place, shares_order_port
from netbilld.services.initialise import verify_key

Result = Literal["ok", "warn", "fail", "unknown"]
_LEAST_FREE_OCTETS: Final = 1_000_000_000
_TOO_FULL_OCTETS: Final = 100_000_000
_SLOW_SECONDS: Final = 0.5
_WRITTEN_IN: Final = datetime(2026, 1, 1, tzinfo=UTC)  # no clock that is right shows less
_SILENT: Final = timedelta(minutes=15)
# systemd-timesyncd and chrony say here that the clock follows a server
_SYNCHRONISED: Final = (Path("/run/systemd/timesync/synchronized"), Path("/run/chrony/chronyd.sock"))


@dataclass(frozen=True, slots=True)
class Check:
    """One line of the report; `hint` is what to do."""

    name: str
    result: Result
    detail: str
    hint: str = ""


def failed(name: str, error: NetbilldError) -> Check:
    """Return a refusal as a line of the report."""
    return Check(name, "fail", str(error.args[0]), error.hint)


def check_data_dir(path: Path) -> Iterator[Check]:
    """Yield whether the data directory is there, writable, private, and has room."""
    if not path.is_dir():
        yield Check("data_dir", "fail", f"{path.absolute()} does not exist", "run `netbilld init`")
        return
    if not os.access(path, os.R_OK | os.W_OK | os.X_OK):
        yield Check("data_dir", "fail", f"{path.absolute()} is not writable by this user", "run as the daemon's user")
    elif stat.S_IMODE(path.stat().st_mode) & 0o007:
        yield Check("data_dir", "warn", f"{path.absolute()} is open to every user", f"chmod o= {path.absolute()}")
    else:
        yield Check("data_dir", "ok", f"{path.absolute()} is writable")
    free = shutil.disk_usage(path).free
    said = f"{free // 1_000_000} MB free"
    if free < _TOO_FULL_OCTETS:
        yield Check("disk", "fail", said, "make room: without it accounting can't be answered")
    elif free < _LEAST_FREE_OCTETS:
        yield Check("disk", "warn", said, "make room soon")
    else:
        yield Check("disk", "ok", said)


def check_key_file(path: Path) -> tuple[Check, SecretBox | None]:
    """Return whether the key file can be used by us, and only by us."""
    try:
        box = read_key_file(path)
        mode = stat.S_IMODE(path.stat().st_mode)
    except NetbilldError as error:
        return failed("key", error), None
    if mode & 0o077:
        return Check("key", "warn", f"{path} can be read by others", f"chmod 600 {path}"), box
    return Check("key", "ok", f"{path} is readable"), box


async def check_database(database: Database, box: SecretBox | None, now: datetime) -> list[Check]:
    """Return whether the database answers, is set up safely, has our schema, and was sealed with our key."""
    checks: list[Check] = []
    try:
        await check_schema(database)
    except NetbilldError as error:
        name = "database" if error.code == "store_unavailable" else "schema"
        return [failed(name, error)]
    checks += await _round_trip(database)
    checks.append(Check("schema", "ok", f"version {newest_version()}"))
    if box is None:
        checks.append(Check("key_match", "unknown", "no key to compare", "mend the key first"))
    else:
        try:
            await verify_key(database, box)
            checks.append(Check("key_match", "ok", "the database was sealed with this key"))
        except NetbilldError as error:
            checks.append(failed("key_match", error))
            box = None
    async with database.read() as work:
        newest_at = await work.connection.scalar(text("SELECT max(at) FROM changes"))
        nas = await work.nas.all()
        doubts = await work.doubts.waiting()
    checks.append(_clock(now, newest_at))
    checks += [line for one in nas for line in _nas(one, box, now)]
    checks += [line for one in nas if (line := _unreached(one, nas)) is not None]
    if doubts:
        said = f"{doubts} reports can't be true and are not billed"
        checks.append(Check("usage", "warn", said, "`netbilld usage doubts` shows them; accept or reject each"))
    if not nas:
        checks.append(Check("nas", "warn", "no NAS is known", "`netbilld nas add NAME ADDRESS --secret-stdin`"))
    return checks


async def _round_trip(database: Database) -> list[Check]:
    started = time.perf_counter()
    async with database.write() as work:
        await work.meta.get("key_check")
        if database.is_sqlite:
            journal = await work.connection.scalar(text("PRAGMA journal_mode"))
            synchronous = await work.connection.scalar(text("PRAGMA synchronous"))
            version = await work.connection.scalar(text("SELECT sqlite_version()"))
            safe = (journal, synchronous) == ("wal", 2)
            said = f"SQLite {version}, journal {journal}, synchronous {'FULL' if synchronous == 2 else synchronous}"
        else:
            version = str(await work.connection.scalar(text("SHOW server_version")))
            settings = {
                name: str(await work.connection.scalar(text(f"SHOW {name}")))
                for name in ("fsync", "synchronous_commit")
            }
            safe = settings["fsync"] == "on" and settings["synchronous_commit"] != "off"
            said = f"PostgreSQL {version}, fsync {settings['fsync']}, commits {settings['synchronous_commit']}"
    seconds = time.perf_counter() - started
    said += f", answered in {seconds * 1000:.0f} ms"
    if not safe:
        return [Check("database", "fail", said, "turn durable commits on: money is kept here")]
    if seconds > _SLOW_SECONDS:
        return [Check("database", "warn", said, "see what keeps it busy")]
    return [Check("database", "ok", said)]


def _clock(now: datetime, newest_at: Any) -> Check:
    """Return whether the clock can be right: after this program was written, and not before the newest change."""
    if isinstance(newest_at, str):
        newest_at = datetime.fromisoformat(newest_at)
    if isinstance(newest_at, datetime) and newest_at.tzinfo is None:
        newest_at = newest_at.replace(tzinfo=UTC)
    if now < _WRITTEN_IN:
        return Check("clock", "fail", f"it shows {now:%Y-%m-%d %H:%M} UTC", "set the clock, run an NTP client")
    if isinstance(newest_at, datetime) and newest_at > now + timedelta(minutes=1):
        said = f"it shows {now:%Y-%m-%d %H:%M} UTC, the newest change is of {newest_at:%Y-%m-%d %H:%M}"
        return Check("clock", "fail", said, "set the clock, run an NTP client")
    if any(path.exists() for path in _SYNCHRONISED):
        return Check("clock", "ok", f"{now:%Y-%m-%d %H:%M:%S} UTC, follows a time server")
    said = f"{now:%Y-%m-%d %H:%M:%S} UTC; whether it follows a time server can't be known from here"
    return Check("clock", "unknown", said, "see `timedatectl` or `chronyc tracking`")


def _nas(nas: Nas, box: SecretBox | None, now: datetime) -> Iterator[Check]:
    name = f"nas {nas.name}"
    if box is not None:
        try:
            box.open(nas.secret_sealed, secret_place(nas.id))
        except NetbilldError as error:
            yield failed(name, error)
            return
    if nas.clock_off_seconds is not None:
        yield Check(name, "warn", f"its clock is {_off(nas.clock_off_seconds)}", "set its clock, run its NTP client")
    if nas.last_heard_at is None:
        hint = f"on the NAS, point RADIUS here and see that its packets come from {nas.address}"
        yield Check(name, "unknown", "never heard; whether its secret is right can't be known before", hint)
    elif now - nas.last_heard_at > _SILENT:
        minutes = int((now - nas.last_heard_at).total_seconds()) // 60
        yield Check(name, "warn", f"silent for {minutes} minutes", "see whether it is up, and reaches this machine")
    else:
        yield Check(name, "ok", f"last heard {nas.last_heard_at:%Y-%m-%d %H:%M:%S} UTC")


def _unreached(nas: Nas, others: Sequence[Nas]) -> Check | None:
    """Return that orders don't find a NAS behind its address; None where they do, or go another way."""
    if not shares_order_port(nas, others):
        return None
    said = f"not reachable for orders by RADIUS: another NAS has the address {nas.address} and CoA port too"
    if nas.api_url_sealed is not None:
        return Check(f"nas {nas.name}", "ok", f"{said}; its API is asked instead")
    hint = f"forward a port of its own to it and `netbilld nas set {nas.name} --coa-port …`, or --api-url"
    return Check(f"nas {nas.name}", "warn", said, hint)


def _off(seconds: int) -> str:
    """Return how far a clock is behind, in words; negative where it is fast."""
    minutes = abs(seconds) // 60
    days, hours = divmod(minutes // 60, 24)
    said = f"{days} days" if days > 1 else f"{days * 24 + hours} h {minutes % 60} min"
    return f"{said} {'slow' if seconds > 0 else 'fast'}; reports are dated by when they come"


def check_ports(settings: Settings, daemon: dict[str, Any] | None) -> Iterator[Check]:
    """Yield whether each port is free, or held by the daemon of this data directory; `daemon` is its status."""
    wanted: list[tuple[str, str, int, socket.SocketKind]] = []
    roles = set(settings.node.roles if daemon is None else daemon.get("roles", settings.node.roles))
    for host in settings.radius.host if Role.RADIUS in roles else ():
        wanted.append(("radius.auth_port", host, settings.radius.auth_port, socket.SOCK_DGRAM))
        wanted.append(("radius.acct_port", host, settings.radius.acct_port, socket.SOCK_DGRAM))
        if settings.radius.radsec_port is not None:
            wanted.append(("radius.radsec_port", host, settings.radius.radsec_port, socket.SOCK_STREAM))
    wanted.append(("panel.port", settings.panel.host, settings.panel.port, socket.SOCK_STREAM))
    if Role.PORTAL in roles:
        wanted.append(("portal.port", settings.portal.host, settings.portal.port, socket.SOCK_STREAM))
    for name, host, port, kind in wanted:
        place = f"{'UDP' if kind is socket.SOCK_DGRAM else 'TCP'} {host} {port}"
        trouble = _bind(host, port, kind)
        if daemon is not None:
            if trouble and trouble[0] == "taken":
                yield Check(name, "ok", f"{place} is held, and the daemon runs (pid {daemon.get('pid')})")
            else:
                hint = "settings differ from the daemon's: restart it, or name its --config"
                yield Check(name, "warn", f"{place}: the daemon runs, but not on this port", hint)
        elif trouble is None:
            yield Check(name, "ok", f"{place} is free")
        else:
            yield Check(name, "fail", f"{place}: {trouble[1]}", _PORT_HINTS[trouble[0]].format(port=port, name=name))


_PORT_HINTS: Final = {
    "taken": "`ss -lnpu` and `ss -lnpt` show who has port {port}; stop it, or set {name}",
    "forbidden": "ports below 1024 need CAP_NET_BIND_SERVICE; set {name} higher",
    "host": "set the host to an address of this machine",
}


def _bind(host: str, port: int, kind: socket.SocketKind) -> tuple[str, str] | None:
    """Return why that address can't be bound, None where it can."""
    try:
        family, _, _, _, address = socket.getaddrinfo(host, port, type=kind, flags=socket.AI_PASSIVE)[0]
        with closing(socket.socket(family, kind)) as probe:
            if kind is socket.SOCK_STREAM:  # as servers do: a connection that is closing is no obstacle
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
    except PermissionError:
        return "forbidden", "not allowed"
    except OSError as error:
        if isinstance(error, socket.gaierror) or error.errno == 99:  # EADDRNOTAVAIL
            return "host", "this machine has no such address"
        return "taken", "taken by another program"
    return None


def check_daemon(daemon: dict[str, Any] | None) -> Check:
    """Return how the daemon of this data directory does."""
    if daemon is None:
        return Check("daemon", "unknown", "none answers in this data directory", "`netbilld serve` starts one")
    said = f"version {daemon.get('version')}, pid {daemon.get('pid')}"
    troubles = [*daemon.get("reasons", ()), *daemon.get("notices", ())]
    if daemon.get("ready") is False:
        return Check("daemon", "fail", f"{said}, not ready: {'; '.join(troubles)}", "see its log")
    if troubles:
        return Check("daemon", "warn", f"{said}: {'; '.join(troubles)}", "see its log")
    return Check("daemon", "ok", f"{said}, ready")
