"""`netbilld serve`."""

import argparse
import logging

from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option
from netbilld.daemon.logs import configure_logs
from netbilld.daemon.roles import Role, roles_of
from netbilld.daemon.run import serve


def configure(parser: argparse.ArgumentParser) -> None:
    """Add the options."""
    add_config_option(parser)
    parser.add_argument("--verbose", action="store_true", help="log more")
    parser.add_argument(
        "--role",
        metavar="ROLE,…",
        help=f"run these parts only: {', '.join(Role)}; what this node leaves out another one must run",
    )


async def run(options: argparse.Namespace, context: Context) -> None:
    """Serve until told to stop."""
    configure_logs(logging.DEBUG if options.verbose else logging.INFO)
    settings = context.settings
    if options.role is not None:
        node = settings.node.model_copy(update={"roles": roles_of(options.role)})
        settings = settings.model_copy(update={"node": node})
    await serve(settings, context.config)
