"""The pages that a MikroTik hotspot shows itself, made so that people log in on the portal (external log-in page).

They go into the hotspot's html-directory over those of the same name; the others there stay. They work without scripts.
Source: MikroTik's manual, HotSpot customisation.
"""

from collections.abc import Mapping
from html import escape
from typing import Final

_FIELDS: Final = (
    "mac", "ip", "link-login-only", "link-orig", "error", "chap-id", "chap-challenge", "identity", "server-name",
)  # fmt: skip


def hotspot_pages(portal_url: str, business_name: str) -> Mapping[str, str]:
    """Return the pages by file name.

    Args:
        portal_url: of the portal, as subscribers of the hotspot reach it before the log-in.
        business_name: at their top.
    """
    action, name = escape(f"{portal_url}/hotspot"), escape(business_name)
    hidden = "\n".join(f'<input type="hidden" name="{field}" value="$({field})">' for field in _FIELDS)
    return {
        "login.html": _page(
            name,
            f"""<form id="go" method="post" action="{action}">
{hidden}
<button>Masuk / Log in</button>
</form>
<script>document.getElementById("go").submit();</script>""",
        ),
        "alogin.html": _page(
            name,
            '<p>Tersambung / Connected</p>\n<p><a href="$(link-redirect)">Lanjut / Go on</a></p>',
            head='<meta http-equiv="refresh" content="2; url=$(link-redirect)">',
        ),
        "status.html": _page(
            name,
            f"""<p>$(username)</p>
<p>↓ $(bytes-out-nice) ↑ $(bytes-in-nice) · $(uptime)</p>
<p><a href="{escape(portal_url)}/">Saldo / Balance</a></p>
<form method="post" action="$(link-logout)"><button>Keluar / Log out</button></form>""",
        ),
        "logout.html": _page(
            name, '<p>Sudah keluar / Logged out</p>\n<p><a href="$(link-login)">Masuk / Log in</a></p>'
        ),
    }


def _page(name: str, body: str, *, head: str = "") -> str:
    return f"""<!doctype html>
<html lang="id">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{name}</title>
{head}
<style>
body {{ font: 1rem/1.5 system-ui, sans-serif; max-width: 24rem; margin: 3rem auto; padding: 0 1rem }}
body {{ text-align: center }}
button {{ font: inherit; padding: .75rem 1.5rem }}
</style>
</head>
<body>
<h1>{name}</h1>
{body}
</body>
</html>
"""
