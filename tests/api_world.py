"""The panel of a small ISP with its JSON API, a token for it, and a client that speaks as programs do."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from aiohttp.test_utils import TestClient

from netbilld.adapters.clock import entropy
from netbilld.daemon.api import api_parts
from netbilld.daemon.settings import Settings
from netbilld.model.actor import Actor
from netbilld.model.api_token import SCOPES
from netbilld.services.manage_tokens import ManageTokens, NewToken
from tests.panel_fixture import PanelWorld, client_of

OWNER: Final = Actor("ani@rumahnet.example", "127.0.0.1")
PREFIX: Final = "/api/v1"


@dataclass(frozen=True, slots=True)
class Said:
    """An answer, read whole."""

    status: int
    headers: Mapping[str, str]
    body: Any
    octets: bytes

    @property
    def code(self) -> str:
        """Return the code of a refusal."""
        assert self.headers["Content-Type"].startswith("application/problem+json"), self
        return str(self.body["code"])


@dataclass(slots=True)
class Program:
    """A client of the API with a token of its own."""

    client: TestClient[web.Request, web.Application]
    token: str | None
    headers: dict[str, str] = field(default_factory=dict)

    async def ask(self, method: str, path: str, body: Any = None, **options: Any) -> Said:
        """Send a request; `path` is below the prefix."""
        headers = {**self.headers, **options.pop("headers", {})}
        if self.token is not None:
            headers.setdefault("Authorization", f"Bearer {self.token}")
        if body is not None:
            options["json"] = body
        async with self.client.request(method, PREFIX + path, headers=headers, **options) as answer:
            octets = await answer.read()
            is_json = "json" in answer.headers.get("Content-Type", "")
            return Said(
                answer.status, dict(answer.headers), await answer.json(content_type=None) if is_json else None, octets
            )

    async def get(self, path: str, status: int = 200, **options: Any) -> Any:
        """Return the body of what is read."""
        return await self._body("GET", path, None, status, options)

    async def post(self, path: str, body: Any = None, status: int = 200, **options: Any) -> Any:
        """Return the body of what is answered."""
        return await self._body("POST", path, {} if body is None else body, status, options)

    async def patch(self, path: str, body: Any, status: int = 200, **options: Any) -> Any:
        """Return the body of what is answered."""
        return await self._body("PATCH", path, body, status, options)

    async def _body(self, method: str, path: str, body: Any, status: int, options: dict[str, Any]) -> Any:
        said = await self.ask(method, path, body, **options)
        assert said.status == status, (method, path, said.status, said.body or said.octets[:300])
        return said.body


def settings_of(directory: Path) -> Settings:
    """Return the settings of a provider that names nothing."""
    return Settings(data_dir=directory)


def api_app(world: PanelWorld, directory: Path, settings: Settings | None = None) -> web.Application:
    """Return the panel with its API."""

    async def nudge() -> None:
        world.nudges += 1

    parts = api_parts(settings or settings_of(directory), world.database, world.box, world.clock, entropy, nudge)
    return world.app(api=parts)


async def token_of(world: PanelWorld, name: str = "uji", scopes: Collection[str] = SCOPES, **asked: Any) -> str:
    """Return a new token."""
    made = await ManageTokens(world.database, entropy).add(
        NewToken(name, tuple(scopes), **asked), OWNER, world.clock.now()
    )
    return made.clear


__all__ = ["OWNER", "PREFIX", "Program", "Said", "api_app", "client_of", "settings_of", "token_of"]
