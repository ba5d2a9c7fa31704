"""A command line with two plans and a subscriber, and what its verbs answer."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.integration.money_world import PER_USE, plan_file
from tests.typed_commands import Cli, typed_commands


def money_terminal(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Return what runs a command line against a fresh data directory: its exit code, stdout and stderr."""
    run = typed_commands(tmp_path, monkeypatch, capsys)
    Path("home20.toml").write_text(plan_file(), "utf-8")
    Path("kuota.toml").write_text(PER_USE, "utf-8")
    assert run("plan", "add", "home20.toml")[0] == 0
    assert run("subscriber", "add", "budi", "--plan", "HOME20", "--password", "rahasia")[0] == 0
    return run


def read(outcome: tuple[int, str, str]) -> Any:
    """Return the JSON that a command printed; it must have done what it was asked."""
    assert outcome[0] == 0, outcome
    return json.loads(outcome[1])


def refused(outcome: tuple[int, str, str]) -> str:
    """Return the one line with which a command was refused."""
    code, out, err = outcome
    assert (code, out) == (1, "")
    assert err.count("\n") == 1
    return err
