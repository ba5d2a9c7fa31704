"""The systemd unit, judged by systemd's own tools."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers import need

pytestmark = pytest.mark.peer
UNIT = Path(__file__).parents[3] / "deploy" / "systemd" / "netbilld.service"


def test_systemd_analyze_verify_finds_nothing(tmp_path: Path) -> None:
    # the unit names the installed program; here a program that exists stands in for it
    unit = tmp_path / "netbilld.service"
    unit.write_text(UNIT.read_text().replace("/usr/bin/netbilld", sys.executable))
    finished = subprocess.run(
        [need("systemd-analyze"), "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    of_others = "/lib/systemd/system/"  # it reads the units of this machine too, and tells what it finds in those
    found = [line for line in finished.stderr.splitlines() if not line.startswith(of_others)]
    assert (finished.returncode, found) == (0, [])


def test_the_exposure_level_stays_at_or_below_2_5() -> None:
    finished = subprocess.run(
        [need("systemd-analyze"), "security", "--offline=yes", "--threshold=25", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    assert "Overall exposure level" in finished.stdout
