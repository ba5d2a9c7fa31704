"""The demo's little town: five plans, fifty homes on two routers, and four of them whose story is told.

Everything runs on the wall clock, so allowances and wallets are tiny and reports come every few seconds; the plans are
otherwise written as an operator would write them.
"""

from dataclasses import dataclass, replace
from ipaddress import IPv4Address
from typing import Final

from netbilld.demo.nas.spec import Demand, Method, NasSpec, ProfileName, SubscriberSpec

HOMES: Final = 50
INTERIM_SECONDS: Final = 4
POOLS: Final = {"default": ("127.64.0.0/16",), "isolir": ("127.65.0.0/16",)}
LIAR_POOLS: Final = {"default": ("127.66.0.0/16",), "isolir": ("127.67.0.0/16",)}
PORTAL_SOURCES: Final = ("127.64.0.0/16", "127.65.0.0/16")
NAS_ADDRESS: Final = IPv4Address("127.0.0.2")
NAS_NAME: Final = "pop-melati"
# The other router acknowledges every change of speed and makes none; it reports as seldom as seeing that takes.
LIAR_ADDRESS: Final = IPv4Address("127.0.0.3")
LIAR_NAME: Final = "pop-mawar"
LIAR_INTERIM_SECONDS: Final = 8
LIES: Final = 1_000_000

PLANS: Final = {
    "RUMAH20": """
code = "RUMAH20"
name = "Rumah 20 Mbps"
timing = "postpaid"
charging = "flat"
[recurring]
price = 200000
period = "month"
[speed]
down = "20M"
up = "10M"
[allowance]
data = "110MB"
counts = "both"
after = "throttle"
throttled = { down = "2M", up = "1M" }
""",
    "KUOTA10": """
code = "KUOTA10"
name = "Kuota 10 Mbps"
timing = "postpaid"
charging = "flat"
[recurring]
price = 100000
period = "month"
[speed]
down = "10M"
up = "5M"
[allowance]
data = "150MB"
counts = "both"
after = "wall"
""",
    "PAKAI30": """
code = "PAKAI30"
name = "Bayar Sesuai Pakai 30 Mbps"
timing = "prepaid"
charging = "per_use"
[speed]
down = "30M"
up = "15M"
[usage]
price_per_gb = 4000
""",
    "KANTOR50": """
code = "KANTOR50"
name = "Kantor 50 Mbps"
timing = "postpaid"
charging = "flat"
[recurring]
price = 450000
period = "month"
[speed]
down = "50M"
up = "25M"
""",
    "HARIAN5": """
code = "HARIAN5"
name = "Hotspot Harian 5 Mbps"
timing = "prepaid"
charging = "flat"
[recurring]
price = 5000
period = "1d"
[speed]
down = "5M"
up = "2M"
""",
}


@dataclass(frozen=True, slots=True)
class Home:
    """One subscriber of the demo."""

    username: str
    password: str
    name: str
    phone: str
    area: str
    plan: str
    mac: str
    method: Method
    demand: Demand
    wallet: int  # rupiah paid in at the start
    settled: bool  # False: the first invoice stays unpaid
    redial_seconds: tuple[float, float] = (2.0, 6.0)
    nas: str = NAS_NAME


FAIR_USE_STAR: Final = "budi.santoso"
WALLET_STAR: Final = "siti.rahayu"
OVERDUE_STAR: Final = "agus.wijaya"
LIE_STAR: Final = "wulan.sari"
STARS: Final = (FAIR_USE_STAR, WALLET_STAR, OVERDUE_STAR, LIE_STAR)

