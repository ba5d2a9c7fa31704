"""What a running daemon tells NAS of several vendors, read by FreeRADIUS's radclient with FreeRADIUS's dictionaries."""

import subprocess
from collections.abc import Iterator
from typing import Final

import pytest

from netbilld.cli.main import main
from tests.daemon_process import FLAT_PLAN, SECRET, DaemonProcess
from tests.peers import need, wait_until

pytestmark = [pytest.mark.peer, pytest.mark.slow]

# Address of a NAS by its vendor.
ADDRESSES: Final = {
    "mikrotik": "127.0.0.11",
    "huawei": "127.0.0.12",
    "cisco": "127.0.0.13",
    "juniper": "127.0.0.14",
    "coovachilli": "127.0.0.15",
    "accel-ppp": "127.0.0.16",
    "cambium": "127.0.0.17",
    "aruba": "127.0.0.18",
}
PPP: Final = "Service-Type = Framed-User\nFramed-Protocol = PPP\n"
HOTSPOT: Final = 'Service-Type = Login-User\nWISPr-Logoff-URL = "http://10.5.88.1/logout"\n'
HARD_STOP: Final = """
code = "KUOTA"
name = "Kuota 6 GiB"
timing = "postpaid"
charging = "flat"
[recurring]
price = 100000
period = "month"
[speed]
down = "10M"
up = "5M"
nas_profile = "kuota"
[allowance]
data = "6GiB"
after = "wall"
"""


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    with DaemonProcess(tmp_path_factory.mktemp("vendors")) as running:
        commands = [["init", "--admin-email", "admin@example.net", "--admin-password", "a long enough password"]]
        for code, text in (("flat", FLAT_PLAN), ("quota", HARD_STOP)):
            file = running.directory / f"{code}.toml"
            file.write_text(text)
            commands.append(["plan", "add", str(file)])
        for vendor, address in ADDRESSES.items():
            commands.append(["nas", "add", vendor, address, "--secret", SECRET, "--vendor", vendor])
        for name, plan in (("budi", "RUMAH20"), ("kuota", "KUOTA"), ("nunggak", "RUMAH20")):
            commands.append(["subscriber", "add", name, "--plan", plan, "--password", "rahasia"])
        commands.append(["subscriber", "suspend", "nunggak"])
        with pytest.MonkeyPatch.context() as patch:
            for variable, value in running.environment.items():
                patch.setenv(variable, value)
            for command in commands:  # in this process: a start each would take longer than all the rest
                assert main(command) == 0, command
        running.start()
        yield running


def log_in(daemon: DaemonProcess, vendor: str, name: str, kind: str = PPP) -> str:
    """Return what the NAS of that vendor was answered, in radclient's words."""
    request = f'User-Name = "{name}"\nUser-Password = "rahasia"\nPacket-Src-IP-Address = {ADDRESSES[vendor]}\n{kind}'
    answer = subprocess.run(
        [need("radclient"), "-x", "-r", "1", "-t", "3", f"127.0.0.1:{daemon.auth_port}", "auth", SECRET],
        input=request,
        capture_output=True,
        text=True,
        timeout=30,
        check=False,
    )
    return answer.stdout.partition("Received ")[2]


