"""A collector's day on the phone: whom to visit, cash taken with or without a connection; and the hand-over of it.

What is taken without a connection waits in the browser under the key of its form, and is sent again until it is
answered; the same key is one payment, however often it comes.
"""

import json
from typing import Final

from aiohttp import web

from netbilld.model.errors import InvalidInputError, NetbilldError, NotFoundError, RefusedError
from netbilld.panel.forms import once_key
from netbilld.panel.parts import PANEL
from netbilld.panel.staff.money import today_of
from netbilld.panel.staff.payments import payer_of
from netbilld.panel.staff.vouchers import selling_of
from netbilld.panel.typed import Typed, typed
from netbilld.panel.visit import VISIT, page
from netbilld.panel.words import N_
from netbilld.services.receive_payment import AlreadyReceived
from netbilld.services.sign_in import random_token

PIECES: Final = (100_000, 50_000, 20_000, 10_000, 5_000, 2_000, 1_000, 500, 200, 100)  # of rupiah, as they are counted
_HANDOVERS: Final = 50
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
        mine = await work.collectors.of_staff(visit.actor.name)
        held = await work.collectors.held(mine, panel.parts.currency) if mine else 0
        stops = await work.collectors.route(visit.areas, today_of(request))
    context = {
        "stops": stops,
        "mine": mine,
        "held": held,
        "form": form,
        "once": random_token(panel.parts.entropy),
        "owed": sum(one.owed_minor for one in stops),
    }
    return page(request, "staff/collect.html", context, status=status)


async def take(request: web.Request) -> web.StreamResponse:
    """Answer POST /collect: cash is taken; to a script as JSON, so that it knows what may leave its queue."""
    panel, visit = request.app[PANEL], request[VISIT]
    form = await typed(request)
    wants_json = "application/json" in request.headers.get("Accept", "")
    number = form.values.get("number", "")[:20]
    payer = await payer_of(request, number)
    if payer is None:
        form.fault("number", N_("Nobody has that number or user name."))
    amount_minor = form.amount("amount")
    if payer is not None and amount_minor is not None and form.is_right:
        try:
            outcome = await panel.parts.receive_payment.run(
                number,
                amount_minor,
                method="cash",
                reference=None,
                received_on=None,
                actor=visit.actor,
                now=visit.now,
                idempotency_key=once_key(str(visit.person.id), form.values),
                note="kolektor",
            )
        except (InvalidInputError, NotFoundError, RefusedError) as error:
            form.refused(error, _FIELDS)
        else:
            await panel.parts.nudge()
            if isinstance(outcome, AlreadyReceived):
                paid, receipt_no = str(outcome.payment.id), outcome.payment.receipt_no
            else:
                paid, receipt_no = outcome.payment_id, outcome.receipt_no
            if wants_json:
                return web.json_response({"payment": paid, "receipt_no": receipt_no})
            raise web.HTTPSeeOther(f"/payments/{paid}?done=payment-recorded")
    if wants_json:
        return web.json_response({"fault": next(iter(form.faults.values()), "")}, status=422)
    return await _show_day(request, form, 422)


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
    context = {
        "collectors": found,
        "handovers": handovers,
        "missing": missing,
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
    signed = form.text("signed", 200)
    if counted is None or not form.is_right:
        return await _show_collectors(request, form, name, 422)
    try:
        await selling.keep_collectors.hand_over(
            name,
            counted,
            book_difference=form.text("why", 200, is_needed=False) or None,
            signed_by=signed,
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
