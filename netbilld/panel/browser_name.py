"""What a browser and its machine are called, as far as their User-Agent says; a hint for people, proof of nothing."""

from typing import Final

# in this order: each also claims to be those after it
_BROWSERS: Final = (
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("Firefox/", "Firefox"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
)
_MACHINES: Final = (
    ("Android", "Android"),
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_LONGEST: Final = 40


def browser_name(user_agent: str | None) -> str:
    """Return `Firefox, Android`, the beginning of what it says where that is unknown, or a dash."""
    if not user_agent:
        return "–"
    browser = next((name for mark, name in _BROWSERS if mark in user_agent), "")
    machine = next((name for mark, name in _MACHINES if mark in user_agent), "")
    return ", ".join(filter(None, (browser, machine))) or user_agent[:_LONGEST]
