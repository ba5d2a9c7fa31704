"""The verbs of `netbilld subscriber` that change something."""

import argparse

from netbilld.cli.commands import subscriber_buyer
from netbilld.cli.context import Context
from netbilld.cli.secret_input import read_secret
from netbilld.model.subscriber import PERSON_FIELDS
from netbilld.radius.login_forms import CIRCUIT_PREFIX
from netbilld.radius.values import normalise_mac
from netbilld.services.manage_locks import KINDS, LockChanges, ManageLocks
from netbilld.services.manage_subscribers import ManageSubscribers, SubscriberChanges
from netbilld.services.manage_terms import ManageTerms, TermsWanted
from netbilld.services.new_service import Defaults, NewService
from netbilld.services.pause_service import PauseService
from netbilld.services.subscriber_fields import parse_day


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run add, set, pause, suspend, resume or terminate."""
    if options.action == "add":
        await _add(context, options)
    elif options.action == "set":
        await _set(context, options)
    elif options.action == "pause":
        await _pause(context, options)
    else:
        await _change_status(context, options)


async def _add(context: Context, options: argparse.Namespace) -> None:
    needs_none = normalise_mac(options.username) or options.username.lower().startswith(CIRCUIT_PREFIX)
    asked = None if needs_none else f"password of {options.username}"
    new = NewService(
        username=options.username,
        plan=options.plan,
        password=await read_secret(options, "password", asked),
        of=options.of,
        mac=options.mac,
        ip=options.ip,
        ipv6_prefix=options.ipv6_prefix,
        delegated_prefix=options.delegated_prefix,
        billing_day=options.billing_day,
        active_until_on=parse_day("active-until", options.active_until) if options.active_until else None,
        group=options.group,
        **{name: getattr(options, name) for name in PERSON_FIELDS},
    )
    async with context.database() as database:
        manage = ManageSubscribers(database, context.box, _defaults(context))
        added = await manage.add(new, context.actor, context.now(), options.idempotency_key)
    await context.nudge()
    print(f"subscriber {added.subscriber_no}: {added.username} on {added.plan}, service {added.service_id}")


async def _set(context: Context, options: argparse.Namespace) -> None:
    wanted = SubscriberChanges(
        username=options.new_username,
        site=options.site,
        password=await read_secret(options, "password", None),
        billing_day=options.billing_day,
        active_until_on=parse_day("active-until", options.active_until) if options.active_until else None,
        mac=options.mac,
        circuit=options.circuit,
        ip=options.ip,
        ipv6_prefix=options.ipv6_prefix,
        delegated_prefix=options.delegated_prefix,
        group=options.group,
        **{name: getattr(options, name) for name in PERSON_FIELDS},
    )
    locks, terms = _locks(options), _terms(options)
    has_terms = terms != TermsWanted()
    said = None
    async with context.database() as database:
        changed = []
        if wanted != SubscriberChanges() or not (locks or has_terms or subscriber_buyer.is_asked(options)):
            manage = ManageSubscribers(database, context.box, _defaults(context))
            changed += await manage.set(options.username, wanted, context.actor, context.now())
        name = options.new_username or options.username
        if has_terms:
            done = await ManageTerms(database).set(name, terms, context.actor, context.now())
            changed += done.names
            said = f"from {done.from_on}" if done.waits else None
        if locks:
            kinds = await ManageLocks(database).set(name, locks, context.actor, context.now())
            changed += [f"lock {kind}" for kind in kinds]
    changed += await subscriber_buyer.set_buyer(options, context, options.new_username or options.username)
    await context.nudge()
    names = ", ".join(name.replace("_", " ") for name in changed)
    words = f"{names} changed" if names else "nothing to change"
    print(f"{options.username}: {words}" + (f", {said}" if said and names else ""))


def _terms(options: argparse.Namespace) -> TermsWanted:
    return TermsWanted(
        plan=options.plan,
        starts=options.starts,
        reset=options.reset_allowance,
        price=options.price,
        speed=options.speed,
        free=None if options.free is None else options.free == "yes",
        timing=options.timing,
        add_ons=tuple(options.add_on),
        without=tuple(options.drop_add_on),
        discount=options.discount,
        periods=options.periods,
        coupon=options.coupon,
        why=options.why,
    )


async def _pause(context: Context, options: argparse.Namespace) -> None:
    async with context.database() as database:
        paused = await PauseService(database).run(
            options.username,
            parse_day("from", options.starts) if options.starts else None,
            parse_day("until", options.until) if options.until else None,
            options.reason,
            context.actor,
            context.now(),
        )
    await context.nudge()
    until = f" until {paused.until_on}" if paused.until_on else ""
    print(f"{options.username}: " + (f"paused from {paused.from_on}{until}" if paused.waits else f"paused{until}"))


def _locks(options: argparse.Namespace) -> LockChanges:
    asked = options.unlock or []
    unlock = KINDS if "all" in asked else tuple(kind for kind in KINDS if kind.removeprefix("nas_") in asked)
    return LockChanges(
        mac=options.lock_mac,
        vlan=options.lock_vlan,
        nas_port=options.lock_port,
        nas=options.lock_nas,
        unlock=unlock,
        forget=options.forget_lock,
    )


async def _change_status(context: Context, options: argparse.Namespace) -> None:
    name, actor, now = options.username, context.actor, context.now()
    async with context.database() as database:
        manage = ManageSubscribers(database, context.box, _defaults(context))
        if options.action == "suspend":
            changed, word = await manage.suspend(name, options.reason, actor, now), "suspended"
        elif options.action == "resume":
            changed, word = await manage.resume(name, actor, now), "active"
        else:
            changed, word = await manage.terminate(name, options.reason, actor, now), "terminated"
    await context.nudge()
    print(f"{name}: {word}" if changed else f"{name}: {word} already")


def _defaults(context: Context) -> Defaults:
    return Defaults(context.settings.currency, context.settings.timezone)
