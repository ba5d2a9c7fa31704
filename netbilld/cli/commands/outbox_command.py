"""`netbilld outbox list/show/retry/reminders/prefer`."""

import argparse
from typing import Any

from netbilld.adapters.database.outbox import StoredMessage
from netbilld.adapters.message_templates import MessageTemplates
from netbilld.cli.cells import local_time
from netbilld.cli.context import Context
from netbilld.cli.main import add_config_option, add_json_option
from netbilld.cli.money import count
from netbilld.cli.output import print_fields, print_json, print_table
from netbilld.daemon.messaging import templates_of
from netbilld.model.errors import InvalidInputError, NotFoundError
from netbilld.ports.messages import Channel
from netbilld.ports.outbox import MessageState
from netbilld.services.manage_messages import ManageMessages
from netbilld.services.prefer_channels import CHOICES, PreferChannels


def configure(parser: argparse.ArgumentParser) -> None:
    """Describe the verbs and their options."""
    verbs = parser.add_subparsers(dest="action", required=True, metavar="list|show|retry|reminders|prefer")
    listing = verbs.add_parser("list", help="messages to subscribers, newest first")
    listing.add_argument("--state", choices=[state.value for state in MessageState])
    listing.add_argument("--username", metavar="U", help="only to this subscriber (any user name, or the number)")
    listing.add_argument("--limit", type=count, default=100, metavar="N")
    add_json_option(listing)
    show = verbs.add_parser("show", help="one of them, with its words")
    show.add_argument("id", type=count, metavar="ID")
    add_json_option(show)
    retry = verbs.add_parser("retry", help="send one again that failed, was given up or may have been sent")
    retry.add_argument("id", type=count, metavar="ID")
    add_config_option(retry)
    choose = verbs.add_parser("reminders", help="whether a subscriber wants to be reminded")
    choose.add_argument("username", metavar="USERNAME", help="any user name of the subscriber, or the number")
    choose.add_argument("wanted", choices=("on", "off"))
    add_config_option(choose)
    prefer = verbs.add_parser("prefer", help="by which channels somebody is reached first; none: as the settings say")
    prefer.add_argument("username", metavar="USERNAME", help="any user name of the subscriber, or the number")
    prefer.add_argument("channels", metavar="CHANNEL", nargs="*", help=", ".join(CHOICES))
    add_config_option(prefer)


async def run(options: argparse.Namespace, context: Context) -> None:
    """Run one of the verbs."""
    match options.action:
        case "list":
            await _list(options, context)
        case "show":
            await _show(options, context)
        case "retry":
            async with context.database() as database:
                await ManageMessages(database).retry(options.id, context.actor, context.now())
            print(f"message {options.id} is queued")
        case "prefer":
            async with context.database() as database:
                subscriber = await PreferChannels(database).run(
                    options.username, options.channels, context.actor, context.now()
                )
            first = ", ".join(options.channels) or "as the settings say"
            print(f"{subscriber.number} {subscriber.name}: {first}")
        case _:
            async with context.database() as database:
                subscriber = await ManageMessages(database).choose(
                    options.username, reminders=options.wanted == "on", actor=context.actor, now=context.now()
                )
            print(f"{subscriber.number} {subscriber.name}: reminders {options.wanted}")


async def _list(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        payer = await work.payments.payer(options.username) if options.username else None
        found = await work.outbox.listed(
            state=MessageState(options.state) if options.state else None,
            subscriber_id=payer.id if payer else None,
            most=options.limit,
        )
    zone = context.settings.timezone
    if options.json:
        print_json([_document(message) for message in found], zone)
        return
    rows = [
        [
            message.id,
            message.kind.value,
            message.subscriber_no,
            message.subscriber_name,
            message.state.value,
            message.channel,
            local_time(message.ended_at or message.next_at, zone),
            message.recipient or message.email,
            message.said,
        ]
        for message in found
    ]
    print_table(["id", "kind", "subscriber", "name", "state", "channel", "at", "to", "said"], rows, right=(0,))


async def _show(options: argparse.Namespace, context: Context) -> None:
    async with context.database() as database, database.read() as work:
        message = await work.outbox.by_id(options.id)
    if message is None:
        raise NotFoundError(f"no message {options.id}", hint="`netbilld outbox list` shows them")
    subject, text = _words(message, templates_of(context.settings), context)
    document = {**_document(message), "subject": subject, "text": text}
    zone = context.settings.timezone
    if options.json:
        print_json(document, zone)
        return
    instants = {key: local_time(document[key], zone) for key in document if key.endswith("_at")}
    print_fields({key: value for key, value in (document | instants).items() if key not in {"context", "text"}})
    print()
    print(text)


def _words(message: StoredMessage, templates: MessageTemplates, context: Context) -> tuple[str, str]:
    settings = context.settings
    known = {
        **message.context,
        "name": message.subscriber_name,
        "subscriber_no": message.subscriber_no,
        "currency": message.currency,
        "business_name": settings.business_name,
        "portal_url": settings.portal.public_url,
    }
    try:
        return templates.render(
            message.kind, message.locale or settings.locale, known, message.channel or Channel.EMAIL.value
        )
    except InvalidInputError as error:
        return "", f"({error})"


def _document(message: StoredMessage) -> dict[str, Any]:
    return {
        "id": message.id,
        "kind": message.kind.value,
        "subscriber_no": message.subscriber_no,
        "subscriber_name": message.subscriber_name,
        "state": message.state.value,
        "channel": message.channel,
        "recipient": message.recipient,
        "said": message.said,
        "provider_id": message.provider_id,
        "driver": message.driver,
        "reached": message.reached.name.lower(),
        "cost_minor": message.cost_minor,
        "attempts": message.attempts,
        "created_at": message.created_at,
        "next_at": message.next_at,
        "expires_at": message.expires_at,
        "ended_at": message.ended_at,
        "dedupe_key": message.dedupe_key,
        "context": dict(message.context),
    }
