"""`netbilld nas options`: how other DHCP servers and routers tell devices of the captive portal."""

import argparse

from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.output import print_json
from netbilld.enforcement.nas_script.portal_options import NO_PORTAL, WRITERS, portal_option_lines
from netbilld.model.errors import InvalidInputError


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        "--for", dest="servers", metavar="|".join(WRITERS), default=",".join(WRITERS), help="which; default all of them"
    )
    parser.add_argument("--none", action="store_true", help="say that there is no portal on that network")
    add_json_option(parser)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Print the lines."""
    public_url = context.settings.portal.public_url
    if public_url is None and not options.none:
        raise InvalidInputError("the portal has no address of its own", hint="set portal.public_url")
    url = NO_PORTAL if options.none else f"{public_url}/capport"
    wanted = [one.strip() for one in options.servers.split(",") if one.strip()]
    lines = {one: portal_option_lines(one, url) for one in wanted}
    if context.json_wanted:
        print_json({"url": url, "lines": lines}, context.settings.timezone)
        return
    print("\n\n".join("\n".join(part) for part in lines.values()))
