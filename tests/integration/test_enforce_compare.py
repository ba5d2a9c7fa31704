"""`netbilld enforce compare NAME`: what a router does, beside what is due, on both databases."""

import json
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest

from netbilld.adapters.database.engine import Database
from netbilld.adapters.database.tables import nas
from netbilld.adapters.secretbox import SecretBox
from netbilld.cli.commands import enforce_command
from netbilld.cli.context import Context
from netbilld.cli.main import REFUSED, Parser
from netbilld.model.errors import NotFoundError, RefusedError
from netbilld.model.nas import api_url_place
from tests.enforcement_world import NOW, World
from tests.routeros.fake_router import FakeRouter, Line


@pytest.fixture
def config(tmp_path: Path, migrated_url: str, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.delenv("NETBILLD_CONFIG", raising=False)
    file = tmp_path / "netbilld.toml"
    file.write_text(f'data_dir = "{tmp_path}"\ndatabase_url = "{migrated_url}"\ntimezone = "Asia/Jakarta"\n')
    return file


@pytest.fixture
async def world(database: Database, box: SecretBox) -> World:
    return await World(database, box).open()


@pytest.fixture
async def router() -> AsyncIterator[FakeRouter]:
    async with FakeRouter() as router:
        yield router


async def compare(config: Path, box: SecretBox, *words: str) -> Any:
    parser = Parser()
    enforce_command.configure(parser)
    options = parser.parse_args(["compare", *words, "--config", str(config)])
    context = Context(config=config, json_wanted=getattr(options, "json", False))
    context.box = box
    return await enforce_command.run(options, context)


async def home(world: World, nas_id: Any, name: str, number: int) -> Line:
    """Let a subscriber log in, and return how its session looks on the router."""
    service_id = await world.add_service(name)
    await world.entitle().run(None, "start", NOW)
    address = f"100.64.0.{number}"
    await world.log_in(nas_id, service_id, name, acct_session_id=f"8110000{number}", framed_ip=address)
    return Line(name, f"0x8110000{number}", address=address, rate_limit="10M/20M")


async def town(world: World, router: FakeRouter) -> dict[str, Line]:
    nas_id = await world.add_nas("pop1", "192.0.2.1", 3799)
    sealed = world.box.seal(router.url.encode(), api_url_place(nas_id))
    await world.set(nas, nas.c.id == nas_id, api_url_sealed=sealed)
    homes = {name: await home(world, nas_id, name, number) for number, name in enumerate(("ani", "budi", "citra"), 1)}
    router.lines = list(homes.values())
    return homes


async def test_a_router_that_does_what_is_due_differs_in_nothing(
    world: World, router: FakeRouter, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await town(world, router)
    assert await compare(config, world.box, "pop1", "--json") is None
    told = json.loads(capsys.readouterr().out)
    assert told == {
        "nas": "pop1", "sessions": 3, "agrees": 3, "differs": 0, "gone": 0, "unknown": 0, "differences": []
    }  # fmt: skip
    assert [words[0] for words in router.asked if not words[0].endswith("/print")] == []


async def test_each_difference_is_a_line_and_the_exit_code_says_that_there_are_some(
    world: World, router: FakeRouter, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    homes = await town(world, router)
    homes["ani"].rate_limit = "50M/50M"  # somebody was generous
    router.lines.remove(homes["citra"])
    assert await compare(config, world.box, "POP1", "--json") == REFUSED
    told = json.loads(capsys.readouterr().out)
    assert (told["agrees"], told["differs"], told["gone"]) == (1, 1, 1)
    assert [(one["username"], one["result"], one["words"]) for one in told["differences"]] == [
        ("ani", "differs", "its queue lets 50M/50M through, due is 10M/20M"),
        ("citra", "gone", "its NAS has no such session"),
    ]
    assert await compare(config, world.box, "pop1") == REFUSED
    out, err = capsys.readouterr()
    assert "its queue lets 50M/50M through, due is 10M/20M" in out
    assert "3 sessions on pop1: 1 agrees, 1 differs, 1 gone, 0 unknown" in err


async def test_who_can_t_be_asked_is_said_and_nothing_is_taken_for_agreement(
    world: World, router: FakeRouter, config: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await town(world, router)
    await world.add_nas("pop2", "192.0.2.2", 3799)
    with pytest.raises(NotFoundError):
        await compare(config, world.box, "pop9")
    with pytest.raises(RefusedError, match="nas set pop2 --api-url"):
        await compare(config, world.box, "pop2")
    router.store["/user/group"].set(router.store["/user/group"].where(name="full")[0], {"policy": "api,write"})
    assert await compare(config, world.box, "pop1", "--json") is None
    out, err = capsys.readouterr()
    assert json.loads(out)["unknown"] == 3
    assert "needs the policies read and api" in err
    router.password = "another"
    pop1 = next(row["id"] for row in await world.rows(nas) if row["name"] == "pop1")
    changed = world.box.seal(router.url.replace("another", "wrong").encode(), api_url_place(pop1))
    await world.set(nas, nas.c.name == "pop1", api_url_sealed=changed)
    with pytest.raises(RefusedError, match="does not let netbilld log in") as caught:
        await compare(config, world.box, "pop1")
    assert "wrong" not in str(caught.value)
