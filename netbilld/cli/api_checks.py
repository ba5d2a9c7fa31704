"""What `netbilld doctor` asks routers over their API: whether they let us in, and whether they take orders."""

import asyncio
import secrets
import time
from typing import Final

from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.cli.checks import Check, failed
from netbilld.model.errors import NetbilldError
from netbilld.model.nas import Nas, api_url_place

_AT_ONCE: Final = 32


async def check_apis(database: Database, box: SecretBox, timeout_seconds: float) -> list[Check]:
    """Return a line for each NAS with an API address; they are asked at the same time.

    Raises:
        StoreUnavailableError: the database is away.
    """
    async with database.read() as work:
        with_api = [nas for nas in await work.nas.all() if nas.api_url_sealed is not None]
    places = asyncio.Semaphore(_AT_ONCE)

    async def check(nas: Nas) -> list[Check]:
        async with places:
            return await _check(nas, box, timeout_seconds)

    return [line for lines in await asyncio.gather(*map(check, with_api)) for line in lines]


async def _check(nas: Nas, box: SecretBox, timeout_seconds: float) -> list[Check]:
    from netbilld.adapters.nas.routeros import (  # noqa: PLC0415 - slow to load, and many have none
        RouterosConnection,
        RouterosError,
        RouterosTrapError,
    )
    from netbilld.model.api_address import parse_api_address  # noqa: PLC0415 - likewise

    name = f"api {nas.name}"
    try:
        address = parse_api_address(box.open(nas.api_url_sealed or b"", api_url_place(nas.id)).decode())
    except NetbilldError as error:
        return [failed(name, error)]
    if address is None:
        return [Check(name, "unknown", "not asked: only api:// and api-ssl:// are spoken")]
    asked = RouterosConnection(
        address,
        timeout_seconds=timeout_seconds,
        monotonic=time.monotonic,
        jitter=lambda: secrets.randbelow(1000) / 1000,
    )
    try:
        rows = await asked.rows("/system/resource/print", "=.proplist=version,uptime")
        version = next((row["version"] for row in rows if "version" in row), "of unknown version")
        checks = [Check(name, "ok", f"RouterOS {version}, answered in {(asked.latency_seconds or 0) * 1000:.0f} ms")]
        incoming = next(iter(await asked.rows("/radius/incoming/print")), {})
    except RouterosTrapError as error:
        return [Check(name, "warn", f"it refuses a command: {error}", "its user needs the policies read and api")]
    except RouterosError as error:
        return [Check(name, "warn", str(error), f"see `nas show {nas.name}` and, on it, `/ip service` and `/user`")]
    finally:
        asked.close()
    if incoming.get("accept") in {"no", "false"}:
        hint = f"on it: `/radius incoming set accept=yes port={nas.coa_port}`"
        checks.append(Check(name, "fail", "it takes no orders: RADIUS incoming is off", hint))
    elif incoming.get("port", str(nas.coa_port)) != str(nas.coa_port):
        hint = f"`netbilld nas set {nas.name} --coa-port {incoming['port']}`"
        checks.append(Check(name, "fail", f"it takes orders at port {incoming['port']}, not {nas.coa_port}", hint))
    return checks
