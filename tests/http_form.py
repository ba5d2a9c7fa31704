"""A visitor without JavaScript: fetches pages, keeps cookies, sends the forms it finds."""

import re
import urllib.parse
import urllib.request
from http.client import HTTPResponse
from http.cookiejar import CookieJar
from typing import Final

PATIENCE_SECONDS: Final = 60.0  # a slow machine is no fault of the page


class Visitor:
    def __init__(self, base_url: str) -> None:
        self.base_url = base_url
        self._opener = urllib.request.build_opener(urllib.request.HTTPCookieProcessor(CookieJar()))

    def get(self, path: str) -> str:
        with self._opener.open(self.base_url + path, timeout=PATIENCE_SECONDS) as answer:
            return str(answer.read().decode())

    def open(self, path: str) -> HTTPResponse:
        """Return an answer that is still being written; a context manager."""
        answer: HTTPResponse = self._opener.open(self.base_url + path, timeout=PATIENCE_SECONDS)
        return answer

    def post(self, path: str, fields: dict[str, str]) -> str:
        request = urllib.request.Request(  # noqa: S310 - our own loopback server
            self.base_url + path,
            urllib.parse.urlencode(fields).encode(),
            {"Origin": self.base_url, "Sec-Fetch-Site": "same-origin"},
        )
        with self._opener.open(request, timeout=PATIENCE_SECONDS) as answer:
            return str(answer.read().decode())

    def token(self, page: str) -> str:
        """Return the CSRF token of the first form of a page."""
        found = re.search(r'name="csrf" value="([^"]+)"', self.get(page))
        assert found is not None, f"{page} has no form"
        return found.group(1)

    def sign_in(self, email: str, password: str) -> None:
        self.post("/signin", {"csrf": self.token("/signin"), "email": email, "password": password})
        assert 'action="/signout"' in self.get("/"), "not signed in"

    def press(self, page: str, action: str) -> None:
        """Send the form of that page which has this action and no other fields."""
        assert f'action="{action}"' in self.get(page)
        self.post(action, {"csrf": self.token(page)})
