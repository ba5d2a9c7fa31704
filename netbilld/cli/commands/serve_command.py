"""`netbilld serve`."""

import argparse
import logging

from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option
from netbilld.daemon.logs import configure_logs
from netbilld.daemon.run import serve


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config_option(parser)
    parser.add_argument("--verbose", action="store_true", help="log more")


async def run(options: argparse.Namespace, context: Context) -> None:
    """Serve until told to stop."""
    configure_logs(logging.DEBUG if options.verbose else logging.INFO)
    await serve(context.settings, context.config)
