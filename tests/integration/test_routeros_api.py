"""The RouterOS API over a real socket: what a router says is read as it is, and its faults cost nobody else anything."""

import asyncio
import logging
import ssl
import time
from collections.abc import AsyncIterator, Callable
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any
from uuid import UUID, uuid4

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from netbilld.accounting.session import Session
from netbilld.adapters.nas.routeros import IDLE_SECONDS, RouterosConnection, RouterosError, RouterosTrapError
from netbilld.adapters.nas.routeros_sessions import RouterosSessions, duration_seconds
from netbilld.model.api_address import ApiAddress, parse_api_address
from netbilld.model.errors import InvalidInputError
from netbilld.ports.ask_nas import Presence
from tests.builders.sessions import session as a_session
from tests.eap_certificates import make
from tests.routeros.fake_router import FakeRouter, Line

NAS = UUID(int=1)
_made: list[RouterosConnection | RouterosSessions] = []


@pytest.fixture(autouse=True)
async def closed() -> AsyncIterator[None]:
    yield
    for made in _made:
        made.close()
    _made.clear()
    await asyncio.sleep(0)


@pytest.fixture
async def router() -> AsyncIterator[FakeRouter]:
    async with FakeRouter() as router:
        yield router


def address(router: FakeRouter, more: str = "") -> ApiAddress:
    found = parse_api_address(router.url + more)
    assert found is not None
    return found


class Clock:
    def __init__(self) -> None:
        self.ahead = 0.0

    def monotonic(self) -> float:
        return time.monotonic() + self.ahead


def connection(
    router: FakeRouter, *, more: str = "", timeout_seconds: float = 1.0, clock: Clock | None = None
) -> RouterosConnection:
    made = RouterosConnection(
        address(router, more),
        timeout_seconds=timeout_seconds,
        monotonic=(clock or Clock()).monotonic,
        jitter=lambda: 0.5,
    )
    _made.append(made)
    return made


def sessions_of(*routers: tuple[UUID, FakeRouter], timeout_seconds: float = 1.0) -> RouterosSessions:
    reader = RouterosSessions(
        timeout_seconds=timeout_seconds, now=lambda: datetime.now(UTC), monotonic=time.monotonic, jitter=lambda: 0.5
    )
    reader.use({nas_id: address(router) for nas_id, router in routers})
    _made.append(reader)
    return reader


def session(username: str = "budi", acct_session_id: str = "81100001", *, number: int = 1, **changes: Any) -> Session:
    now = datetime.now(UTC)
    return a_session(
        **{
            "id": number,
            "nas_id": NAS,
            "username": username,
            "acct_session_id": acct_session_id,
            "acct_session_key": acct_session_id.casefold().removeprefix("0x"),
            "framed_ip": "100.64.0.10",
            "mac": "02:00:00:00:00:01",
            "started_at": now,
            "updated_at": now,
            **changes,
        }
    )


# -- addresses ---------------------------------------------------------------------------------------------------------


def test_an_api_address_says_where_the_router_is_and_how_to_get_in() -> None:
    assert parse_api_address("api://net%40bill:p%3Aw@10.0.0.1") == ApiAddress("10.0.0.1", 8728, "net@bill", "p:w")
    secure = parse_api_address("api-ssl://u:p@[2001:db8::1]:18729?fingerprint=" + "AB" * 32)
    assert secure == ApiAddress("2001:db8::1", 18729, "u", "p", is_tls=True, fingerprint="ab" * 32)
    assert parse_api_address("https://u:p@10.0.0.1") is None


@pytest.mark.parametrize(
    "url",
    ["api://10.0.0.1", "api-ssl://u:rahasia@h?fingerprint=12", "api://u:rahasia@h?verify=no", "api://u:rahasia@h?x=1"],
)
def test_an_api_address_that_is_not_understood_is_refused_without_being_quoted(url: str) -> None:
    with pytest.raises(InvalidInputError) as caught:
        parse_api_address(url)
    assert "rahasia" not in str(caught.value)


def test_the_password_is_in_no_repr() -> None:
    assert "rahasia" not in repr(parse_api_address("api://u:rahasia@h"))


# -- logging in --------------------------------------------------------------------------------------------------------


