"""`netbilld nas hotspot DIR`: the pages of a MikroTik hotspot that let people log in on the portal."""

import argparse
from pathlib import Path

from netbilld.cli.context import Context
from netbilld.cli.main import add_json_option
from netbilld.cli.output import note, print_json
from netbilld.enforcement.nas_script.hotspot_pages import hotspot_pages
from netbilld.model.errors import InvalidInputError


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the options."""
    parser.add_argument(
        "directory", metavar="DIR", type=Path, help="where to write them; files of that name are replaced"
    )
    parser.add_argument("--portal-url", metavar="URL", help="default portal.public_url")
    add_json_option(parser)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Write the pages."""
    url = (options.portal_url or context.settings.portal.public_url or "").rstrip("/")
    if not url.startswith(("http://", "https://")):
        raise InvalidInputError("where the portal is is not known", hint="give --portal-url, or set portal.public_url")
    pages = hotspot_pages(url, context.settings.business_name)
    options.directory.mkdir(parents=True, exist_ok=True)
    for name, text in pages.items():
        (options.directory / name).write_text(text, "utf-8")
    if context.json_wanted:
        print_json({"directory": str(options.directory), "files": sorted(pages)}, context.settings.timezone)
        return
    print("\n".join(str(options.directory / name) for name in sorted(pages)))
    note("copy them over those in the hotspot's html-directory; its profile needs login-by=http-chap or https")
