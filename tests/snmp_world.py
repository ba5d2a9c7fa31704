"""A router and a subscriber on the two ends of a cable, each in a network namespace of its own; snmpd runs on the router."""

import os
import subprocess
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from tests.peers import missing, need, wait_until

AUTH_KEY, PRIV_KEY = "otentikasi-1", "rahasia-besar-1"
_MOVE = """
import socket, sys, threading
host, port, up, down = sys.argv[1], 7000, int(sys.argv[2]), int(sys.argv[3])
with socket.create_connection((host, port), 10) as cable:
    cable.sendall(up.to_bytes(8, "big") + down.to_bytes(8, "big") + bytes(up))
    while cable.recv(65536):
        pass
"""
_SERVE = """
import socket, sys
with socket.create_server((sys.argv[1], 7000)) as server:
    print("ready", flush=True)
    while True:
        cable, _ = server.accept()
        with cable:
            def exactly(count):
                while count:
                    count -= len(part := cable.recv(min(count, 65536)))
                    if not part:
                        break
                return part
            head = b""
            while len(head) < 16:
                head += cable.recv(16 - len(head))
            up, down = int.from_bytes(head[:8], "big"), int.from_bytes(head[8:], "big")
            if up:
                exactly(up)
            cable.sendall(bytes(down))
"""


def run(*command: str) -> str:
    return subprocess.run(command, check=True, capture_output=True, text=True, timeout=30).stdout


@dataclass
class Router:
    """A namespace with an interface `ether5` to the subscriber, and one to us; an agent may run in it."""

    directory: Path
    tag: str
    number: int
    agent: subprocess.Popen[bytes] | None = field(default=None)

    @property
    def address(self) -> str:
        return f"10.231.{self.number}.2"

    @property
    def router(self) -> str:
        return f"nbr{self.tag}"

    @property
    def home(self) -> str:
        return f"nbh{self.tag}"

    def inside(self, *command: str) -> str:
        return run("ip", "netns", "exec", self.router, *command)

    def counters(self, interface: str = "ether5") -> tuple[int, int]:
        """What the kernel says an interface has taken in and given out."""
        place = f"/sys/class/net/{interface}/statistics"
        into, out = self.inside("cat", f"{place}/rx_bytes", f"{place}/tx_bytes").split()
        return int(into), int(out)

    def move(self, up: int, down: int) -> None:
        """Let the subscriber send and receive so many octets, and what TCP adds to them."""
        run("ip", "netns", "exec", self.home, "python3", "-c", _MOVE, "10.232.0.1", str(up), str(down))

    def start_agent(self, *more: str) -> None:
        snmpd = need("snmpd")
        configuration = self.directory / "snmpd.conf"
        users = [
            f"createUser netbilld SHA {AUTH_KEY} AES {PRIV_KEY}",
            f"createUser reader SHA-256 {AUTH_KEY}",
            "rouser netbilld priv",
            "rouser reader auth",
        ]
        lines = [f"agentAddress udp:{self.address}:161", "rocommunity publik", "sysName gerbang", *users, *more]
        configuration.write_text("\n".join(lines) + "\n")
        environment = {**os.environ, "SNMP_PERSISTENT_DIR": str(self.directory / "snmp"), "MIBS": ""}
        log = self.directory / "snmpd.log"
        command = ["ip", "netns", "exec", self.router, snmpd, "-f", "-Lf", str(log), "-C", "-c", str(configuration)]
        self.agent = subprocess.Popen(command, env=environment, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        wait_until(lambda: log.exists() and "NET-SNMP version" in log.read_text(), "snmpd speaks")

    def stop_agent(self) -> None:
        if self.agent is not None:
            self.agent.terminate()
            self.agent.wait(10)
            self.agent = None
            (self.directory / "snmpd.log").unlink(missing_ok=True)


@contextmanager
def router(directory: Path) -> Iterator[Router]:
    """A router that is cabled up, without its agent."""
    if os.geteuid() != 0:
        missing("root, for network namespaces,")
    need("ip")
    number = os.getpid() % 250
    world = Router(directory, str(os.getpid()), number)
    ours, theirs = f"nbm{world.tag}", f"nbp{world.tag}"
    with ExitStack() as undo:
        for namespace in (world.router, world.home):
            run("ip", "netns", "add", namespace)
            undo.callback(run, "ip", "netns", "del", namespace)
            for what in ("all", "default"):
                run("ip", "netns", "exec", namespace, "sysctl", "-qw", f"net.ipv6.conf.{what}.disable_ipv6=1")
            run("ip", "-n", namespace, "link", "set", "lo", "up")
        run("ip", "link", "add", ours, "type", "veth", "peer", "name", theirs)
        undo.callback(_forget, ours)
        run("ip", "link", "set", theirs, "netns", world.router)
        run("ip", "-n", world.router, "link", "set", theirs, "name", "ether1")
        run("ip", "-n", world.router, "addr", "add", f"{world.address}/24", "dev", "ether1")
        run("ip", "-n", world.router, "link", "set", "ether1", "up")
        run("ip", "addr", "add", f"10.231.{number}.1/24", "dev", ours)
        run("ip", "link", "set", ours, "up")
        cable(world)
        server = subprocess.Popen(
            ["ip", "netns", "exec", world.router, "python3", "-c", _SERVE, "0.0.0.0"], stdout=subprocess.PIPE
        )
        undo.callback(_stop, server)
        assert server.stdout is not None
        server.stdout.readline()
        undo.callback(world.stop_agent)
        yield world


def cable(world: Router) -> None:
    """Lay a new cable to the subscriber: `ether5` is another interface then, under another number."""
    with suppress(subprocess.CalledProcessError):
        run("ip", "-n", world.router, "link", "del", "ether5")
    run("ip", "-n", world.router, "link", "add", "ether5", "type", "veth", "peer", "name", "eth0", "netns", world.home)
    for namespace, name, address in ((world.router, "ether5", "10.232.0.1/24"), (world.home, "eth0", "10.232.0.2/24")):
        run("ip", "-n", namespace, "addr", "add", address, "dev", name)
        run("ip", "-n", namespace, "link", "set", name, "up")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.kill()
    process.wait()
    if process.stdout is not None:
        process.stdout.close()


def _forget(name: str) -> None:
    with suppress(subprocess.CalledProcessError):
        run("ip", "link", "del", name)
