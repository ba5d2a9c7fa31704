"""`netbilld agent` and `netbilld collector`: deposits, statements, routes and months, as an office uses them."""

from collections.abc import Callable

import pytest

from tests.people_world import CommandLine

pytestmark = pytest.mark.slow


def test_an_agent_is_made_paid_in_for_looked_at_and_closed(
    netbilld: CommandLine, type_in: Callable[[str], None]
) -> None:
    assert netbilld("subscriber", "add", "budi", "--plan", "HOME20", "--password", "x") == 0, netbilld.err
    type_in("kuda-poni-merah\n")
    assert netbilld("agent", "add", "sari", "--name", "Warung Sari", "--commission", "2,5", "--password-stdin") == 0
    assert "8 letters" in netbilld.refused("agent", "add", "joko", "--password", "pendek")
    assert "first password" in netbilld.refused("agent", "add", "joko")
    assert "known already" in netbilld.refused("agent", "add", "sari", "--password", "kuda-poni-merah")
    for _ in range(2):
        key = ("--idempotency-key", "dep-1")
        done = netbilld.json("agent", "deposit", "sari", "100000", "--method", "transfer", *key)
        assert (done["amount"], done["deposit"]) == (100_000, 100_000)
    assert "word" in netbilld.refused("agent", "deposit", "sari", "1000", "--method", "agent")
    assert "holds 100000" in netbilld.refused("agent", "pay-out", "sari", "100001")
    assert netbilld.json("agent", "pay-out", "sari", "30000")["deposit"] == 70_000
    assert netbilld("agent", "serve", "sari", "budi") == 0
    shown = netbilld.json("agent", "show", "sari")
    assert (shown["commission_permille"], shown["deposit"], len(shown["subscribers"])) == (25, 70_000, 1)
    assert netbilld("agent", "leave", "sari", "budi") == 0
    lines = netbilld.json("agent", "statement", "sari")["lines"]
    assert [(one["amount"], one["deposit"]) for one in lines] == [(-30_000, 70_000), (100_000, 100_000)]
    assert netbilld("agent", "statement", "sari", "--format", "csv") == 0
    assert netbilld.out.splitlines()[0] == "at,booked_on,kind,text,amount,deposit"
    assert netbilld.out.splitlines()[2].endswith(",-30000,70000")
    for paid_out in (70_000, 0):  # asked again, there is nothing left
        assert netbilld.json("agent", "close", "sari")["paid_out"] == paid_out
    assert netbilld.json("agent", "list")[0]["status"] == "ended"
    assert "nothing to change" in netbilld.refused("agent", "set", "sari")
    assert "no agent" in netbilld.refused("agent", "statement", "siapa")
    assert netbilld.json("ledger", "check")["ok"]


def test_a_collectors_route_months_and_hand_over(netbilld: CommandLine) -> None:
    assert netbilld("subscriber", "add", "budi", "--plan", "HOME20", "--password", "x") == 0, netbilld.err
    assert netbilld("collector", "add", "agus", "--name", "Agus Salim") == 0
    assert netbilld.json("collector", "route") == []
    assert netbilld.json("collector", "route", "--area", "cibiru") == []
    assert netbilld("payment", "add", "budi", "50000", "--method", "cash", "--collector", "agus") == 0, netbilld.err
    assert netbilld("collector", "handover", "agus", "40000", "--signed-by", "Agus") == 0, netbilld.err
    shown = netbilld.json("collector", "show", "agus")
    [month] = shown["months"]
    assert (shown["held"], month["taken"], month["short"], month["handovers"]) == (10_000, 50_000, 10_000, 1)
    assert (shown["missing_receipts"], shown["late"]) == ([], [])
    assert netbilld("collector", "show", "agus") == 0
    assert "Rp10.000" in netbilld.out
    assert "no collector" in netbilld.refused("collector", "show", "siapa")