async def test_values_stay_the_text_they_are_whatever_they_look_like(router: FakeRouter) -> None:
    router.lines = [Line("1001"), Line("no", "0x81100002"), Line("bùdi — 東京", "0x81100003")]
    rows = await connection(router).rows("/ppp/active/print", "=.proplist=name")
    assert rows == [{"name": "1001"}, {"name": "no"}, {"name": "bùdi — 東京"}]


async def test_a_router_older_than_6_43_is_answered_its_challenge() -> None:
    async with FakeRouter(is_old=True, password="password") as router:
        assert await connection(router).rows("/system/identity/print") == [{"name": "pop1"}]
        assert router.logins == 1


async def test_a_wrong_password_is_said_so_and_the_socket_given_back(
    router: FakeRouter, caplog: pytest.LogCaptureFixture
) -> None:
    router.password = "another"
    asking = RouterosConnection(
        ApiAddress("127.0.0.1", router.port, "netbilld", "very-secret"),
        timeout_seconds=1,
        monotonic=time.monotonic,
        jitter=lambda: 0.5,
    )
    with caplog.at_level(logging.DEBUG), pytest.raises(RouterosError, match="does not let netbilld log in"):
        await asking.rows("/system/identity/print")
    assert "very-secret" not in caplog.text + str(asking.last_error)
    await until(lambda: router.open == 0)


async def test_a_router_whose_places_are_all_taken_is_told_apart() -> None:
    async with FakeRouter(max_sessions=1) as router:
        first, second = connection(router), connection(router)
        await first.rows("/system/identity/print")
        with pytest.raises(RouterosError, match="max-sessions"):
            await second.rows("/system/identity/print")


async def test_one_connection_serves_many_questions(router: FakeRouter) -> None:
    asking = connection(router)
    await asyncio.gather(*(asking.rows("/system/identity/print") for _ in range(5)))
    assert (router.logins, len(router.asked)) == (1, 5)


async def test_api_ssl_takes_the_certificate_named_and_no_other(tmp_path: Path) -> None:
    pair = make("router.example.net")
    certificate, key = pair.write(tmp_path, "router")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, key)
    fingerprint = sha256(pair.certificate.public_bytes(Encoding.DER)).hexdigest()
    async with FakeRouter(tls=context) as router:
        rows = await connection(router, more=f"?fingerprint={fingerprint}").rows("/system/identity/print")
        assert rows == [{"name": "pop1"}]
        assert await connection(router, more="?verify=no").rows("/system/identity/print")
        with pytest.raises(RouterosError, match="another certificate"):
            await connection(router, more=f"?fingerprint={'0' * 64}").rows("/system/identity/print")
        with pytest.raises(RouterosError, match="can't be verified"):
            await connection(router).rows("/system/identity/print")
        assert router.logins == 2


# -- faults ------------------------------------------------------------------------------------------------------------


async def test_a_refused_command_is_an_answer_and_the_connection_goes_on(router: FakeRouter) -> None:
    router.faults.refuse_command = "/ppp/active/print"
    asking = connection(router)
    with pytest.raises(RouterosTrapError, match="not enough permissions"):
        await asking.rows("/ppp/active/print")
    assert await asking.rows("/system/identity/print") == [{"name": "pop1"}]
    assert router.logins == 1


async def test_no_data_is_no_rows(router: FakeRouter) -> None:
    assert await connection(router).rows("/ppp/active/print") == []


@pytest.mark.parametrize(
    ("fault", "value", "why"),
    [
        ("fatal", True, "ended the connection"),
        ("silent", True, "no answer within"),
        ("break_after", 9, "closed the connection"),
        ("garbage", b"\xf8\xff\xff", "no RouterOS API"),
        ("garbage", b"\xe7\xff\xff\xff" + b"x" * 100, "no RouterOS API"),  # a word of 100 MB
        ("garbage", b"\x01=" * 300, "no RouterOS API"),  # a sentence that never ends
    ],
)
async def test_after_any_fault_the_connection_is_closed_and_the_router_left_alone_for_a_while(
    router: FakeRouter, fault: str, value: object, why: str
) -> None:
    clock = Clock()
    asking = connection(router, timeout_seconds=0.3, clock=clock)
    await asking.rows("/system/identity/print")
    setattr(router.faults, fault, value)
    with pytest.raises(RouterosError, match=why):
        await asking.rows("/system/identity/print")
    assert not asking.is_open
    setattr(router.faults, fault, None if fault in {"garbage", "break_after"} else False)
    asked = len(router.asked)
    with pytest.raises(RouterosError, match=why):
        await asking.rows("/system/identity/print")
    assert len(router.asked) == asked, "it is left alone"
    clock.ahead += 5
    assert await asking.rows("/system/identity/print") == [{"name": "pop1"}]


