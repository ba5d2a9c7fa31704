"""The fake RouterOS is held against librouteros and against the manual's own examples, so that tests can lean on it."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import librouteros
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from librouteros import protocol as their_wire
from librouteros.exceptions import TrapError

from tests.routeros.console_text import ScriptError
from tests.routeros.fake_router import VERSION_6, FakeRouter, Line
from tests.routeros.terminal import Terminal
from tests.routeros.wire import encode_length, encode_sentence, passes, read_sentence

_open: list[Any] = []
WALL = {"list": "isolir", "address": "100.64.0.10"}


@pytest.fixture
async def router() -> AsyncIterator[FakeRouter]:
    async with FakeRouter() as router:
        yield router


async def connected(router: FakeRouter, **changes: Any) -> Any:
    said = {"username": router.user, "password": router.password, "port": router.port, "encoding": "utf-8", **changes}
    api = await librouteros.async_connect("127.0.0.1", **said)
    _open.append(api)
    return api


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    for api in _open:
        api.protocol.transport.writer.transport.abort()
    _open.clear()
    await asyncio.sleep(0)


async def rows(api: Any, *path: str) -> list[dict[str, Any]]:
    return [row async for row in api.path(*path)]


# -- octets ------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("length", "octets"),
    [(0, "00"), (5, "05"), (127, "7f"), (128, "8080"), (0x1000, "9000"), (0x4000, "c04000"), (0x200000, "e0200000"), (0x10000000, "f010000000")],
)  # fmt: skip
def test_a_words_length_is_written_as_the_manual_says_and_as_librouteros_writes_it(length: int, octets: str) -> None:
    assert encode_length(length).hex() == octets
    if length < 0x10000000:  # what it refuses to write
        assert their_wire.encode_length(length).hex() == octets


@settings(max_examples=200, deadline=None)
@given(st.lists(st.text(min_size=1, max_size=300), min_size=1, max_size=6))
def test_sentences_are_the_same_octets_as_those_of_librouteros(words: list[str]) -> None:
    ours = encode_sentence([word.encode() for word in words])
    assert ours == their_wire.encode_sentence(*words, encoding="utf-8")

    async def read() -> list[bytes]:
        reader = asyncio.StreamReader()
        reader.feed_data(ours)
        return await read_sentence(reader)

    assert asyncio.run(read()) == [word.encode() for word in words]


@pytest.mark.parametrize(
    ("queries", "found"),
    [
        (["?name=u1"], "u1"),
        (["?name=u1", "?name=u2", "?#|"], "u1 u2"),
        (["?name=u1", "?#!"], "u2 u3"),
        (["?-comment"], "u1 u3"),
        (["?comment"], "u2"),
        (["?comment", "?>number=5"], "u2"),
        (["?<number=8"], "u1 u3"),
        (["?=name=u3"], "u3"),
    ],
)
def test_query_words_are_a_stack_machine(queries: list[str], found: str) -> None:
    table = [
        {"name": "u1", "number": "1"},
        {"name": "u2", "number": "10", "comment": "x"},
        {"name": "u3", "number": "7"},
    ]
    sentence = [b"/print", *(query.encode() for query in queries)]
    assert " ".join(row["name"] for row in table if passes(row, sentence)) == found


# -- through librouteros -----------------------------------------------------------------------------------------------


async def test_entries_are_added_changed_and_removed(router: FakeRouter) -> None:
    api = await connected(router)
    lists = api.path("ip", "firewall", "address-list")
    number = await lists.add(**WALL, timeout="1h30m", comment="netbilld:s=1")
    (row,) = await rows(api, "ip", "firewall", "address-list")
    assert row[".id"] == number
    assert (row["address"], row["timeout"], row["dynamic"]) == ("100.64.0.10", "1h29m59s", True)
    await lists.update(**{".id": number, "comment": "another"})
    assert router.rows("/ip/firewall/address-list", comment="another")
    await lists.remove(number)
    assert await rows(api, "ip", "firewall", "address-list") == []
    assert await lists.add(**WALL) == number, "numbers are used again"


@pytest.mark.parametrize(
    ("path", "values", "words"),
    [
        ("/ip/firewall/address-list", WALL, "already have such entry"),
        ("/ip/firewall/address-list", {"list": "isolir", "address": "no address/99"}, "invalid value for argument address"),
        ("/ip/firewall/address-list", {"list": "isolir"}, "missing value(s) of argument(s) address"),
        ("/ip/firewall/address-list", {**WALL, "colour": "red"}, "unknown parameter colour"),
        ("/queue/simple", {"name": "q", "target": "10.0.0.1", "max-limit": "fast"}, "invalid value for argument max-limit"),
        ("/queue/simple", {"name": "q", "target": "10.0.0.1", "limit-at": "2M/2M", "max-limit": "1M/1M"}, "limit-at can not be greater"),
        ("/ppp/active", {"name": "budi"}, "no such command"),
        ("/ip/bakery", {"name": "budi"}, "no such command prefix"),
    ],
)  # fmt: skip
async def test_what_a_router_refuses_is_refused_in_its_words(
    router: FakeRouter, path: str, values: dict[str, str], words: str
) -> None:
    router.store["/ip/firewall/address-list"].add(WALL)
    api = await connected(router)
    with pytest.raises(TrapError, match=words.replace("(", r"\(").replace(")", r"\)")):
        await api.path(*path.strip("/").split("/")).add(**values)
    assert len(router.rows("/ip/firewall/address-list")) == 1


async def test_a_user_may_do_what_its_group_says(router: FakeRouter) -> None:
    Terminal(router.store).feed("""
        /user group add name=looker policy=read,api
        /user add name=looker group=looker password=secret
        /user add name=elsewhere group=full password=secret address=10.0.0.0/8
        /ppp secret add name=budi password=rahasia
    """)
    api = await connected(router, username="looker", password="secret")
    (secret,) = await rows(api, "ppp", "secret")
    assert "password" not in secret
    with pytest.raises(TrapError, match="not enough permissions"):
        await api.path("ppp", "secret").remove(secret[".id"])
    with pytest.raises(TrapError, match="invalid user name or password"):
        await connected(router, username="elsewhere", password="secret")
    assert "password" in (await rows(await connected(router), "ppp", "secret"))[0]


async def test_a_dynamic_queue_can_be_seen_and_not_edited(router: FakeRouter) -> None:
    router.lines = [Line("budi", rate_limit="5M/20M 8M/30M 4M/15M 10/10 6 1M/2M", address_lists=("isolir",))]
    api = await connected(router)
    (queue,) = await rows(api, "queue", "simple")
    wanted = {
        "name": "<pppoe-budi>", "target": "<pppoe-budi>", "max-limit": "5000000/20000000", "limit-at": "1000000/2000000",
        "burst-limit": "8000000/30000000", "burst-time": "10s/10s", "priority": "6/6", "dynamic": True,
    }  # fmt: skip
    assert {name: queue[name] for name in wanted} == wanted
    with pytest.raises(TrapError, match="can not change dynamic"):
        await api.path("queue", "simple").update(**{".id": queue[".id"], "max-limit": "1M/1M"})
    assert router.rows("/ip/firewall/address-list", list="isolir", address="100.64.0.10")
    (active,) = await rows(api, "ppp", "active")
    await api.path("ppp", "active").remove(active[".id"])
    assert router.lines == []
    assert router.rows("/queue/simple") == router.rows("/ip/firewall/address-list") == []
    with pytest.raises(TrapError, match="no such item"):
        await api.path("ppp", "active").remove(active[".id"])


async def test_a_reboot_forgets_what_is_dynamic_and_numbers_are_others() -> None:
    seconds = [0.0]
    async with FakeRouter(now=lambda: seconds[0]) as router:
        router.lines = [Line("budi", rate_limit="1M/1M")]
        Terminal(router.store).feed("""
            /ip firewall address-list
            add list=isolir address=100.64.0.10 timeout=10m
            add list=isolir address=100.64.0.11
            add list=other address=100.64.0.12 timeout=1m
            /queue simple add name=hand target=10.0.0.1 max-limit=1M/2M
        """)
        assert len(router.rows("/ip/firewall/address-list")) == 3
        seconds[0] = 61
        assert len(router.rows("/ip/firewall/address-list")) == 2
        before = router.rows("/queue/simple", name="hand")
        router.reboot()
        assert [row["address"] for row in router.rows("/ip/firewall/address-list")] == ["100.64.0.11"]
        (after,) = router.rows("/queue/simple")
        assert (after["name"], after["max-limit"]) == ("hand", "1000000/2000000")
        assert before[0][".id"] != "" != after[".id"]
        assert router.rows("/ppp/active") == []


async def test_places_in_an_order_are_kept(router: FakeRouter) -> None:
    api = await connected(router)
    queues = api.path("queue", "simple")
    last = await queues.add(name="all", target="100.64.0.0/10", **{"max-limit": "1G/1G"})
    await queues.add(name="first", target="100.64.0.10", **{"place-before": last})
    assert [row["name"] for row in router.rows("/queue/simple")] == ["first", "all"]
    assert [row["target"] for row in router.rows("/queue/simple")] == ["100.64.0.10/32", "100.64.0.0/10"]


async def test_a_router_of_version_6_has_the_menus_and_properties_of_version_6() -> None:
    async with FakeRouter(version=VERSION_6) as router:
        terminal = Terminal(router.store)
        terminal.feed("/system ntp client set enabled=yes primary-ntp=10.0.0.1")
        for line in (
            "/system ntp client servers add address=10.0.0.1",
            "/radius add service=ppp require-message-auth=no",
        ):
            with pytest.raises(ScriptError):
                terminal.feed(line)
        api = await connected(router)
        assert [row async for row in api("/ppp/active/print")] == []
        assert (await rows(api, "system", "resource"))[0]["version"] == VERSION_6


# -- the console -------------------------------------------------------------------------------------------------------


def test_a_script_is_carried_out_as_a_console_does(router: FakeRouter) -> None:
    terminal = Terminal(router.store)
    terminal.feed(r"""
        # the walled garden
        :if ([:len [/ip pool find name=isolir]] = 0) do={ /ip pool add name=isolir ranges=100.65.0.2-100.65.255.254 }
        :if ([:len [/ip pool find name="isolir"]] = 0) do={ /ip pool add name=isolir ranges=1.2.3.4 } else={ :put "it is there" }
        /ip firewall filter add chain=forward action=drop src-address-list=isolir comment="netbilld: \"walled\" \$1"
        /ip firewall filter add chain=forward action=fasttrack-connection connection-state=established,related \
            comment="hand made" place-before=[find comment~"^netbilld:"]
        /ip/firewall/filter/disable [find where comment="hand made" and action=fasttrack-connection]
        :local name "budi"; /ppp secret add name="$name@isp" password="a b;c" comment="\E2\82"
        /ppp secret
        set [find name~"budi"] disabled=yes profile=default
        :foreach one in=[find disabled=yes] do={ set $one comment="x" }
        :do { /ip pool remove nothing } on-error={ :put "nothing there" }
        :if (([:len [/ip pool find]] > 0) && !([/system identity get name] = "other")) do={ :put [/system identity get name] }
        """)
    assert terminal.printed == ["it is there", "nothing there", "pop1"]
    assert [row["comment"] for row in router.rows("/ip/firewall/filter")] == ["hand made", 'netbilld: "walled" $1']
    assert router.rows("/ip/firewall/filter", comment="hand made")[0]["disabled"] == "true"
    (secret,) = router.rows("/ppp/secret")
    assert (secret["name"], secret["password"], secret["comment"]) == ("budi@isp", "a b;c", "x")


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("/ip bakery add name=x", "line 1: bad command name bakery"),
        ("\n/ip pool add name=x colour=red", "line 2: missing value.*ranges"),
        ("/ip pool add name=x ranges=1.2.3.4 colour=red", "unknown parameter colour"),
        ("/ip pool remove nobody", "no such item"),
        ('/ip pool add name="x', "not closed"),
        (":if (1 = 1) do={ /ip pool add name=x ", "not closed"),
        ("/ip pool find colour=red", "bad parameter colour"),
        ("/ip pool add name=$x ranges=1.2.3.4", "x is not known"),
        ("/ip pool add name=x name=y ranges=1.2.3.4", "said twice"),
        ('/ip pool add name=a"b ranges=1.2.3.4', "wants quotation marks"),
    ],
)
def test_what_a_console_does_not_understand_names_the_line(router: FakeRouter, line: str, words: str) -> None:
    with pytest.raises(ScriptError, match=words):
        Terminal(router.store).feed(line)
