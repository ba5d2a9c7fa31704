"""`netbilld demo`."""

import argparse
import logging

from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option
from netbilld.daemon.logs import configure_logs
from netbilld.demo.run import run_demo


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config_option(parser)
    parser.add_argument("--verbose", action="store_true", help="the daemon's log lines as well")


async def run(options: argparse.Namespace, context: Context) -> None:
    """Play until interrupted."""
    configure_logs(logging.INFO if options.verbose else logging.WARNING)
    await run_demo(context.settings)
