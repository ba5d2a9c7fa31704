"""What happens to fifty subscribers of an RT/RW-Net in three years, as its owner would tell it."""

from datetime import date
from typing import Final, NamedTuple

FIRST: Final = date(2023, 7, 1)
LAST: Final = date(2026, 6, 30)
PKP_FROM: Final = date(2024, 7, 1)  # until then no PPN is shown, whatever the plans say
DUE_DAYS: Final = 10
GRACE_DAYS: Final = 2
TOLERANCE: Final = 1_000
LATE_AFTER_DAYS, LATE_PERCENT, LATE_MINIMUM, LATE_CAP = 5, 5, 8_000, 15_000
SUNDAY: Final = 6
HOLIDAYS: Final = (  # Lebaran, and the elections of 2024
    date(2024, 2, 14), date(2024, 4, 10), date(2024, 4, 11), date(2025, 3, 31), date(2025, 4, 1),
    date(2026, 3, 20), date(2026, 3, 21),
)  # fmt: skip


class Plan(NamedTuple):
    price: int
    inclusive: bool
    installation: int = 0
    deposit: int = 0


# 11 % of 275,023 is 30,252.53, so 30,253; 11/12 of it are 252,104, and 12 % of those 30,252: 2025 takes a rupiah off
PLANS: Final = {
    "HEMAT": Plan(111_000, inclusive=True),
    "RUMAH": Plan(150_050, inclusive=False, installation=100_000, deposit=200_000),
    "KELUARGA": Plan(199_999, inclusive=True),
    "KENCANG": Plan(275_023, inclusive=False, installation=100_000),
}


class Who(NamedTuple):
    name: str
    joined: date
    billing_day: int
    plan: str
    pays_after: int | None  # days after each bill, all that is owed then; None: only as the events say


def _people(table: str) -> list[Who]:
    found = []
    for row in table.strip().splitlines():
        name, joined, day, plan, after = (cell.strip() for cell in row.split("|"))
        found.append(Who(name, date.fromisoformat(joined), int(day), plan, None if after == "-" else int(after)))
    return found


# name | joined | billing day | plan | pays so many days after a bill
PEOPLE: Final = _people("""
asep     | 2023-07-03 | 31 | RUMAH    |  3
budi     | 2023-07-10 | 29 | KELUARGA |  -
citra    | 2023-07-20 | 30 | HEMAT    |  -
dedi     | 2023-08-05 | 20 | RUMAH    |  6
eko      | 2023-09-12 | 12 | KENCANG  |  -
fajar    | 2023-07-04 |  1 | HEMAT    |  2
gilang   | 2023-07-06 |  5 | RUMAH    |  4
hani     | 2023-07-11 | 31 | KELUARGA |  1
indah    | 2023-07-12 | 10 | HEMAT    |  7
joko     | 2023-07-21 | 29 | KENCANG  |  9
kiki     | 2023-07-24 | 15 | RUMAH    |  3
lina     | 2023-08-07 | 30 | HEMAT    | 13
maya     | 2023-08-14 | 20 | HEMAT    |  5
nanang   | 2023-08-20 | 25 | RUMAH    |  6
oki      | 2023-08-22 | 28 | KELUARGA | 16
putri    | 2023-08-27 | 31 | HEMAT    |  2
rudi     | 2023-08-28 |  2 | KENCANG  |  8
sari     | 2023-09-06 | 29 | RUMAH    | 11
tono     | 2023-09-09 | 17 | HEMAT    |  3
umar     | 2023-09-23 | 30 | HEMAT    | 19
vina     | 2023-09-30 |  1 | RUMAH    |  5
wawan    | 2023-10-06 |  5 | KELUARGA |  4
yanti    | 2023-10-08 | 31 | HEMAT    | 25
zaenal   | 2023-10-13 | 10 | KENCANG  |  2
agus     | 2023-10-14 | 29 | RUMAH    |  4
bayu     | 2023-10-23 | 15 | HEMAT    |  1
cahyo    | 2023-10-26 | 30 | HEMAT    |  7
dewi     | 2023-11-09 | 20 | RUMAH    |  9
endang   | 2023-11-16 | 25 | KELUARGA |  3
ferry    | 2023-11-22 | 28 | HEMAT    | 13
galih    | 2023-11-24 | 31 | KENCANG  |  5
hendra   | 2023-11-29 |  2 | RUMAH    |  6
imas     | 2023-11-30 | 29 | HEMAT    | 16
jajang   | 2023-12-09 | 17 | HEMAT    |  2
kartika  | 2023-12-12 | 30 | RUMAH    |  8
lukman   | 2023-12-26 |  1 | KELUARGA | 11
mira     | 2024-01-02 |  5 | HEMAT    |  3
nia      | 2024-02-11 | 31 | KENCANG  | 19
omar     | 2024-02-13 | 10 | RUMAH    |  5
popi     | 2024-02-18 | 29 | HEMAT    |  4
rahmat   | 2024-02-19 | 15 | HEMAT    | 25
siti     | 2024-02-28 | 30 | RUMAH    |  2
taufik   | 2024-03-02 | 20 | KELUARGA |  4
usep     | 2024-03-16 | 25 | HEMAT    |  1
vera     | 2024-03-23 | 28 | KENCANG  |  7
wati     | 2024-05-02 | 31 | RUMAH    |  9
yusuf    | 2024-05-04 |  2 | HEMAT    |  3
zahra    | 2024-05-09 | 29 | HEMAT    | 13
adi      | 2024-05-10 | 17 | RUMAH    |  5
bambang  | 2024-05-19 | 30 | KELUARGA |  6
""")

