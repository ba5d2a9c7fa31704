"""Routers behind one address, and one that takes another's place, over the sockets of a real daemon."""

from collections.abc import Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest

from netbilld.radius.attributes import CALLING_STATION_ID, NAS_IDENTIFIER
from tests.daemon_process import FLAT_PLAN, SECRET, DaemonProcess
from tests.nas_socket import ACCEPT, ACCOUNTING_RESPONSE, REJECT, NasSocket
from tests.peers import wait_until

pytestmark = [pytest.mark.slow]

ONE_AT_ONCE = FLAT_PLAN.replace("RUMAH20", "SATU").replace("Rumah 20 Mbps", "Satu") + (
    '[sessions]\nallowed = 1\nsecond = "refuse"\n'
)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    directory: Path = tmp_path_factory.mktemp("shared-address")
    with DaemonProcess(directory, NETBILLD_RADIUS__WORKERS="2") as running:
        running.init()
        running.plan()
        running.plan(ONE_AT_ONCE)
        running.nas("hill", "127.0.0.1", "--identifier", "RB-HILL")
        running.cli("nas", "add", "port", "127.0.0.1", "--identifier", "RB-PORT")
        running.nas("gate", "127.0.0.2")
        for name in ("budi", "siti"):
            running.cli("subscriber", "add", name, "--plan", "RUMAH20", "--password", "rahasia")
        running.cli("subscriber", "add", "tono", "--plan", "SATU", "--password", "rahasia")
        running.start()
        yield running


def named(identifier: str) -> tuple[int, bytes]:
    return NAS_IDENTIFIER, identifier.encode()


def sessions(daemon: DaemonProcess, username: str, *more: str) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = daemon.json("session", "list", "--username", username, *more)
    return found


def is_there(daemon: DaemonProcess, *words: str) -> bool:
    return bool(daemon.json(*words))


def test_log_ins_and_accounting_are_those_of_the_router_that_is_named(daemon: DaemonProcess) -> None:
    with NasSocket(daemon) as nas:
        for username, router, told_by in (("budi", "hill", "RB-HILL"), ("siti", "port", "RB-PORT")):
            assert nas.ask(nas.login_request(username, "rahasia", named(told_by))) == ACCEPT
            assert nas.account("start", user=username, session_id="81000001", extra=(named(told_by),)) == (
                ACCOUNTING_RESPONSE
            )
            wait_until(partial(is_there, daemon, "session", "list", "--username", username), f"{username} is online")
            assert sessions(daemon, username)[0]["nas"] == router
            wait_until(partial(is_there, daemon, "auth", "log", "--username", username), "it is in the log")
            assert {line["nas"] for line in daemon.json("auth", "log", "--username", username)} == {router}
    listed = {nas["name"]: (nas["told_by"], nas["orders"]) for nas in daemon.json("nas", "list")}
    assert listed == {
        "hill": ("RB-HILL", "not_reachable"), "port": ("RB-PORT", "not_reachable"), "gate": (None, "reachable"),
    }  # fmt: skip
    assert "not reachable for orders" in daemon.cli("nas", "list")
    warned = [line for line in daemon.json_of("doctor")["checks"] if line["name"] == "nas hill"]
    assert any("not reachable for orders by RADIUS" in line["detail"] for line in warned)


def test_a_router_that_calls_itself_otherwise_gets_silence_and_is_said(daemon: DaemonProcess) -> None:
    with NasSocket(daemon) as nas:
        request = nas.login_request("budi", "rahasia", named("RB-NEW"))
        assert nas.ask(request, tries=1) is None
        assert nas.ask(nas.login_request("tono", "rahasia", named("RB-NEW")), tries=1) is None
        assert nas.ask(nas.login_request("budi", "rahasia"), tries=1) is None
    (check,) = [line for line in daemon.json_of("doctor")["checks"] if "RB-NEW" in line["detail"]]
    assert (check["name"], check["result"]) == ("radius", "warn")
    assert "--identifier" in check["hint"]
    assert "several NAS have this address" in daemon.log
    explained = daemon.run("explain", "tono").stdout
    assert "dengan nama RB-NEW yang bukan nama salah satunya" in explained
    daemon.cli("nas", "set", "hill", "--identifier", "RB-NEW")

    def let_in() -> bool:
        with NasSocket(daemon) as again:
            return again.ask(again.login_request("budi", "rahasia", named("RB-NEW")), tries=1) == ACCEPT

    wait_until(let_in, "the new name is known")
    daemon.cli("nas", "set", "hill", "--identifier", "RB-HILL")


def test_a_new_router_in_the_place_of_one_lets_its_subscribers_in_again(daemon: DaemonProcess) -> None:
    first, second = ((CALLING_STATION_ID, f"AA:BB:CC:00:00:0{number}".encode()) for number in (1, 2))
    with NasSocket(daemon, "127.0.0.2") as old:
        assert old.ask(old.login_request("tono", "rahasia", first)) == ACCEPT
        assert old.account("start", user="tono", session_id="81000009", mac="AA:BB:CC:00:00:01") == ACCOUNTING_RESPONSE
        wait_until(lambda: len(sessions(daemon, "tono")) == 1, "tono is online")
        assert old.ask(old.login_request("tono", "rahasia", second)) == REJECT
    said = daemon.cli("nas", "replace", "gate", "--address", "127.0.0.3", "--secret", SECRET)
    assert said == "NAS gate replaced: 127.0.0.3/32, 1 sessions of the old router ended\n"
    with NasSocket(daemon, "127.0.0.3") as new:
        wait_until(
            lambda: new.ask(new.login_request("tono", "rahasia", second), tries=1) == ACCEPT, "the limit has room again"
        )
    (over,) = sessions(daemon, "tono", "--all")
    assert (over["nas"], over["terminate_cause"], over["state"]) == ("gate", "replaced", "closed")
    with NasSocket(daemon, "127.0.0.2") as old:
        assert old.ask(old.login_request("tono", "rahasia", first), tries=1) is None
