"""How ways to pay are called; names of banks and wallets are names in every language."""

from typing import Final

_NAMES: Final = {
    "mandiri": "Mandiri",
    "permata": "Permata",
    "danamon": "Danamon",
    "muamalat": "Muamalat",
    "cimb": "CIMB Niaga",
    "alfamart": "Alfamart",
    "alfamidi": "Alfamidi",
    "indomaret": "Indomaret",
    "gopay": "GoPay",
    "shopeepay": "ShopeePay",
    "linkaja": "LinkAja",
}


def method_words(method: str) -> str:
    """Return how a way to pay is called; names of banks and wallets are names."""
    kind, _, channel = method.partition("_")
    name = _NAMES.get(channel, channel.upper())
    if kind == "va":
        return f"Virtual account {name}"
    return {"qris": "QRIS", "page": ""}.get(kind, name)
