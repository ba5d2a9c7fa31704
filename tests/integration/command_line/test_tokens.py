"""`netbilld token`: made, listed and revoked by the command line."""

from tests.people_world import CommandLine


def test_a_token_is_made_listed_without_itself_and_revoked(netbilld: CommandLine) -> None:
    """INCA-15: keys and scopes, by the command line."""
    words = ("token", "add", "Bank bridge", "--scope", "view_money", "--role", "cashier", "--expires", "90d")
    made = netbilld.json(*words, "--rate", "60", "--area", "jabar/bandung")
    assert made["token"].startswith("nbt_")
    assert made["scopes"] == ["record_payments", "view_money", "view_subscribers"]
    assert (made["state"], made["areas"], made["rate_per_minute"]) == ("valid", ["jabar/bandung"], 60)
    [listed] = netbilld.json("token", "list")
    assert listed == {name: value for name, value in made.items() if name != "token"}
    assert netbilld("token", "list") == 0
    assert made["token"] not in netbilld.out
    assert netbilld("token", "revoke", "bank BRIDGE") == 0
    assert netbilld.json("token", "list")[0]["state"] == "revoked"
    assert netbilld("token", "revoke", "Bank bridge") == 0
    assert "already" in netbilld.out


def test_what_a_token_can_not_be_is_said_in_one_line(netbilld: CommandLine) -> None:
    assert "no token is called" in netbilld.refused("token", "revoke", "nobody")
    assert "allowed: view_subscribers" in netbilld.refused("token", "add", "x", "--scope", "everything")
    assert "needs a scope" in netbilld.refused("token", "add", "x")
    assert "write 90d" in netbilld.refused("token", "add", "x", "--role", "readonly", "--expires", "soon")
    assert "expiry" in netbilld.refused("token", "add", "x", "--role", "readonly", "--expires", "2020-01-01")
