"""accel-ppp: PPPoE, L2TP, PPTP and IPoE on Linux; VyOS and older EdgeOS build their PPPoE servers on it.

Source: its manual page and source code, with `[shaper]` at its defaults.
"""

from typing import Final

from netbilld.billing.plan import Speed
from netbilld.enforcement.vendors.identity import session_id, user_name
from netbilld.enforcement.vendors.interface import Vendor, Wall
from netbilld.radius.attributes import FILTER_ID


def _rate(speed: Speed) -> list[tuple[int, bytes]]:
    """Return `download/upload` in kbit/s; no suffix, since its G multiplies by ten times too much."""
    down_kbps, up_kbps = (max(1, -(-rate_bps // 1_000)) for rate_bps in (speed.down_bps, speed.up_bps))
    return [(FILTER_ID, f"{down_kbps}/{up_kbps}".encode("ascii"))]


VENDOR: Final = Vendor(
    name="accel-ppp",
    title="accel-ppp",
    rate=_rate,
    unit_bps=1_000,
    coa_rate=True,
    wall=Wall.POOL,
    # Whatever is sent must match; NAS-IP-Address would be held against its configuration.
    identity=(user_name, session_id),
    notes=(
        "Set `[radius] dae-server=ADDRESS:3799,SECRET`; without it there are no orders.",
        "Filter-Id is the speed, so the walled garden is a pool; `[shaper] attr` must be left at Filter-Id.",
        "It ends sessions whose accounting stays unanswered for acct-timeout.",
    ),
)
