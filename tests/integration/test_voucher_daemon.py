"""Vouchers with a real daemon whose log-ins are answered by further processes: made, used, killed, used again."""

from pathlib import Path

import pytest

from netbilld.radius.attributes import CALLING_STATION_ID, SESSION_TIMEOUT
from netbilld.radius.packet import Packet, decode
from tests.daemon_process import DaemonProcess
from tests.nas_socket import ACCEPT, REJECT, NasSocket
from tests.peers import wait_until

pytestmark = [pytest.mark.slow, pytest.mark.peer]

PLAN = """
code = "HARIAN"
name = "Hotspot 1 hari"
timing = "prepaid"
charging = "flat"
[recurring]
price = 5000
period = "1d"
[speed]
down = "5M"
up = "2M"
"""
A, B = (CALLING_STATION_ID, b"BC:24:11:00:00:0A"), (CALLING_STATION_ID, b"BC:24:11:00:00:0B")


def test_a_voucher_is_used_once_and_outlives_a_kill(tmp_path: Path) -> None:
    with DaemonProcess(tmp_path, NETBILLD_RADIUS__WORKERS="2") as daemon:
        daemon.init()
        daemon.plan(PLAN)
        daemon.nas("pop1", "127.0.0.1")
        daemon.nas("pop2", "127.0.0.2")
        daemon.start()
        made = daemon.json("voucher", "generate", "--plan", "HARIAN", "--count", "5")
        assert (made["batch"], made["vouchers"]["created"]) == ("V0001", 5)
        sold = daemon.json("voucher", "sell", "V0001", "--count", "2")
        first, second = (one["code"] for one in sold["vouchers"])
        with NasSocket(daemon) as pop1, NasSocket(daemon, "127.0.0.2") as pop2:

            def let_in(nas: NasSocket, code: str, station: tuple[int, bytes]) -> Packet:
                reply = nas.exchange(nas.login_request(code, code, station))
                assert reply is not None
                return decode(reply)

            wait_until(lambda: let_in(pop1, first, A).code == ACCEPT, "the new code lets in")  # within a second
            assert let_in(pop1, first, A).code == ACCEPT
            assert let_in(pop2, first, B).code == REJECT
            daemon.kill()
            daemon.start()
            answer = let_in(pop2, first, A)
            assert answer.code == ACCEPT
            assert 86_000 < int.from_bytes(answer.attributes[SESSION_TIMEOUT], "big") <= 86_400
            daemon.cli("voucher", "revoke", second, "--reason", "hilang")
            wait_until(lambda: let_in(pop1, second, A).code == REJECT, "the code is taken back")
        assert daemon.json("voucher", "find", first)["status"] == "active"
        assert daemon.json("voucher", "list")[0]["vouchers"]["void"] == 1
        daemon.cli("voucher", "print", "V0001", "--layout", "58mm", "-o", str(tmp_path / "v.pdf"))
        assert (tmp_path / "v.pdf").read_bytes().startswith(b"%PDF")
        assert daemon.json("ledger", "check")["ok"]
