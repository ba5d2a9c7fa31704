"""`netbilld radius test` and `netbilld radius trace`."""

import argparse

from netbilld.adapters.radius_client import METHODS
from netbilld.cli import radius_test, radius_trace
from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.secret_input import add_secret_option


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="test|trace")
    test = verbs.add_parser("test", help="send a real request and show the decoded exchange")
    test.add_argument("--method", choices=METHODS, help="default pap; without a user name status, a Status-Server")
    test.add_argument("--username", metavar="U")
    add_secret_option(test, "password", "the password")
    test.add_argument("--nas", metavar="NAME", help="use the secret of this NAS of ours")
    add_secret_option(test, "secret", "the RADIUS secret")
    test.add_argument("--server", metavar="HOST[:PORT]", help="default this host's own, on the port of the settings")
    test.add_argument("--calling-station-id", metavar="MAC", help="the device that dials")
    test.add_argument("attributes", nargs="*", metavar="NAME=VALUE", help="further attributes, by the dictionary")
    test.add_argument(
        "--no-message-authenticator", action="store_true", help="leave it out, as an old NAS does (not for status)"
    )
    test.add_argument("--timeout", type=float, default=2.0, metavar="S", help="seconds for one try; default 2")
    test.add_argument("--tries", type=int, default=3, metavar="N", help="default 3")
    add_json_option(test)
    trace = verbs.add_parser("trace", help="live decoded packets of one subscriber, from the running daemon")
    trace.add_argument("--username", required=True, metavar="U", help="and every other name of the same service")
    trace.add_argument("--nas", metavar="NAME", help="only packets of this NAS, also those nobody can read")
    trace.add_argument("--seconds", type=float, default=60.0, metavar="S", help="how long; default 60")
    add_json_option(trace)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    if options.action == "test":
        await radius_test.run(options, context)
    else:
        await radius_trace.run(options, context)
