"""Random and truncated datagrams at both ports of a real daemon."""

import random
import socket
from pathlib import Path

import pytest

from tests.daemon_process import SECRET, DaemonProcess
from tests.peers import wait_until

pytestmark = [pytest.mark.slow]

DATAGRAMS = 100_000


def _datagram(chance: random.Random) -> bytes:
    """Return garbage of a kind: noise, a true header with noise, a cut packet, attributes that lie about their length."""
    kind = chance.randrange(5)
    if kind == 0:
        return chance.randbytes(chance.randrange(64))
    if kind == 1:
        return chance.randbytes(chance.randrange(4096))
    length = chance.randrange(20, 300)
    attributes = chance.randbytes(length - 20)
    header = bytes([chance.choice((1, 4, 12, 2, 40)), chance.randrange(256)]) + length.to_bytes(2, "big")
    packet = header + chance.randbytes(16) + attributes
    if kind == 2:
        return packet[: chance.randrange(len(packet))]
    if kind == 3:
        return packet
    name = b"\x01\x06budi" + bytes([chance.randrange(256), chance.randrange(2)])
    whole = 20 + len(name)
    return bytes([1, chance.randrange(256)]) + whole.to_bytes(2, "big") + chance.randbytes(16) + name


def _kernel_drops(port: int) -> int:
    for line in Path("/proc/net/udp").read_text().splitlines()[1:]:
        fields = line.split()
        if int(fields[1].partition(":")[2], 16) == port:
            return int(fields[12])
    raise AssertionError(f"no socket on port {port}")


def _memory_kib(pid: int) -> int:
    status = Path(f"/proc/{pid}/status").read_text()
    return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])


def _counted(daemon: DaemonProcess, port: str) -> int:
    return int(
        sum(
            value
            for name, value in daemon.metrics().items()
            if name.startswith("netbilld_radius_dropped_total{") and f'port="{port}"' in name
        )
    )


def test_a_hundred_thousand_garbage_datagrams_are_all_counted_and_none_is_answered(tmp_path: Path) -> None:
    chance = random.Random(20261122)
    with DaemonProcess(tmp_path) as daemon:
        daemon.init()
        # no Message-Authenticator is demanded of this NAS, so that garbage reaches as deep as it can
        daemon.nas("pop1", "127.0.0.1", "--require-message-authenticator", "false")
        daemon.start()
        assert daemon.process is not None
        sent = {"auth": 0, "acct": 0}
        memory: list[int] = []
        with socket.socket(type=socket.SOCK_DGRAM) as source:
            source.setblocking(False)
            for number in range(DATAGRAMS):
                name = "auth" if number % 2 == 0 else "acct"
                try:
                    source.sendto(
                        _datagram(chance), ("127.0.0.1", daemon.auth_port if name == "auth" else daemon.acct_port)
                    )
                except BlockingIOError:
                    continue
                sent[name] += 1
                if number % 20_000 == 19_999:
                    memory.append(_memory_kib(daemon.process.pid))
            ports = {"auth": daemon.auth_port, "acct": daemon.acct_port}
            for name, port in ports.items():
                wait_until(
                    lambda name=name, port=port: _counted(daemon, name) + _kernel_drops(port) == sent[name],  # type: ignore[misc]
                    f"every datagram at the {name} port is counted",
                )
            with pytest.raises(BlockingIOError):
                source.recv(4096)
        assert daemon.process.poll() is None
        assert memory[-1] - memory[1] < 4 * 1024, f"memory grew: {memory} KiB"
        assert SECRET not in daemon.log
