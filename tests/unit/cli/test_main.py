"""The command line before any verb runs: where general options may stand, and exit codes."""

from pathlib import Path

import pytest

from netbilld.cli.main import WRONG_USAGE, main


@pytest.mark.parametrize(
    "words",
    [
        "--config F nas list",
        "--config=F nas list",
        "nas --config F list",
        "nas --config=F list",
        "nas list --config F",
        "--json nas --config F list",
        "migrate --check --config F",
        "--config F session disconnect -- 7",
    ],
)
def test_the_settings_file_is_taken_wherever_it_is_named(
    words: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Contract: every verb takes --config. The file's unknown key shows that it was read."""
    config = tmp_path / "netbilld.toml"
    config.write_text("bogus = 1\n")
    assert main(words.replace("F", str(config)).split()) == 1
    said = capsys.readouterr().err
    assert said.startswith(f"netbilld: {config}: bogus: unknown setting")
    assert said.count("\n") == 1


@pytest.mark.parametrize(
    "words",
    ["", "nosuch", "--config", "--config F", "nas --config", "nas list --config", "--json session disconnect 7", "nas"],
)
def test_wrong_usage_is_2(words: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(words.split()) == WRONG_USAGE
    capsys.readouterr()
