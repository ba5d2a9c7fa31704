"""A collector's day on the phone: whom to visit, cash taken with or without a connection; and the hand-over of it.

What is taken without a connection waits in the browser under a key of its own, and is sent again until it is
answered; the same key is one payment, however often it comes. It waits for whoever took it: another who signs in on the
same phone doesn't send it as theirs.
"""

import json
import re
from datetime import timedelta
from typing import Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.panel.forms import once_key
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import today_of
from netbilld.panel.staff.vouchers import selling_of
from netbilld.panel.typed import Typed, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.collect_cash import SLIP
from netbilld.services.collector_conduct import look_at
from netbilld.services.sign_in import random_token

PIECES: Final = (100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 200, 100)  # of rupiah, as they are counted
_HANDOVERS: Final = 50
_SEEN: Final = re.compile(r"-?[0-9]{1,13}")
_MOST_PIECES: Final = 99_999
_FIELDS: Final = {
    "bad_amount": "amount",
    "implausible_amount": "amount",
    "reference_taken": "amount",
    "collector_known": "name",
    "bad_name": "name",
    "no_reason": "why",
}


# -- the day -----------------------------------------------------------------------------------------------------------


async def show_day(request: web.Request) -> web.Response:
    """Answer GET /collect: who owes in the areas of whoever asks, by area and street, and what they hold."""
    return await _show_day(request, Typed(request))


async def _show_day(request: web.Request, form: Typed, status: int = 200) -> web.Response:
    panel, visit = request.app[PANEL], request[VISIT]
    async with panel.parts.database.read() as work:
        was = await work.collectors.by_staff(visit.actor.name)
        mine = was[0] if was else None
        held = await work.collectors.held(mine, panel.parts.currency) if mine else 0
        stops = await work.collectors.route(visit.areas, today_of(request))
    context = {
        "stops": stops,
        "mine": mine,
        "has_ended": was is not None and not was[1],
        "held": held,
        "form": form,
        "once": random_token(panel.parts.entropy),
        "owed": sum(one.owed_minor for one in stops),
    }
    return page(request, "staff/collect.html", context, status=status)


async def take(request: web.Request) -> web.StreamResponse:
    """Answer POST /collect: cash is taken; to a script as JSON, so that it knows what may leave its queue.

    409 tells a script that it may be taken later, 422 that it won't be.
    """
    panel, visit = request.app[PANEL], request[VISIT]
    form = await typed(request)
    wants_json = "application/json" in request.headers.get("Accept", "")
    amount_minor, status = form.amount("amount"), 422
    if amount_minor is not None:
        try:
            done = await selling_of(request).collect_cash.run(
                form.values.get("number", "")[:20],
                amount_minor,
                actor=visit.actor,
                now=visit.now,
                key=once_key(str(visit.person.id), form.values),
                areas=visit.areas,
                slip=_slip(form),
                age=_age(form),
            )
        except NotFoundError:
            form.fault("number", N_("Nobody has that number or user name."))
        except (InvalidInputError, RefusedError) as error:
            form.refused(error, _FIELDS)
            status = 409 if error.code == "collector_ended" else 422
        else:
            await panel.parts.nudge()
            if wants_json:
                return web.json_response({"payment": str(done.payment_id), "receipt_no": done.receipt_no})
            raise web.HTTPSeeOther(f"/payments/{done.payment_id}?done=payment-recorded")
    if wants_json:
        return web.json_response({"fault": next(iter(form.faults.values()), "")}, status=status)
    return await _show_day(request, form, 422)


def _slip(form: Typed) -> str | None:
    text = form.values.get("slip", "")
    return text if SLIP.fullmatch(text) else None


def _age(form: Typed) -> timedelta:
    """Return how long ago a phone says that it was taken."""
    text = form.values.get("age", "")
    return timedelta(seconds=int(text)) if text.isascii() and text.isdigit() and len(text) <= 9 else timedelta(0)


async def worker(request: web.Request) -> web.Response:
    """Answer GET /collect/sw.js: keeps the page of the day and what it is drawn with for where there is no network."""
    assets = request.app[PANEL].assets
    names = ("base.css", "app.css", "panel.css", "money.css", "selling.css", "panel.js", "collect.js", "icons.svg")
    kept = []
    for name in names:
        try:
            kept.append(assets.url(name))
        except KeyError:
            continue
    script = _WORKER.replace('"FILES"', json.dumps(kept))
    headers = {"Cache-Control": "no-cache", "Service-Worker-Allowed": "/collect"}
    return web.Response(text=script, content_type="text/javascript", headers=headers)


