"""The brake in a running daemon, by its command line: nobody of a run that is too big is cut off."""

from pathlib import Path

import pytest

from tests.builders.plans import PREPAID_TEXT
from tests.daemon_process import DaemonProcess
from tests.peers import wait_until

NAMES = ("budi", "siti", "ani", "joko", "wati")


def access(daemon: DaemonProcess, name: str) -> str:
    (line,) = daemon.json("enforce", "status", "--username", name)
    said: str = line["desired"]
    return said


@pytest.mark.slow
def test_the_second_of_five_waits_for_a_person_and_a_restart_changes_nothing(tmp_path: Path) -> None:
    settings = {"NETBILLD_ENFORCEMENT__BRAKE_LEAST": "2"}
    with DaemonProcess(tmp_path, **settings) as daemon:
        daemon.init()
        daemon.plan(PREPAID_TEXT)
        for name in NAMES:
            daemon.cli("subscriber", "add", name, "--plan", "PRA", "--password", "x", "--active-until", "2099-01-31")
        daemon.start()
        wait_until(lambda: len(daemon.json("enforce", "status")) == len(NAMES), "everybody is decided on")
        assert daemon.json("enforce", "brake", "status")["on"] is False
        daemon.cli("subscriber", "set", "budi", "--active-until", "2020-01-31")
        wait_until(lambda: access(daemon, "budi") == "walled", "one of five is closed as ever")
        for name in ("siti", "ani"):
            daemon.cli("subscriber", "set", name, "--active-until", "2020-01-31")
        wait_until(lambda: daemon.json("enforce", "brake", "status")["held"] == 2, "the brake holds them")
        assert [access(daemon, name) for name in ("siti", "ani")] == ["active", "active"]
        assert daemon.json("subscriber", "show", "siti")["access"] == "active"
        wait_until(lambda: daemon.metrics()["netbilld_brake_on"] == 1, "the daemon says so")
        wait_until(lambda: daemon.metrics()["netbilld_brake_held"] == 2, "and how many")
        assert any("the brake is on" in notice for notice in daemon.readyz()["notices"])
        daemon.kill()
        daemon.start()
        assert daemon.json("enforce", "brake", "status")["held"] == 2
        assert access(daemon, "siti") == "active"
        daemon.cli("enforce", "brake", "release")
        wait_until(lambda: access(daemon, "ani") == "walled", "they are closed once a person has said so")
        assert access(daemon, "siti") == "walled"
        assert daemon.json("enforce", "brake", "status")["on"] is False
        assert daemon.run("enforce", "brake", "release").returncode == 1
        daemon.cli("enforce", "brake", "hold", "--because", "the bank is away")
        daemon.cli("subscriber", "set", "joko", "--active-until", "2020-01-31")
        wait_until(lambda: daemon.json("enforce", "brake", "status")["held"] == 1, "by hand it holds a single one")
        status = daemon.json("enforce", "brake", "status")
        assert (status["because"], [one["username"] for one in status["services"]]) == ("the bank is away", ["joko"])
        assert "joko" in daemon.cli("enforce", "brake", "status")
        assert access(daemon, "joko") == "active"
