"""`netbilld import routeros` as it is typed, against a fake router."""

import asyncio
import json
import ssl
import stat
from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from netbilld.adapters.database.engine import Database
from tests.daemon_process import DaemonProcess
from tests.eap_certificates import make
from tests.routeros.fake_router import FakeRouter


class Typed:
    """A data directory without a daemon, and a router that it knows."""

    def __init__(self, daemon: DaemonProcess, router: FakeRouter) -> None:
        self._daemon, self.router = daemon, router

    async def __call__(self, *words: str, code: int = 0) -> str:
        ended = await asyncio.to_thread(self._daemon.run, *words)
        assert ended.returncode == code, ended.stderr
        return ended.stdout if not code else ended.stderr

    async def json(self, *words: str) -> Any:
        return json.loads(await self(*words, "--json"))

    async def heard(self) -> None:
        """Let the router have been heard, as after its first accounting."""
        database = Database(f"sqlite+aiosqlite:///{self._daemon.data_dir / 'netbilld.db'}")
        try:
            async with database.write() as work:
                nas = await work.nas.by_name("gate")
                assert nas is not None
                await work.nas.heard(nas.id, datetime.now(UTC))
        finally:
            await database.close()

    def off(self) -> list[str]:
        return [row["name"] for _, row in self.router.store["/ppp/secret"].rows() if row["disabled"] == "true"]


def tls(directory: Path) -> ssl.SSLContext:
    certificate, key = make("router.example.net").write(directory, "router")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    return context


@pytest.fixture
async def typed(tmp_path: Path) -> AsyncIterator[Typed]:
    daemon = DaemonProcess(tmp_path)
    async with FakeRouter() as router:
        router.store["/ppp/aaa"].only.values["use-radius"] = "true"
        router.store["/radius"].add({"service": "ppp", "address": "192.0.2.10", "secret": "x"})
        for name, more in (("budi", {"comment": "Budi"}), ("1001", {}), ("siti", {"profile": "50M"})):
            router.store["/ppp/secret"].add({"name": name, "password": "rahasia", **more})
        typed = Typed(daemon, router)
        await asyncio.to_thread(daemon.init)
        await asyncio.to_thread(daemon.plan)
        await asyncio.to_thread(daemon.nas, "gate", "192.0.2.1", "--api-url", router.url)
        yield typed


async def test_a_dry_run_then_the_import_then_nothing_twice(typed: Typed) -> None:
    words = ("import", "routeros", "GATE", "--map", "default=RUMAH20")
    told = await typed(*words, "--dry-run")
    assert "gate: 3 accounts; 2 would go in, 0 of them suspended; 0 are here already; 1 left out" in told
    assert "profile '50M' has no plan" in told
    assert await typed.json("subscriber", "list") == []
    done = await typed.json(*words)
    assert (done["accounts"], done["imported"], done["known"], done["dry_run"]) == (3, 2, 0, False)
    assert done["left_out"][0]["name"] == "siti"
    assert "rahasia" not in json.dumps(done)
    assert (await typed.json("subscriber", "show", "1001"))["username"] == "1001"
    assert (await typed.json(*words))["known"] == 2
    assert "write PROFILE=PLAN" in await typed("import", "routeros", "gate", "--map", "nothing", code=1)


async def test_turning_off_prints_the_undo_before_it_acts_and_keeps_it(typed: Typed, tmp_path: Path) -> None:
    await typed("import", "routeros", "gate", "--map", "default=RUMAH20")
    undo = tmp_path / "undo.rsc"
    words = ("import", "routeros", "gate", "--disable-local", "--batch", "1", "--undo", str(undo))
    assert "was never heard here" in await typed(*words, code=1)
    assert not undo.exists()
    await typed.heard()
    told = await typed(*words)
    assert told.index('/ppp secret enable [find name="budi"]') < told.index("gate: 1 accounts turned off")
    await typed(*words)
    assert undo.read_text() == '/ppp secret enable [find name="budi"]\n/ppp secret enable [find name="1001"]\n'
    assert stat.S_IMODE(undo.stat().st_mode) == 0o600
    assert typed.off() == ["budi", "1001"]
    back = await typed.json("import", "routeros", "gate", "--enable-local")
    assert ([one["name"] for one in back["done"]], typed.off()) == (["budi", "1001"], [])
    assert "--disable-local" in await typed("import", "routeros", "gate", "--batch", "2", code=1)


async def test_an_undo_that_can_not_be_kept_turns_nothing_off(typed: Typed, tmp_path: Path) -> None:
    await typed("import", "routeros", "gate", "--map", "default=RUMAH20")
    await typed.heard()
    undo = tmp_path / "nowhere" / "undo.rsc"
    words = ("import", "routeros", "gate", "--disable-local", "--undo", str(undo))
    assert "can't be written, so nothing was turned off" in await typed(*words, code=1)
    assert typed.off() == []


@pytest.mark.parametrize(
    ("fault", "said"),
    [
        ("rights", "needs the policies read, write, api and sensitive"),
        ("sensitive", "shows no passwords"),
        ("password", "does not let netbilld log in"),
        ("certificate", "shows another certificate than the fingerprint says"),
        ("no api", "the API of NAS 'gate' is not known"),
        ("no nas", "no NAS has the name 'nowhere'"),
    ],
)
async def test_what_is_wrong_with_the_api_is_said_in_one_line(
    typed: Typed, tmp_path: Path, fault: str, said: str
) -> None:
    """Issue 5, bad input: an API user without rights, a certificate that doesn't match."""
    name, url = "gate", typed.router.url
    group = typed.router.store["/user/group"].where(name="full")[0]
    if fault == "rights":
        group.values["policy"] = "api"
    elif fault == "sensitive":
        group.values["policy"] = "api,read,write"
    elif fault == "password":
        url = url.replace("rahasia", "salah")
    elif fault == "no api":
        url = ""
    elif fault == "no nas":
        name = "nowhere"
    if fault == "certificate":
        async with FakeRouter(tls=tls(tmp_path)) as secure:
            await typed("nas", "set", "gate", "--api-url", f"{secure.url}?fingerprint={'0' * 64}")
            refusal = await typed("import", "routeros", name, code=1)
    else:
        await typed("nas", "set", "gate", "--api-url", url)
        refusal = await typed("import", "routeros", name, code=1)
    assert said in refusal
    assert refusal.count("\n") == 1
    assert "salah" not in refusal