_WORKER: Final = """"use strict";
const FILES = "FILES";
const KEPT = "collect-" + FILES.join("").length + FILES[FILES.length - 1];
self.addEventListener("install", (event) => {
  event.waitUntil(caches.open(KEPT).then((cache) => cache.addAll(FILES)));
  self.skipWaiting();
});
self.addEventListener("activate", (event) => {
  event.waitUntil(caches.keys().then((names) => Promise.all(
    names.filter((name) => name.startsWith("collect-") && name !== KEPT).map((name) => caches.delete(name)))));
});
self.addEventListener("fetch", (event) => {
  const request = event.request;
  const path = new URL(request.url).pathname;
  if (request.method !== "GET") return;
  if (request.mode === "navigate" && path === "/collect") {
    event.respondWith(fetch(request).then((answer) => {
      if (answer.ok && !answer.redirected && answer.type === "basic") {
        const copy = answer.clone();
        caches.open(KEPT).then((cache) => cache.put("/collect", copy));
      }
      return answer;
    }).catch(() => caches.match("/collect")));
  } else if (FILES.includes(path)) {
    event.respondWith(caches.match(path).then((known) => known || fetch(request)));
  }
});
"""


# -- what they hold and hand over --------------------------------------------------------------------------------------


async def show_collectors(request: web.Request) -> web.Response:
    """Answer GET /handovers: what each holds and since when, what was handed over, and what was missing."""
    return await _show_collectors(request, Typed(request))


async def _show_collectors(request: web.Request, form: Typed, form_name: str = "", status: int = 200) -> web.Response:
    panel, visit = request.app[PANEL], request[VISIT]
    async with panel.parts.database.read() as work:
        found = await work.collectors.all()
        handovers = await work.collectors.handovers(limit=_HANDOVERS)
        missing = await work.collectors.missing(visit.now)
        signed = await work.collectors.signed([one.id for one in handovers])
        conduct = await look_at(work.conduct, visit.now, panel.parts.timezone)
    context = {
        "collectors": found,
        "handovers": handovers,
        "missing": missing,
        "odd": {name: one for name, one in conduct.items() if not one.is_plain},
        "signed": signed,
        "pieces": PIECES if panel.parts.currency == "IDR" else (),
        "form": form,
        "form_name": form_name,
        "once": random_token(panel.parts.entropy),
    }
    return page(request, "staff/handovers.html", context, status=status)


async def add(request: web.Request) -> web.StreamResponse:
    """Answer POST /handovers."""
    selling, visit = selling_of(request), request[VISIT]
    form = await typed(request)
    name, full_name = form.text("name", 32), form.text("full_name", 200)
    staff = form.text("staff", 200, is_needed=False).lower()
    if form.is_right:
        try:
            await selling.keep_collectors.add(name, full_name, staff=staff or None, actor=visit.actor, now=visit.now)
        except (InvalidInputError, RefusedError) as error:
            form.refused(error, {**_FIELDS, error.code: "name"})
    if not form.is_right:
        return await _show_collectors(request, form, "add", 422)
    raise web.HTTPSeeOther("/handovers?done=collector-added")


async def hand_over(request: web.Request) -> web.StreamResponse:
    """Answer POST /handovers/{collector}/handover: counted piece by piece or in all, and signed for."""
    selling, visit = selling_of(request), request[VISIT]
    form = await typed(request)
    name = request.match_info["collector"]
    pieces = _pieces(form)
    counted = sum(int(value) * count for value, count in pieces.items()) if pieces else None
    if counted is None:
        counted = form.amount("amount", least_minor=0)
    signed, seen = form.text("signed", 200), form.values.get("seen", "")
    if counted is None or not form.is_right:
        return await _show_collectors(request, form, name, 422)
    try:
        await selling.keep_collectors.hand_over(
            name,
            counted,
            book_difference=form.text("why", 200, is_needed=False) or None,
            signed_by=signed,
            seen_minor=int(seen) if _SEEN.fullmatch(seen) else None,
            pieces=pieces,
            actor=visit.actor,
            now=visit.now,
            idempotency_key=once_key(str(visit.person.id), form.values),
        )
    except NetbilldError as error:
        form.refused(error, _FIELDS)
        return await _show_collectors(request, form, name, 422)
    raise web.HTTPSeeOther("/handovers?done=handed-over")


def _pieces(form: Typed) -> dict[str, int]:
    """Return how many notes and coins of each value were counted; empty where nobody counted them so."""
    found = {}
    for value in PIECES:
        if form.values.get(f"piece-{value}", "").strip():
            count = form.whole(f"piece-{value}", 0, _MOST_PIECES)
            if count:
                found[str(value)] = count
    return found