NAMED: Final = ("asep", "budi", "citra", "dedi", "eko")


class Event(NamedTuple):
    on: date
    who: str
    what: str
    arg: str


def _events(table: str) -> list[Event]:
    found = []
    for row in table.strip().splitlines():
        on, who, what, arg = (cell.strip() for cell in row.split("|"))
        found.append(Event(date.fromisoformat(on), who, what, arg))
    return found


# date | who | what | amount, plan or day. `pay all` is what is owed then; `bounce` takes back the newest payment;
# `code` is a transfer of the invoice's amount and its code; `credit` gives back so much of the newest invoice's first
# line; `give up` writes off all that is owed.
EVENTS: Final = _events("""
2023-07-14 | budi  | pay      | all
2023-07-24 | citra | pay      | all
2023-08-03 | citra | pay      | all
2023-08-09 | budi  | pay      | all
2023-09-04 | citra | pay      | 150000
2023-09-11 | budi  | promise  | 2023-09-16
2023-09-16 | budi  | pay      | all
2023-09-15 | eko   | pay      | all
2023-10-15 | eko   | pay      | all
2023-10-04 | citra | pay      | all
2023-10-20 | budi  | pay      | 100000
2023-11-04 | citra | code     |
2023-11-14 | eko   | pay      | all
2023-11-20 | budi  | pay      | all
2023-12-03 | citra | pay      | 222000
2023-12-15 | eko   | pay      | all
2024-01-02 | budi  | pay      | all
2024-01-04 | citra | bounce   |
2024-01-08 | citra | pay      | all
2024-01-14 | eko   | pay      | all
2024-02-03 | citra | pay      | all
2024-02-07 | asep  | pause    | 2024-02-10..2024-03-05
2024-02-12 | budi  | promise  | 2024-02-17
2024-02-14 | eko   | pay      | all
2024-03-02 | citra | pay      | all
2024-03-09 | budi  | pay      | all
2024-03-14 | eko   | pay      | all
2024-04-04 | citra | pay      | all
2024-04-15 | eko   | pay      | all
2024-04-20 | budi  | pay      | all
2024-05-02 | citra | pay      | all
2024-05-15 | eko   | pay      | all
2024-05-30 | budi  | pay      | all
2024-06-04 | citra | pay      | all
2024-06-05 | citra | credit   | 20000
2024-06-15 | eko   | pay      | all
2024-07-04 | citra | pay      | all
2024-07-06 | budi  | pay      | all
2024-07-15 | eko   | pay      | all
2024-08-05 | citra | pay      | all
2024-08-05 | budi  | pay      | all
2024-08-06 | budi  | credit   | 33333
2024-08-15 | eko   | pay      | all
2024-09-03 | citra | pay      | all
2024-09-15 | eko   | pay      | all
2024-09-17 | asep  | plan     | KENCANG
2024-09-20 | budi  | pay      | all
2024-10-04 | citra | pay      | all
2024-10-15 | eko   | pay      | all
2024-11-02 | citra | pay      | all
2024-11-05 | eko   | plan     | RUMAH
2024-11-15 | eko   | pay      | all
2024-12-02 | budi  | pay      | all
2024-12-04 | citra | pay      | all
2024-12-14 | eko   | pay      | all
2025-01-03 | citra | pay      | all
2025-01-15 | eko   | pay      | all
2025-01-20 | citra | plan     | KELUARGA
2025-02-04 | citra | pay      | all
2025-02-05 | budi  | pay      | all
2025-02-15 | eko   | pay      | all
2025-02-24 | dedi  | leave    |
2025-03-03 | citra | pay      | all
2025-03-15 | eko   | pay      | all
2025-03-16 | budi  | pay      | all
2025-04-02 | citra | pay      | all
2025-04-15 | eko   | pay      | all
2025-04-14 | budi  | promise  | 2025-04-18
2025-04-18 | budi  | pay      | all
2025-05-03 | citra | code     |
2025-05-15 | eko   | pay      | all
2025-05-25 | budi  | pay      | all
2025-06-04 | citra | pay      | all
2025-06-04 | asep  | plan     | RUMAH
2025-06-15 | eko   | pay      | all
2025-07-05 | budi  | pay      | all
2025-07-06 | citra | pay      | all
2025-07-31 | budi  | pay      | all
2025-08-05 | citra | pay      | all
2025-08-16 | eko   | pay      | 50000
2025-09-03 | citra | pay      | all
2025-09-12 | budi  | pay      | all
2025-10-04 | citra | pay      | all
2025-10-08 | budi  | pay      | all
2025-10-25 | eko   | leave    |
2025-11-02 | citra | pay      | all
2025-11-14 | budi  | pay      | all
2025-12-04 | citra | pay      | all
2025-12-15 | eko   | give up  |
2025-12-31 | budi  | pay      | all
2026-01-03 | citra | pay      | all
2026-02-05 | budi  | pay      | all
2026-02-06 | citra | pay      | all
2026-03-03 | citra | pay      | all
2026-03-23 | budi  | pay      | all
2026-04-04 | citra | pay      | all
2026-05-02 | citra | pay      | all
2026-05-16 | budi  | pay      | all
2026-06-04 | citra | pay      | all
2024-01-11 | gilang | plan    | KELUARGA
2024-03-21 | indah | plan     | KENCANG
2024-05-06 | joko  | pause    | 2024-05-10..2024-06-20
2024-08-19 | kiki  | plan     | RUMAH
2024-10-30 | lina  | leave    |
2024-12-30 | maya  | plan     | KENCANG
2025-01-01 | nanang | plan    | KELUARGA
2025-02-14 | oki   | pause    | 2025-02-20..2025-03-12
2025-03-08 | putri | plan     | RUMAH
2025-07-22 | rudi  | leave    |
2025-11-11 | sari  | pause    | 2025-11-20..2026-01-07
2026-02-18 | tono  | plan     | KENCANG
2026-04-09 | umar  | leave    |
""")
