"""`netbilld area add/list/remove`."""

import argparse

from netbilld.cli.context import Context
from netbilld.cli.listed_names import configure_names, run_names


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    configure_names(parser, "area", "an area, as in jabar/bandung/rw05; it covers what is below it")


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    await run_names(options, context, "area")