async def test_each_further_failure_makes_the_pause_longer_up_to_a_minute(router: FakeRouter) -> None:
    clock = Clock()
    asking = connection(router, timeout_seconds=0.2, clock=clock)
    router.password = "another"
    for _ in range(12):
        with pytest.raises(RouterosError):
            await asking.rows("/system/identity/print")
        clock.ahead += 91
    router.password = "rahasia"
    assert await asking.rows("/system/identity/print")


async def test_answers_arrive_whole_however_they_are_cut(router: FakeRouter) -> None:
    router.lines = [Line("x" * 200), Line("budi", "0x81100002")]
    router.faults.dribble = router.faults.empty_sentences = True
    rows = await connection(router, timeout_seconds=5).rows("/ppp/active/print", "=.proplist=name")
    assert [row["name"] for row in rows] == ["x" * 200, "budi"]


async def test_a_connection_that_died_in_a_quiet_hour_is_made_anew_without_a_failure(router: FakeRouter) -> None:
    clock = Clock()
    asking = connection(router, clock=clock)
    await asking.rows("/system/identity/print")
    router.drop_connections()
    await until(lambda: router.open == 0)
    clock.ahead += IDLE_SECONDS + 1
    assert await asking.rows("/system/identity/print") == [{"name": "pop1"}]
    assert asking.last_error is None


async def test_who_is_cancelled_leaves_no_half_read_answer_to_the_next(router: FakeRouter) -> None:
    router.lines = [Line("budi")]
    asking = connection(router)
    router.faults.delay_seconds = 0.3
    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.1):
            await asking.rows("/ppp/active/print")
    router.faults.delay_seconds = 0
    assert await asking.rows("/system/identity/print") == [{"name": "pop1"}]


# -- sessions ----------------------------------------------------------------------------------------------------------


async def test_a_ppp_sessions_counters_are_those_of_its_interface(router: FakeRouter) -> None:
    """What the router receives is the subscriber's upload."""
    router.lines = [Line("budi", rx_octets=111, tx_octets=7_000_000_000, uptime="1h2m3s")]
    answer = (await sessions_of((NAS, router)).ask(NAS, [session()]))[1]
    assert (answer.presence, answer.source) == (Presence.THERE, "api")
    assert (answer.upload_octets, answer.download_octets, answer.session_seconds) == (111, 7_000_000_000, 3723)


async def test_a_session_the_router_does_not_show_is_gone_also_when_its_name_is_there_again(router: FakeRouter) -> None:
    router.lines = [Line("budi", "0x81100009", rx_octets=5, tx_octets=5)]
    answers = await sessions_of((NAS, router)).ask(NAS, [session(), session("siti", "81100002", number=2)])
    assert [answers[number].presence for number in (1, 2)] == [Presence.GONE, Presence.GONE]


async def test_a_router_that_does_not_say_which_session_it_is_says_of_none_that_it_is_gone(router: FakeRouter) -> None:
    router.lines = [Line("budi", "", rx_octets=5, tx_octets=5)]
    assert await sessions_of((NAS, router)).ask(NAS, [session()]) == {}


@pytest.mark.parametrize("name", ["rumah ibu — 東京", "no", "1001", "=x=y"])
async def test_a_session_is_found_whatever_its_user_is_called(router: FakeRouter, name: str) -> None:
    router.lines = [Line(name, rx_octets=3, tx_octets=4)]
    answer = (await sessions_of((NAS, router)).ask(NAS, [session(name)]))[1]
    assert (answer.presence, answer.upload_octets) == (Presence.THERE, 3)


async def test_a_name_whose_octets_are_not_known_any_more_is_not_asked_for(router: FakeRouter) -> None:
    """Not UTF-8, it was kept with U+FFFD in it: the router would know nobody of that name."""
    assert await sessions_of((NAS, router)).ask(NAS, [session("b\ufffd"), session("", number=2)]) == {}
    assert router.asked == []