_FIRST: Final = (
    "Ayu", "Bayu", "Citra", "Dewi", "Eko", "Fitri", "Gilang", "Hesti", "Indra", "Joko", "Kartika", "Lina", "Made",
    "Nanda", "Oki", "Putri", "Rangga", "Sari", "Tono", "Umar", "Vina", "Wahyu", "Yanti", "Zainal",
)  # fmt: skip
_LAST: Final = (
    "Saputra", "Lestari", "Hidayat", "Kusuma", "Pratama", "Utami", "Nugroho", "Maharani", "Setiawan", "Anggraini",
    "Firmansyah",
)  # fmt: skip
_AREAS: Final = ("RT 01 Melati", "RT 02 Melati", "RT 03 Mawar", "RT 04 Mawar", "RW 05 Kenanga")
_LOG_INS: Final[tuple[Method, ...]] = ("pap", "chap", "mschapv2", "chap", "pap")
_HABITS: Final[tuple[ProfileName, ...]] = (
    "browsing", "idle", "streaming", "browsing", "gamer", "idle", "browsing", "uploader", "idle", "browsing",
)  # fmt: skip


def homes() -> list[Home]:
    """Return the fifty homes, the stars first; the same every time."""
    town = [_star(0, FAIR_USE_STAR, "Budi Santoso", "RUMAH20", "downloader", wallet=0, settled=True)]
    town.append(_star(1, WALLET_STAR, "Siti Rahayu", "PAKAI30", "downloader", wallet=600, settled=True))
    town.append(_star(2, OVERDUE_STAR, "Agus Wijaya", "KANTOR50", "streaming", wallet=0, settled=False))
    lied_to = _star(3, LIE_STAR, "Wulan Sari", "RUMAH20", "downloader", wallet=0, settled=True)
    town.append(replace(lied_to, nas=LIAR_NAME))
    for number in range(len(town), HOMES):
        name = f"{_FIRST[number % len(_FIRST)]} {_LAST[number % len(_LAST)]}"
        plan = ("RUMAH20", "RUMAH20", "KUOTA10", "PAKAI30", "KANTOR50")[number % 5]
        town.append(
            Home(
                username=name.lower().replace(" ", "."),
                password=f"rahasia{number:02d}",
                name=name,
                phone=f"0812{34560000 + number}",
                area=_AREAS[number % len(_AREAS)],
                plan=plan,
                mac=f"02:4E:42:00:00:{number:02X}",
                method=_LOG_INS[number % len(_LOG_INS)],
                demand=Demand(profile=_HABITS[number % len(_HABITS)]),
                wallet=25_000 if plan == "PAKAI30" else 0,
                settled=True,
                redial_seconds=(2.0, 12.0),
            )
        )
    return town


def _star(number: int, username: str, name: str, plan: str, habit: ProfileName, *, wallet: int, settled: bool) -> Home:
    return Home(
        username=username,
        password=f"rahasia{number:02d}",
        name=name,
        phone=f"0812{34560000 + number}",
        area=_AREAS[number],
        plan=plan,
        mac=f"02:4E:42:00:00:{number:02X}",
        method="chap",
        demand=Demand(profile=habit),
        wallet=wallet,
        settled=settled,
        redial_seconds=(1.5, 2.5),
    )


def nas_spec(name: str, secret: str, *, auth_port: int, acct_port: int, coa_port: int, town: list[Home]) -> NasSpec:
    """Return a simulated router with the homes that hang on it."""
    is_liar = name == LIAR_NAME
    return NasSpec(
        bind_address=LIAR_ADDRESS if is_liar else NAS_ADDRESS,
        name=name,
        secret=secret,
        auth_port=auth_port,
        acct_port=acct_port,
        coa_port=coa_port,
        pools=dict(LIAR_POOLS if is_liar else POOLS),
        boot_digit=2 if is_liar else 1,  # so that no session of one is called as one of the other
        interim_override_seconds=float(LIAR_INTERIM_SECONDS if is_liar else INTERIM_SECONDS),
        subscribers=tuple(
            SubscriberSpec(
                username=home.username,
                password=home.password,
                method=home.method,
                mac=home.mac,
                demand=home.demand,
                redial_seconds=home.redial_seconds,
            )
            for home in town
            if home.nas == name
        ),
    )
