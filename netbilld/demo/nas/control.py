"""Steering a simulated NAS from outside: JSON lines over a Unix socket.

A request is an object with `command` and its arguments; the answer is `{"ok": true, "result": …}` or
`{"ok": false, "error": "one line"}`. Commands: `status`, `orders` (`since`), `ground_truth`, `power_cut`
(`outage_seconds`, `mode`, `last_gasp`), `cut_truth`, `redial` (`username`), `misbehave` (names of `Misbehaviour`),
`demand` (`username`, `demand`), `browse` (`username`, `url`, `headers`), `quit`.
"""

import asyncio
import contextlib
import json
import os
from dataclasses import asdict
from pathlib import Path
from typing import Any

import aiohttp

from netbilld.demo.nas.coa_server import Order
from netbilld.demo.nas.modem import Modem
from netbilld.demo.nas.simulated_nas import SimulatedNas
from netbilld.demo.nas.spec import read_demand
from netbilld.model.errors import InvalidInputError, NetbilldError, RefusedError

_LINE_LIMIT_OCTETS = 1 << 20
_OUTAGE_LIMIT_SECONDS = 3_600


class ControlServer:
    """Listens on the socket; `quitting` is set by the command `quit`."""

    def __init__(self, nas: SimulatedNas, path: Path) -> None:
        self.quitting = asyncio.Event()
        self._nas = nas
        self._path = path
        self._server: asyncio.Server | None = None
        self._visitors: set[asyncio.StreamWriter] = set()

    async def open(self) -> None:
        """Listen; only this user may connect.

        Raises:
            OSError: the path can't be had.
        """
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()  # left by a process that was killed
        before = os.umask(0o177)
        try:
            self._server = await asyncio.start_unix_server(self._serve, self._path, limit=_LINE_LIMIT_OCTETS)
        finally:
            os.umask(before)

    async def close(self) -> None:
        """Stop listening and remove the socket."""
        if self._server is not None:
            self._server.close()
            for writer in list(self._visitors):
                writer.close()
            await self._server.wait_closed()
        with contextlib.suppress(FileNotFoundError):
            self._path.unlink()

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._visitors.add(writer)
        try:
            while line := await reader.readline():
                writer.write(json.dumps(await self._answer(line)).encode() + b"\n")
                await writer.drain()
        except (ConnectionError, ValueError):  # the visitor left, or sent a line without an end
            pass
        finally:
            self._visitors.discard(writer)
            writer.close()

    async def _answer(self, line: bytes) -> dict[str, Any]:
        try:
            request = json.loads(line)
            if not isinstance(request, dict):
                raise InvalidInputError("a request is an object with a command")
            return {"ok": True, "result": await self._do(request)}
        except (NetbilldError, aiohttp.ClientError, OSError, TimeoutError, ValueError) as refusal:
            return {"ok": False, "error": str(refusal) or type(refusal).__name__}

    async def _do(self, request: dict[str, Any]) -> Any:
        nas = self._nas
        match request.pop("command", None):
            case "status":
                return status(nas)
            case "orders":
                return [_order_json(order) for order in nas.orders[_whole(request, "since") :]]
            case "ground_truth":
                return nas.ground_truth()
            case "power_cut":
                return self._power_cut(request)
            case "cut_truth":
                return nas.cut_truth()
            case "redial":
                return nas.modem(_text(request, "username")).hang_up()
            case "misbehave":
                nas.misbehaviour.update(request)
                return asdict(nas.misbehaviour)
            case "demand":
                nas.want(_text(request, "username"), read_demand(request.get("demand")))
                return True
            case "browse":
                page = await nas.browse(_text(request, "username"), _text(request, "url"), _headers(request))
                return {"status": page.status, "headers": page.headers, "body": page.body.decode(errors="replace")}
            case "quit":
                self.quitting.set()
                return True
            case unknown:
                raise InvalidInputError(f"there is no command {unknown!r}")

    def _power_cut(self, request: dict[str, Any]) -> bool:
        """Begin the outage and answer at once; `status` tells when the power is back."""
        seconds, mode, last_gasp = request.get("outage_seconds"), request.get("mode", "customers"), None
        if (
            isinstance(seconds, bool)
            or not isinstance(seconds, int | float)
            or not 0 <= seconds <= _OUTAGE_LIMIT_SECONDS
        ):
            raise InvalidInputError(f"outage_seconds must be a number from 0 to {_OUTAGE_LIMIT_SECONDS}")
        if mode not in ("customers", "nas"):
            raise InvalidInputError("mode must be customers or nas")
        if "last_gasp" in request:
            last_gasp = bool(request["last_gasp"])
        if not self._nas.power.is_set():
            raise RefusedError("the power is off already")
        self._nas.spawn(_cut(self._nas, seconds, mode, last_gasp))
        return True


async def _cut(nas: SimulatedNas, seconds: float, mode: Any, last_gasp: bool | None) -> bool:
    if nas.power.is_set():
        await nas.power_cut(seconds, mode, last_gasp=last_gasp)
    return True


def status(nas: SimulatedNas) -> dict[str, Any]:
    """Return what a look at the router shows now."""
    return {
        "name": nas.spec.name,
        "address": str(nas.spec.bind_address),
        "coa_port": nas.coa_port,
        "power": nas.power.is_set(),
        "boot_digit": nas.boot_digit,
        "online": len(nas.sessions),
        "subscribers": [_modem_json(modem) for modem in nas.modems.values()],
        "radius": asdict(nas.stats),
        "incoming": asdict(nas.order_stats),
        "orders": len(nas.orders),
    }


def _modem_json(modem: Modem) -> dict[str, Any]:
    session = modem.session
    if session is None or session.ended.is_set():
        return {
            "username": modem.subscriber.username,
            "online": False,
            "last_failure": modem.last_failure,
            "last_cause": None if session is None or session.cause is None else session.cause.name.lower(),
            "demand": asdict(modem.traffic.demand),
        }
    return {
        "username": modem.subscriber.username,
        "online": True,
        "session_id": session.session_id,
        "address": str(session.address),
        "pool": session.granted.framed_pool,
        "address_lists": list(session.address_lists),
        "walled": session.walled,
        "rate_limit": session.rate_limit_text,
        "interim_seconds": session.interim_seconds,
        "online_seconds": session.online_seconds,
        "upload_bps": session.upload_bps,
        "download_bps": session.download_bps,
        "upload_octets": session.upload_octets,
        "download_octets": session.download_octets,
        "demand": asdict(modem.traffic.demand),
    }


def _order_json(order: Order) -> dict[str, Any]:
    fields = asdict(order)
    del fields["attributes"]  # octets have no JSON form
    fields["received_at"] = order.received_at.isoformat()
    fields["source"] = list(order.source)
    return fields


def _text(request: dict[str, Any], name: str) -> str:
    value = request.get(name)
    if not isinstance(value, str) or not value:
        raise InvalidInputError(f"{name} must be a text")
    return value


def _whole(request: dict[str, Any], name: str) -> int:
    value = request.get(name, 0)
    if isinstance(value, bool) or not isinstance(value, int) or value < 0:
        raise InvalidInputError(f"{name} must be a whole number from 0 up")
    return value


def _headers(request: dict[str, Any]) -> dict[str, str]:
    value = request.get("headers", {})
    if not isinstance(value, dict) or not all(isinstance(text, str) for text in value.values()):
        raise InvalidInputError("headers must be an object of texts")
    return value
