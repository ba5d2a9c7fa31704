"""A VPN server and its client in network namespaces of their own, with netbilld behind: real traffic, real counters."""

import itertools
import os
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from ipaddress import IPv4Address
from pathlib import Path
from typing import Any

from cryptography import x509

from netbilld.daemon.settings import ENVIRONMENT_PREFIX
from tests.daemon_process import SECRET, DaemonProcess
from tests.eap_certificates import make
from tests.peers import missing, need, wait_until

TUN_OF_OFFICE = "192.0.2.1"  # what the office has inside the tunnel
TUN_PREFIX = "192.0.2.0"
TUN_NETMASK = "255.255.255.0"
AUTH_PORT, ACCT_PORT = 1812, 1813  # of an address of its own; openvpn's plug-in knows no port of five digits
_worlds = itertools.count()  # the kernel takes its time to forget a namespace


@dataclass
class Counters:
    """Octets of a session, the subscriber's way round."""

    upload_octets: int
    download_octets: int


@dataclass
class VpnWorld:
    """netbilld where we are, the VPN server in `office`, its client in `home`; two cables between them.

    Attributes:
        radius: where the office reaches netbilld.
        server: where home reaches the office.
    """

    directory: Path
    number: int
    radius: IPv4Address
    office_address: IPv4Address
    server: IPv4Address
    daemon: DaemonProcess = field(init=False)

    @property
    def office(self) -> str:
        return f"nb-office-{self.number}"

    @property
    def home(self) -> str:
        return f"nb-home-{self.number}"

    def inside(self, namespace: str, *command: str, timeout_seconds: int = 30) -> str:
        """Run a command in one of the namespaces and return what it printed."""
        done = subprocess.run(
            [need("ip"), "netns", "exec", namespace, *command],
            capture_output=True,
            text=True,
            timeout=timeout_seconds,
            check=False,
        )
        assert done.returncode == 0, f"{' '.join(command)}: {done.stdout}{done.stderr}"
        return done.stdout

    @contextmanager
    def running(self, namespace: str, command: Sequence[str], log: str, stdin: str = "") -> Iterator[Path]:
        """Run a command in one of the namespaces meanwhile; gives the file with what it prints."""
        path = self.directory / log
        with path.open("wb") as output:
            process = subprocess.Popen(
                [need("ip"), "netns", "exec", namespace, *command],
                stdin=subprocess.PIPE,
                stdout=output,
                stderr=output,
            )
        assert process.stdin is not None
        process.stdin.write(stdin.encode())
        process.stdin.close()
        try:
            yield path
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait(10)

    def link(self, namespace: str, kind: str = "tun") -> str | None:
        """Return the name of the tunnel's interface there; None while there is none."""
        names = self.inside(namespace, "ls", "/sys/class/net").split()
        return next((name for name in names if name.startswith(kind)), None)

    def counters(self, link: str) -> Counters:
        """Return what the office's own interface has counted: what it receives is the subscriber's upload."""
        read = self.inside(
            self.office, "cat", *(f"/sys/class/net/{link}/statistics/{way}_bytes" for way in ("rx", "tx"))
        )
        received, sent = map(int, read.split())
        return Counters(received, sent)

    def listens(self, port: int) -> bool:
        """Tell whether somebody in the office takes TCP connections there."""
        return f":{port} " in self.inside(self.office, need("ss"), "-lnt")

    def move(self, octets: int, rate: str = "12M") -> None:
        """Move about so many octets through the tunnel each way, at a rate in iperf3's words."""
        for way in ((), ("-R",)):
            with self.running(self.office, [need("iperf3"), "-s", "-1", "-B", TUN_OF_OFFICE], "iperf") as log:
                wait_until(lambda: self.listens(5201), log.read_text)
                self.inside(
                    self.home,
                    *(need("iperf3"), "-c", TUN_OF_OFFICE, "-n", str(octets), "-b", rate, *way),
                    timeout_seconds=60,
                )

    def sessions(self) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = self.daemon.json("session", "list", "--all", "--username", "budi")
        return found

    def usage(self) -> Counters:
        """Return what the subscriber's usage says of today and the days beside it."""
        shown = self.daemon.json("usage", "show", "budi")
        return Counters(shown["upload_octets"], shown["download_octets"])

    def stopped(self) -> dict[str, Any]:
        """Wait for the one session to be over and return it."""
        wait_until(
            lambda: [one["stopped_at"] is not None for one in self.sessions()] == [True],
            lambda: f"one session, stopped: {self.sessions()} {self.daemon.log[-2000:]}",
            30,
        )
        return self.sessions()[0]


