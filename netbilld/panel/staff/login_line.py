"""A log-in of the staff as lists show it."""

from dataclasses import dataclass
from typing import Final

from netbilld.panel.browser_name import browser_name
from netbilld.services.sign_in import Login

_CALLED_BY: Final = (
    16  # signs of the hash of a token of 256 bits: enough to tell one's own apart, worth nothing otherwise
)


@dataclass(frozen=True, slots=True)
class LoginLine:
    """One browser that is signed in; `is_this` where it is the one that asks."""

    login: Login
    is_this: bool = False

    @property
    def key(self) -> str:
        """Return what it is called in a form."""
        return self.login.token_hash[:_CALLED_BY]

    @property
    def browser(self) -> str:
        return browser_name(self.login.browser)