@pytest.mark.parametrize(
    ("vendor", "said"),
    [
        ("mikrotik", ['Mikrotik-Rate-Limit = "10M/20M"']),
        (
            "huawei",
            [
                "Huawei-Input-Average-Rate = 10000000",
                "Huawei-Input-Peak-Rate = 10000000",
                "Huawei-Output-Average-Rate = 20000000",
                "Huawei-Output-Peak-Rate = 20000000",
            ],
        ),
        (
            "cisco",
            ['Cisco-AVPair = "ip:sub-qos-policy-in=10M_UP"', 'Cisco-AVPair = "ip:sub-qos-policy-out=20M_DOWN"'],
        ),
        ("juniper", ['ERX-Service-Activate:1 = "svc-internet(20m,10m)"']),
        ("coovachilli", ["WISPr-Bandwidth-Max-Up = 10000000", "ChilliSpot-Bandwidth-Max-Down = 20000"]),
        ("accel-ppp", ['Filter-Id = "20000/10000"']),
        ("cambium", ["WISPr-Bandwidth-Max-Down = 20000000", "Cambium-ePMP-Max-Burst-Uplink-Rate = 10000"]),
    ],
)
def test_a_speed_arrives_in_the_words_of_the_vendor(daemon: DaemonProcess, vendor: str, said: list[str]) -> None:
    """BANG-2.2a."""
    answer = log_in(daemon, vendor, "budi")
    assert answer.startswith("Access-Accept"), answer
    for words in said:
        assert words in answer


@pytest.mark.parametrize(
    ("vendor", "kind", "said"),
    [
        ("mikrotik", HOTSPOT, ["Mikrotik-Total-Limit = 2147483648", "Mikrotik-Total-Limit-Gigawords = 1"]),
        ("mikrotik", PPP, ["Mikrotik-Recv-Limit = 2147483648", "Mikrotik-Xmit-Limit-Gigawords = 1"]),
        ("cambium", PPP, ["Cambium-Traffic-Quota-Limit-Total = 2147483648"]),
        ("coovachilli", HOTSPOT, ["ChilliSpot-Max-Total-Octets = 2147483648"]),
        ("aruba", PPP, ['Aruba-User-Role = "kuota"']),
        ("juniper", PPP, ['ERX-Service-Activate:1 = "kuota(10m,5m)"']),
    ],
)
def test_a_hard_quota_and_a_named_speed_arrive_too(
    daemon: DaemonProcess, vendor: str, kind: str, said: list[str]
) -> None:
    """BANG-2.2b."""
    answer = log_in(daemon, vendor, "kuota", kind)
    assert answer.startswith("Access-Accept"), answer
    for words in said:
        assert words in answer


def test_a_changed_wall_is_a_running_daemons_at_once(daemon: DaemonProcess) -> None:
    """BANG-2.6: into the garden by pool and list, by list alone, or not at all."""
    walled = log_in(daemon, "mikrotik", "nunggak")
    assert walled.startswith("Access-Accept"), walled
    assert 'Framed-Pool = "isolir"' in walled
    assert 'Mikrotik-Address-List = "isolir"' in walled
    assert log_in(daemon, "mikrotik", "nunggak", HOTSPOT).startswith("Access-Reject")
    daemon.cli("nas", "set", "mikrotik", "--wall-by", "list")
    wait_until(lambda: "Framed-Pool" not in log_in(daemon, "mikrotik", "nunggak"), "the pool goes away")
    assert 'Mikrotik-Address-List = "isolir"' in log_in(daemon, "mikrotik", "nunggak", HOTSPOT)
    daemon.cli("nas", "set", "mikrotik", "--wall-by", "reject")
    wait_until(lambda: log_in(daemon, "mikrotik", "nunggak").startswith("Access-Reject"), "the walled is refused")
    assert 'Reply-Message = "Layanan dihentikan sementara' in log_in(daemon, "mikrotik", "nunggak")
    assert log_in(daemon, "aruba", "nunggak").startswith("Access-Reject")
    daemon.cli("subscriber", "set", "nunggak", "--locale", "en")
    english = 'Reply-Message = "This service is suspended'
    wait_until(lambda: english in log_in(daemon, "mikrotik", "nunggak"), "the refusal is said in English")


def test_nas_show_says_what_a_nas_can(daemon: DaemonProcess) -> None:
    shown = daemon.cli("nas", "show", "cisco")
    assert "Cisco IOS" in shown
    assert "speed" in shown
    assert "at log-in; a new one ends the session" in shown
    assert "* Orders go to port 1700" in shown
