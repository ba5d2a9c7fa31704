"""`netbilld group add/list/remove`."""

import argparse

from netbilld.cli.context import Context
from netbilld.cli.listed_names import configure_names, run_names


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    configure_names(parser, "group", "a group whose prices and plans a subscriber may have")


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run the verb."""
    await run_names(options, context, "group")
