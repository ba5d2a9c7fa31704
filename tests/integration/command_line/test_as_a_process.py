"""Commands as processes of their own: several at once, and a reader that goes away."""

import json
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor

import pytest

from tests.people_world import CommandLine


def run(*words: str, given: str | None = None) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "netbilld", *words], input=given, capture_output=True, text=True, timeout=60, check=False
    )


@pytest.mark.slow
def test_of_two_commands_that_add_the_same_name_at_once_one_is_refused(netbilld: CommandLine) -> None:
    words = ("subscriber", "add", "budi", "--plan", "HOME20", "--password-stdin")
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: run(*words, given="x\n"), range(3)))
    assert sorted(one.returncode for one in done) == [0, 1, 1]
    for refused in (one for one in done if one.returncode):
        assert "taken" in refused.stderr
        assert len(refused.stderr.splitlines()) == 1
    assert len(netbilld.json("subscriber", "list")) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("settings")
def test_init_at_once_makes_one_key_and_one_admin() -> None:
    with ThreadPoolExecutor(3) as pool:
        done = list(pool.map(lambda _: run("init"), range(3)))
    assert all(one.returncode == 0 for one in done), [one.stderr for one in done]
    assert sum("one-time password" in one.stdout for one in done) == 1
    assert len(json.loads(run("staff", "list", "--json").stdout)) == 1


@pytest.mark.slow
@pytest.mark.usefixtures("netbilld")
def test_a_reader_that_goes_away_is_no_reason_to_cry() -> None:
    done = subprocess.run(
        ["bash", "-c", f"{sys.executable} -m netbilld subscriber list | true"],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    assert run("subscriber").returncode == 2
    assert run("nonsense").returncode == 2
