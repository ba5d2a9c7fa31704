"""Agents sign in with a name and password of their own, in a realm of their own."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any, Final

from netbilld.model.actor import Actor
from netbilld.model.agent import AgentLogin
from netbilld.ports.passwords import Passwords
from netbilld.services.sign_in import (
    LONGEST_PASSWORD,
    Entropy,
    LockedOut,
    Lockout,
    WrongNameOrPassword,
    random_token,
    token_hash,
)

REALM: Final = "agent"


@dataclass(frozen=True, slots=True)
class SignedInAgent:
    """The right name and password; the token is for the cookie."""

    agent: str
    token: str = field(repr=False)


class SignInAgent:
    """Signs agents in, with the same answer and work for every failure."""

    def __init__(self, store: Any, passwords: Passwords, entropy: Entropy, lifetime: timedelta) -> None:
        self._store, self._passwords, self._entropy, self._lifetime = store, passwords, entropy, lifetime
        self._lockout = Lockout(store, REALM)
        self._nobodys_hash: str | None = None

    async def handle(
        self, name: str, password: str, source: str, now: datetime
    ) -> SignedInAgent | WrongNameOrPassword | LockedOut:
        """Return a new log-in, or why there is none."""
        key = name.strip().lower()[:100]
        if locked_until := await self._lockout.begin(key, source, now):
            return LockedOut(locked_until)
        if self._nobodys_hash is None:
            self._nobodys_hash = await self._passwords.hash(random_token(self._entropy))
        async with self._store.read() as work:
            known = await work.agents.password_of(key)
        given = password if len(password.encode()) <= LONGEST_PASSWORD else ""
        right = await self._passwords.verify(known or self._nobodys_hash, given)
        if known is None or not right:
            return WrongNameOrPassword()
        await self._lockout.succeeded(key, source)
        token = random_token(self._entropy)
        login = AgentLogin(token_hash(token), key, random_token(self._entropy), source[:100], now, now + self._lifetime)
        async with self._store.write() as work:
            await work.agents.add_login(login)
            await work.changes.record(Actor(f"agent {key}", source), now, "agent.sign_in", "agent", key, {})
        return SignedInAgent(key, token)

    async def of_token(self, token: str, now: datetime) -> AgentLogin | None:
        """Return the log-in of a cookie, while it lasts."""
        async with self._store.read() as work:
            found: AgentLogin | None = await work.agents.login(token_hash(token), now)
        return found

    async def sign_out(self, login: AgentLogin) -> None:
        """End a log-in."""
        async with self._store.write() as work:
            await work.agents.end_logins(login.agent, only=login.token_hash)
