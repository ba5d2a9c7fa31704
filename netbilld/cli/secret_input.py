"""Secrets on the command line: by standard input, a prompt, or, for scripts, as an option."""

import argparse
import asyncio
import getpass
import sys

from netbilld.model.errors import InvalidInputError


def add_secret_option(parser: argparse.ArgumentParser, name: str, summary: str) -> None:
    """Give a verb --NAME and --NAME-stdin, of which one may be used."""
    group = parser.add_mutually_exclusive_group()
    group.add_argument(f"--{name}", metavar="TEXT", help=f"{summary}; others can see it in the process list")
    group.add_argument(f"--{name}-stdin", action="store_true", help=f"{summary}, read from standard input")


async def read_secret(options: argparse.Namespace, name: str, prompt: str | None) -> str | None:
    """Return the secret: the option's, a line of standard input, or what is typed at `prompt`; None where not given.

    With `prompt` None nobody is asked: the secret is optional.
    """
    attribute = name.replace("-", "_")
    given: str | None = getattr(options, attribute)
    if given is not None:
        return given
    if getattr(options, f"{attribute}_stdin"):
        line: str = await asyncio.to_thread(sys.stdin.readline)
        secret = line.rstrip("\r\n")
        if not secret:
            raise InvalidInputError(f"--{name}-stdin: standard input was empty")
        return secret
    if prompt is None or not sys.stdin.isatty():
        return None
    try:
        typed: str = await asyncio.to_thread(getpass.getpass, f"{prompt}: ")
    except EOFError:
        return None
    return typed or None