async def test_two_sessions_of_one_name_are_there_but_their_interfaces_are_not_guessed(router: FakeRouter) -> None:
    router.lines = [
        Line("budi", rx_octets=1, tx_octets=1),
        Line("budi", "0x81100002", rx_octets=9, tx_octets=9, number=1),
    ]
    answers = await sessions_of((NAS, router)).ask(NAS, [session(), session("budi", "81100002", number=2)])
    assert [(answers[number].presence, answers[number].upload_octets) for number in (1, 2)] == [
        (Presence.THERE, None),
        (Presence.THERE, None),
    ]


async def test_counters_lower_than_known_are_not_this_sessions(router: FakeRouter) -> None:
    router.lines = [Line("budi", rx_octets=1, tx_octets=99)]
    answers = await sessions_of((NAS, router)).ask(NAS, [session(counter_upload_octets=2, counter_download_octets=50)])
    assert (answers[1].presence, answers[1].upload_octets) == (Presence.THERE, None)


async def test_a_hotspot_sessions_row_has_its_counters(router: FakeRouter) -> None:
    router.lines = [
        Line("1001", service="hotspot", rx_octets=10, tx_octets=20, uptime="5s"),
        Line("1001", service="hotspot", rx_octets=1, tx_octets=2, address="100.64.0.11", mac="02:00:00:00:00:02"),
    ]
    answers = await sessions_of((NAS, router)).ask(
        NAS, [session("1001", "80100001"), session("1002", "80100002", number=2)]
    )
    assert (answers[1].upload_octets, answers[1].download_octets, answers[1].session_seconds) == (10, 20, 5)
    assert answers[2].presence is Presence.GONE


async def test_sessions_of_other_services_and_unknown_routers_are_not_spoken_of(router: FakeRouter) -> None:
    reader = sessions_of((NAS, router))
    assert await reader.ask(NAS, [session("budi", "83100001")]) == {}
    assert await reader.ask(uuid4(), [session()]) == {}


async def test_hundreds_are_asked_for_together(router: FakeRouter) -> None:
    router.lines = [Line(f"u{n}", f"0x811{n:05x}", rx_octets=n, tx_octets=n) for n in range(250)]
    wanted = [session(f"u{n}", f"811{n:05x}", number=n) for n in range(250)]
    answers = await sessions_of((NAS, router)).ask(NAS, wanted)
    assert [answers[n].upload_octets for n in range(250)] == list(range(250))
    assert len(router.asked) == 6


async def test_a_router_that_does_not_answer_delays_no_other(router: FakeRouter) -> None:
    async with FakeRouter() as dead:
        dead.faults.silent = True
        other = uuid4()
        router.lines = [Line("budi", rx_octets=1, tx_octets=1)]
        reader = sessions_of((NAS, router), (other, dead), timeout_seconds=5)
        waiting = asyncio.ensure_future(reader.ask(other, [session()]))
        async with asyncio.timeout(2):
            assert (await reader.ask(NAS, [session()]))[1].upload_octets == 1
        assert not waiting.done()
        waiting.cancel()
        await asyncio.gather(waiting, return_exceptions=True)


async def test_nobody_is_gone_because_the_router_can_not_be_asked(router: FakeRouter) -> None:
    router.faults.refuse_command = "/ppp/active/print"
    reader = sessions_of((NAS, router))
    assert await reader.ask(NAS, [session()]) == {}
    router.faults.refuse_command = None
    router.faults.break_after = 5
    assert await reader.ask(NAS, [session()]) == {}


async def test_resources_are_read_as_text(router: FakeRouter) -> None:
    resources = await sessions_of((NAS, router)).resources(NAS)
    assert resources["version"] == "7.16.2 (stable)"


async def test_a_changed_address_closes_the_old_connection(router: FakeRouter) -> None:
    reader = sessions_of((NAS, router))
    await reader.resources(NAS)
    reader.close()
    await until(lambda: router.open == 0)


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("0s", 0),
        ("12s", 12),
        ("1w2d3h4m5s", 788_645),
        ("4h20m11s", 15_611),
        ("00:12:33", 753),
        ("1d02:03:04", 93_784),
        ("2w1d00:00:01", 1_296_001),
        ("3s250ms", 3),
        ("never", None),
        ("", None),
    ],
)
def test_durations_are_read_as_every_version_writes_them(text: str, seconds: int | None) -> None:
    assert duration_seconds(text) == seconds


async def until(condition: Callable[[], bool]) -> None:
    async with asyncio.timeout(5):
        while not condition():
            await asyncio.sleep(0.01)