@contextmanager
def vpn_world(directory: Path, *, interim_seconds: int) -> Iterator[VpnWorld]:
    """Build it, with netbilld serving `budi` and the office as its NAS."""
    if os.geteuid() != 0:
        missing("root, for network namespaces,")
    number = (8 * os.getpid() + next(_worlds)) % 32_000
    base = int(IPv4Address("10.192.0.0")) + number * 16
    at = [IPv4Address(base + host) for host in (1, 2, 9, 10)]
    world = VpnWorld(directory, number, radius=at[0], office_address=at[1], server=at[2])
    with ExitStack() as undo:
        for namespace in (world.office, world.home):
            _ip("netns", "add", namespace)
            undo.callback(_ip, "netns", "delete", namespace)
            world.inside(namespace, "sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1")
            world.inside(namespace, "sysctl", "-qw", "net.ipv6.conf.default.disable_ipv6=1")
            _ip("-n", namespace, "link", "set", "lo", "up")
        here, there = f"nbr{number}", f"nbo{number}"
        _ip("link", "add", here, "type", "veth", "peer", "name", there, "netns", world.office)
        _ip("-n", world.office, "link", "add", "line", "type", "veth", "peer", "name", "line", "netns", world.home)
        _ip("address", "add", f"{at[0]}/30", "dev", here)
        _ip("link", "set", here, "up")
        for namespace, link, address in (
            (world.office, there, at[1]),
            (world.office, "line", at[2]),
            (world.home, "line", at[3]),
        ):
            _ip("-n", namespace, "address", "add", f"{address}/30", "dev", link)
            _ip("-n", namespace, "link", "set", link, "up")
        authority = make("Test authority", days=90)
        authority.write(directory, "ca")
        names = (x509.IPAddress(world.server),)
        make("vpn.example.net", authority, names=names, days=90).write(directory, "server")
        settings = {
            f"{ENVIRONMENT_PREFIX}RADIUS__HOST": str(world.radius),
            f"{ENVIRONMENT_PREFIX}RADIUS__AUTH_PORT": str(AUTH_PORT),
            f"{ENVIRONMENT_PREFIX}RADIUS__ACCT_PORT": str(ACCT_PORT),
            f"{ENVIRONMENT_PREFIX}RADIUS__INTERIM_INTERVAL": str(interim_seconds),
        }
        world.daemon = undo.enter_context(DaemonProcess(directory, **settings))
        world.daemon.init()
        world.daemon.plan()
        world.daemon.nas("office", str(world.office_address), "--vendor", "ocserv")
        world.daemon.cli("subscriber", "add", "budi", "--plan", "RUMAH20", "--password", "rahasia", "--name", "Budi")
        world.daemon.start()
        yield world


def radius_client(world: VpnWorld) -> Path:
    """Write the configuration of radcli, by which ocserv speaks RADIUS."""
    directory = world.directory
    servers = directory / "radcli.servers"
    servers.write_text(f"{world.radius} {SECRET}\n")
    configuration = directory / "radcli.conf"
    configuration.write_text(
        f"nas-identifier office\nauthserver {world.radius}:{AUTH_PORT}\n"
        f"acctserver {world.radius}:{ACCT_PORT}\nservers {servers}\n"
        "dictionary /etc/radcli/dictionary\ndefault_realm\nradius_timeout 5\nradius_retries 3\nbindaddr *\n"
    )
    return configuration


def _ip(*arguments: str) -> None:
    subprocess.run([need("ip"), *arguments], check=True, capture_output=True, timeout=20)
