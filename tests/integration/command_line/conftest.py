"""A data directory of its own, and the commands on it, as an operator and a script meet them."""

import io
import os
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.migrated import make_data_directory
from tests.peers import free_tcp_port, free_udp_port
from tests.people_world import PLAN, CommandLine


@pytest.fixture
def settings(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A data directory not yet made, and ports of our own."""
    for name in list(os.environ):
        if name.startswith("NETBILLD_"):
            monkeypatch.delenv(name)
    monkeypatch.setenv("NETBILLD_DATA_DIR", str(tmp_path / "var"))
    monkeypatch.setenv("NETBILLD_RADIUS__HOST", "127.0.0.1")
    monkeypatch.setenv("NETBILLD_RADIUS__AUTH_PORT", str(free_udp_port()))
    monkeypatch.setenv("NETBILLD_RADIUS__ACCT_PORT", str(free_udp_port()))
    monkeypatch.setenv("NETBILLD_PANEL__PORT", str(free_tcp_port()))
    monkeypatch.setenv("NETBILLD_PORTAL__HOST", "127.0.0.1")
    monkeypatch.setenv("NETBILLD_PORTAL__PORT", str(free_tcp_port()))
    return tmp_path / "var"


@pytest.fixture
def empty(settings: Path, capsys: pytest.CaptureFixture[str]) -> CommandLine:
    """Nothing made yet."""
    return CommandLine(settings, capsys)


@pytest.fixture
def netbilld(empty: CommandLine, tmp_path: Path) -> CommandLine:
    """Initialised, with a plan."""
    make_data_directory(tmp_path / "var")
    assert empty("init", "--admin-email", "owner@example.org", "--admin-password", "a long enough pass") == 0, empty.err
    plan = tmp_path / "home20.toml"
    plan.write_text(PLAN.format(code="HOME20"))
    assert empty("plan", "add", str(plan)) == 0, empty.err
    return empty


@pytest.fixture
def type_in(monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Return what lets a command find a line on its standard input."""

    def type_line(line: str) -> None:
        monkeypatch.setattr(sys, "stdin", io.StringIO(line))

    return type_line
