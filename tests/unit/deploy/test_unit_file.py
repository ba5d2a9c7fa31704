"""The systemd unit, judged by systemd's own tools."""

import subprocess
import sys
from pathlib import Path

import pytest

from tests.peers import need

pytestmark = pytest.mark.peer
SYSTEMD = Path(__file__).parents[3] / "deploy" / "systemd"
UNIT = SYSTEMD / "netbilld.service"
ONE_OF_SEVERAL = SYSTEMD / "netbilld@.service"


@pytest.mark.parametrize(("path", "name"), [(UNIT, "netbilld.service"), (ONE_OF_SEVERAL, "netbilld@radius.service")])
def test_systemd_analyze_verify_finds_nothing(tmp_path: Path, path: Path, name: str) -> None:
    # the unit names the installed program; here a program that exists stands in for it
    unit = tmp_path / name
    unit.write_text(path.read_text().replace("/usr/bin/netbilld", sys.executable))
    finished = subprocess.run(
        [need("systemd-analyze"), "verify", "--man=no", str(unit)], capture_output=True, text=True, check=False
    )
    of_others = "/lib/systemd/system/"  # it reads the units of this machine too, and tells what it finds in those
    found = [line for line in finished.stderr.splitlines() if not line.startswith(of_others)]
    assert (finished.returncode, found) == (0, [])


def test_the_unit_of_one_node_of_several_is_hardened_alike() -> None:
    """It differs in names only."""
    named = (
        ONE_OF_SEVERAL.read_text().replace("-%i", "").replace("/%i.toml", "/netbilld.toml").replace(" (node %i)", "")
    )
    lines = [line for line in named.splitlines() if not line.startswith("# one node of several")]
    assert lines == UNIT.read_text().splitlines()


def test_the_exposure_level_stays_at_or_below_2_5() -> None:
    finished = subprocess.run(
        [need("systemd-analyze"), "security", "--offline=yes", "--threshold=25", "--no-pager", str(UNIT)],
        capture_output=True,
        text=True,
        check=False,
    )
    assert finished.returncode == 0, finished.stdout
    assert "Overall exposure level" in finished.stdout
