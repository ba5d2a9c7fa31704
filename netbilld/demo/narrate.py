"""Tells on the terminal what happens to the stars, as the store knows it."""

import asyncio
from collections.abc import Callable
from typing import Final
from zoneinfo import ZoneInfo

from netbilld.demo.play import Play, PowerCut, Restoration, Scene, Star
from netbilld.services.readmodels import Attempt

_LOOK_SECONDS: Final = 0.5
_WORDS: Final = {
    "active": "full access",
    "throttled": "slowed down",
    "walled": "walled off (isolir)",
    "blocked": "blocked",
}
_REASONS: Final = {
    "fair_use": "fair use crossed",
    "quota": "quota used up",
    "no_credit": "wallet empty",
    "overdue": "bill overdue",
    "ok": "all is well",
}


class Narrator:
    """Looks twice a second and says what is new."""

    def __init__(self, play: Play, currency: str, timezone: str, say: Callable[[str], None]) -> None:
        self._play = play
        self._currency = currency
        self._zone = ZoneInfo(timezone)
        self._say = say
        self._online = -1
        self._due: dict[str, tuple[str, str]] = {}
        self._orders: dict[int, tuple[str, bool, bool]] = {}
        self._cut: PowerCut | None = None
        self._restoration: Restoration | None = None

    async def tell(self) -> None:
        """Tell for ever."""
        while True:
            self._look(await self._play.scene())
            await asyncio.sleep(_LOOK_SECONDS)

    def _look(self, scene: Scene) -> None:
        clock = scene.now.astimezone(self._zone).strftime("%H:%M:%S")
        if scene.online != self._online and (scene.online % 10 == 0 or self._online < 0):
            self._say(f"{clock}  {scene.online} online")
            self._online = scene.online
        for username, star in scene.stars.items():
            self._look_at(clock, username, star)
        self._look_at_power(clock, scene.power_cut)
        restoration = scene.restoration
        if restoration is not None and restoration != self._restoration:
            if restoration.seconds is None:
                self._say(
                    f"{clock}  payment of {restoration.amount_minor:,} {self._currency} recorded; the stopwatch runs"
                )
            else:
                self._say(f"{clock}  restored {restoration.seconds:.1f} s after the payment (the modem had to redial)")
            self._restoration = restoration

    def _look_at(self, clock: str, username: str, star: Star) -> None:
        due = star.service.due
        if due is not None and self._due.get(username) != (due.access, due.reason):
            if username in self._due or due.reason != "ok":
                until = f" until {due.until_at.astimezone(self._zone):%d %b %H:%M}" if due.until_at else ""
                self._say(
                    f"{clock}  {username}: due {_WORDS[due.access]}, {_REASONS.get(due.reason, due.reason)}{until}"
                )
            self._due[username] = (due.access, due.reason)
        for attempt in reversed(star.file.attempts):
            self._look_at_order(clock, username, attempt)

    def _look_at_order(self, clock: str, username: str, attempt: Attempt) -> None:
        stage = (attempt.outcome, attempt.verified_at is not None, attempt.returned_at is not None)
        told = self._orders.get(attempt.id)
        if told == stage:
            return
        order = "CoA" if attempt.action == "coa" else "Disconnect"
        if told is None:
            waited = (attempt.sent_at - attempt.due_at).total_seconds()
            self._say(f"{clock}  {username}: {order} sent {waited * 1000:.0f} ms after it was due")
        if attempt.outcome in {"nacked", "timed_out", "failed"}:
            self._say(f"{clock}  {username}: {order} {attempt.outcome}, it will be tried again")
        if attempt.verified_at is not None and not (told and told[1]):
            seconds = (attempt.verified_at - attempt.due_at).total_seconds()
            what = "traffic seen at the new rate" if attempt.action == "coa" else "session gone"
            self._say(f"{clock}  {username}: {what} {seconds:.1f} s after it was due")
        if attempt.returned_at is not None and not (told and told[2]):
            seconds = (attempt.returned_at - attempt.due_at).total_seconds()
            self._say(f"{clock}  {username}: back with the new profile {seconds:.1f} s after it was due")
        if attempt.outcome == "disproved":
            self._say(f"{clock}  {username}: {attempt.nas} lied about the {order}: {attempt.detail}")
        self._orders[attempt.id] = stage

    def _look_at_power(self, clock: str, cut: PowerCut | None) -> None:
        if cut is None or cut == self._cut:
            return
        if self._cut is None or cut.phase != self._cut.phase:
            match cut.phase:
                case "dark":
                    self._say(f"{clock}  MATI LAMPU: {cut.online_before} homes lose their power")
                case "returning" | "failed" if cut.router_octets is not None and cut.metered_octets is not None:
                    verdict = "equal" if cut.router_octets == cut.metered_octets else "DIFFERENT"
                    self._say(
                        f"{clock}  all gone; the router counted {cut.router_octets:,} octets in their sessions, "
                        f"netbilld metered {cut.metered_octets:,}: {verdict}"
                    )
                case "back":
                    self._say(
                        f"{clock}  all {cut.online_before} are back after {cut.back_seconds:.0f} s, nobody locked out"
                    )
                case _:
                    self._say(f"{clock}  not everybody came back in time")
        self._cut = cut
