"""The demo as a visitor starts it."""

import os
import re
import signal
import socket
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from functools import partial
from pathlib import Path

import pytest

from netbilld.demo.scenario import FAIR_USE_STAR, HOMES, LIAR_NAME, LIE_STAR, OVERDUE_STAR, WALLET_STAR, homes
from tests.http_form import Visitor
from tests.peers import wait_until

pytestmark = pytest.mark.slow
TIMEOUT_SECONDS = 180


class Demo:
    """`netbilld demo` in a process, its lines collected."""

    def __init__(self, directory: Path, **settings: str) -> None:
        """Start it with a directory of its own for what is temporary: another demo may run on this machine."""
        environment = {name: value for name, value in os.environ.items() if not name.startswith("NETBILLD_")}
        environment |= {"TMPDIR": str(directory), **settings}
        self.process = subprocess.Popen(
            [sys.executable, "-m", "netbilld", "demo"],
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read, daemon=True)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout is not None
        for line in self.process.stdout:
            self.lines.append(line.rstrip())

    @property
    def text(self) -> str:
        return "\n".join(self.lines)

    def wait_for(self, pattern: str) -> None:
        def found() -> bool:
            assert self.process.poll() is None, f"the demo ended:\n{self.text}"
            assert "not everybody came back in time" not in self.text, self.text
            return re.search(pattern, self.text) is not None

        wait_until(found, lambda: pattern + "\n" + self.text, TIMEOUT_SECONDS)

    def signed_in(self) -> Visitor:
        """Return who presses the buttons of its page, by signed-in forms."""
        panel = re.search(r"http://127\.0\.0\.1:\d+(?=/demo)", self.text)
        password = re.search(r"password (\S+)", self.text)
        assert panel is not None
        assert password is not None
        visitor = Visitor(panel.group())
        visitor.sign_in("admin@demo.example", password.group(1))
        return visitor

    def interrupt(self) -> int:
        self.process.send_signal(signal.SIGINT)
        code = self.process.wait(30)
        self._reader.join(10)
        assert self.process.stdout is not None
        self.process.stdout.close()
        return code


def _running_routers(directory: Path) -> list[str]:
    found = []
    for command in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            words = command.read_bytes().decode("utf-8", "replace")
        except OSError:
            continue
        if str(directory) in words:
            found.append(words)
    return found


@pytest.fixture
def directory() -> Iterator[Path]:
    """A directory with a name short enough for sockets inside it."""
    with tempfile.TemporaryDirectory(prefix="nb-", dir="/tmp") as path:
        yield Path(path)


def _look_around(demo: Demo, visitor: Visitor) -> None:
    """What the demo's page leads to has something to show: vouchers, agent, collector, gateway, messages."""
    page = visitor.get("/demo")
    for path, *words in (
        ("/gateways?state=paid", "Lunas"),
        ("/gateways?state=over", "Agus Wijaya"),
        ("/gateways/inbox", "TOKO-2291", "Rp45.000"),
        ("/gateways/differences", "TOKO-2291", "PO-1001"),
        ("/vouchers", "Promo libur sekolah", "Hotspot harian"),
        ("/vouchers/V0002?state=active", "00003"),
        ("/agents/sari", "Rp194.500"),
        ("/collect", "Wahyu Lestari"),
        ("/handovers", "Rp20.000"),
        ("/chats", "kapan teknisi datang"),
        ("/messages?state=dead", "no WhatsApp on this number"),
        ("/messages?state=failed", "Bayu Kusuma"),
        ("/messages?state=sent", "fonnte"),
    ):
        assert path.partition("?")[0].removesuffix("/V0002") in page, path
        wait_until(partial(_shows, visitor, path, words), partial(visitor.get, path), TIMEOUT_SECONDS)
    phones = re.search(r"Telephones +(\S+)", demo.text)
    agents = re.search(r"Agent +(\S+)/agen", demo.text)
    assert phones is not None
    assert agents is not None
    assert "/telepon/6281234560" in Visitor(phones.group(1)).get("/")
    assert "Masuk" in Visitor(agents.group(1)).get("/agen")


def _shows(visitor: Visitor, path: str, words: list[str]) -> bool:
    page = visitor.get(path)
    return all(one in page for one in words)


def test_the_town_is_the_same_every_time() -> None:
    assert homes() == homes()
    assert len({home.username for home in homes()}) == HOMES


def test_the_town_lives_its_story_loses_nobody_in_a_power_cut_and_leaves_nothing_behind(directory: Path) -> None:
    """ICON-15: a demo data set starts with one command. A busy port takes the next free one.

    Within two minutes two are slowed down, one router lies, one runs out and one is walled; then the power goes, and the
    one who owes pays, by the page's buttons.
    """
    with socket.socket() as busy:
        busy.bind(("127.0.0.1", 0))
        busy.listen()
        taken = busy.getsockname()[1]
        demo = Demo(directory, NETBILLD_PANEL__PORT=str(taken))
        try:
            demo.wait_for(r"Staff panel    http://127\.0\.0\.1:\d+/demo")
            assert f"127.0.0.1:{taken}/demo" not in demo.text
            demo.wait_for(r"sign in as admin@demo\.example  password \S+")
            demo.wait_for(r"50 online")
            demo.wait_for(rf"{re.escape(FAIR_USE_STAR)}: due slowed down, fair use crossed until")
            demo.wait_for(rf"{re.escape(FAIR_USE_STAR)}: traffic seen at the new rate")
            demo.wait_for(
                rf"{re.escape(LIE_STAR)}: {LIAR_NAME} lied about the CoA: acknowledged, but measured \d+\.\d Mbit/s"
            )
            demo.wait_for(rf"{re.escape(LIE_STAR)}: back with the new profile")
            demo.wait_for(rf"{re.escape(WALLET_STAR)}: due walled off \(isolir\), wallet empty")
            demo.wait_for(rf"{re.escape(OVERDUE_STAR)}: due walled off \(isolir\), bill overdue")
            demo.wait_for(rf"{re.escape(OVERDUE_STAR)}: back with the new profile")
            visitor = demo.signed_in()
            visitor.press("/demo", "/demo/power")
            demo.wait_for(
                r"all gone; the router counted [\d,]+ octets in their sessions, netbilld metered [\d,]+: equal"
            )
            demo.wait_for(r"all 50 are back after \d+ s")
            visitor.press("/demo", "/demo/pay")
            demo.wait_for(r"restored \d+\.\d s after the payment")
            _look_around(demo, visitor)
        finally:
            code = demo.interrupt()
    assert code == 0, demo.text
    assert "nothing was left behind" in demo.text
    assert "DIFFERENT" not in demo.text
    assert "Traceback" not in demo.text
    assert list(directory.iterdir()) == []
    assert _running_routers(directory) == []
