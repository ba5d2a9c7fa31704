"""What the operator's guide shows can be typed: its commands are understood, its plans and settings are allowed."""

import importlib
import re
import shlex
import tomllib
from pathlib import Path

import pytest

from netbilld.billing.plan_file import parse_plan
from netbilld.cli.main import VERBS, Parser
from netbilld.daemon.settings import Settings

ROOT = Path(__file__).resolve().parents[3]
GUIDE = (ROOT / "docs" / "operator.md").read_text("utf-8")
TEXTS = {"guide": GUIDE, "readme": (ROOT / "README.md").read_text("utf-8")}
SHELL_SIGNS = {"&&", "|", ";"}


def blocks(text: str) -> list[str]:
    """Return the lines of indented code, with what goes on after a backslash on one line."""
    code = "\n".join(line[4:] if line.startswith("    ") else "" for line in text.splitlines())
    return re.sub(r"\\\n\s*", "", code).splitlines()


def commands() -> list[str]:
    """Return every netbilld command of indented code, and of the table of daily work."""
    daily = GUIDE.partition("## Every day")[2].partition("\n## ")[0]
    shown = [
        command for line in daily.splitlines() if line.startswith("|") for command in re.findall("`([^`]+)`", line)
    ]
    shown += [line for text in TEXTS.values() for line in blocks(text)]
    return [line.strip() for line in shown if re.match(r"\s*(sudo -u \w+ )?netbilld ", line)]


def test_there_is_something_to_type() -> None:
    assert len(commands()) > 40


@pytest.mark.parametrize("line", commands())
def test_a_command_of_the_guide_is_understood(line: str) -> None:
    words = shlex.split(line, comments=True)
    words = words[4:] if words[0] == "sudo" else words[1:]
    ends = [at for at, word in enumerate(words) if word in SHELL_SIGNS]
    verb, *rest = words[: ends[0]] if ends else words
    assert verb in VERBS
    parser = Parser(prog=f"netbilld {verb}")
    importlib.import_module(f"netbilld.cli.commands.{verb}_command").configure(parser)
    parser.parse_args(rest)


def plans() -> list[str]:
    """Return the plans of the guide; tables that stand alone are put under the first whole one."""
    found = re.findall(r"```toml\n(.*?)```", GUIDE, re.DOTALL)
    whole = [text for text in found if "code =" in text]
    bare = re.sub(r"\n\[access\].*", "\n", whole[0], flags=re.DOTALL)
    return [*whole, *(bare + text for text in found if "code =" not in text)]


@pytest.mark.parametrize("text", plans())
def test_a_plan_of_the_guide_is_allowed(text: str) -> None:
    parse_plan(text, "guide.toml", "IDR")


def test_the_settings_of_the_guide_are_allowed() -> None:
    lines = [line for line in blocks(GUIDE) if re.match(r"\[\w+\]|\w+ = ", line)]
    text = "\n".join(lines).replace("1f3a…", "1f3a").replace("…", "live.pem")
    sections = [section for section in re.split(r"\n(?=\[)", text) if section.startswith("[")]
    assert len(sections) >= 2
    for section in sections:
        Settings(**tomllib.loads(section))
