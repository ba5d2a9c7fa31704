"""Commands typed against a fresh data directory, within this process."""

from collections.abc import Callable
from pathlib import Path

import pytest

from netbilld.cli.main import main
from tests.migrated import make_data_directory

Cli = Callable[..., tuple[int, str, str]]


def typed_commands(directory: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Cli:
    """Return what runs a command line and returns (exit code, stdout, stderr); `init` has been run."""
    monkeypatch.setenv("NETBILLD_DATA_DIR", str(directory / "var"))
    monkeypatch.chdir(directory)

    def run(*words: str) -> tuple[int, str, str]:
        capsys.readouterr()
        code = main(words)
        said = capsys.readouterr()
        return code, said.out, said.err

    make_data_directory(directory / "var")
    assert run("init")[0] == 0
    return run
