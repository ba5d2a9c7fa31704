"""E-mails are handed to a real server over a socket; whatever it does, it is known whether one may have left."""

import asyncio
import datetime as dt
import ssl
from dataclasses import replace
from pathlib import Path

import pytest
from cryptography import x509
from pydantic import SecretStr

from netbilld.adapters.smtp.driver import MailServer as At
from netbilld.adapters.smtp.driver import Security, SmtpDriver
from netbilld.adapters.smtp.letter import Sender
from netbilld.ports.messages import Attachment, Delivery, Handed, Outgoing
from tests.eap_certificates import make
from tests.mail_server import MailServer, mail_server

NOW = dt.datetime(2026, 1, 5, 8, tzinfo=dt.UTC)
FROM = Sender("tagihan@isp.test", "ISP Contoh", "halo@isp.test")


def driver(port: int, **changes: object) -> SmtpDriver:
    values: dict[str, object] = {"security": Security.NONE, "timeout_seconds": 2.0} | changes
    return SmtpDriver(At("127.0.0.1", port, **values), FROM, lambda: NOW)  # type: ignore[arg-type]


def mail(to: str, subject: str = "Tagihan", text: str = "Yth. Siti,\n.titik di depan\n") -> Outgoing:
    return Outgoing(to, "Siti", subject, text, "<1.abc@isp.test>")


async def hand(server: MailServer, *messages: Outgoing, **changes: object) -> list[Handed]:
    smtp = driver(server.port, **changes)
    try:
        handed = [await smtp.send(message) for message in messages]
        await smtp.rest()
        return handed
    finally:
        smtp.close()


async def test_an_e_mail_arrives_as_it_was_written_over_one_connection() -> None:
    async with mail_server(MailServer()) as server:
        done = await hand(server, mail("siti@example.test"), mail("budi@example.test", "Jatuh tempo – é"))
    assert [one.delivery for one in done] == [Delivery.ACCEPTED, Delivery.ACCEPTED]
    assert done[0].said == "250 queued as 4711"
    assert server.connections == 1
    assert [(sender, to) for sender, to, _ in server.taken] == [
        ("tagihan@isp.test", "siti@example.test"),
        ("tagihan@isp.test", "budi@example.test"),
    ]
    first, second = (taken for _, _, taken in server.taken)
    assert first.get_content().splitlines() == ["Yth. Siti,", ".titik di depan"]
    assert (first["From"], first["To"]) == ("ISP Contoh <tagihan@isp.test>", "Siti <siti@example.test>")
    assert (first["Message-ID"], first["Auto-Submitted"]) == ("<1.abc@isp.test>", "auto-generated")
    assert first["Reply-To"] == "halo@isp.test"
    assert second["Subject"] == "Jatuh tempo – é"
    assert all(octet < 128 for content in server.raw for octet in content)


async def test_a_bill_goes_along_as_it_was_drawn() -> None:
    drawn = bytes(range(256)) * 40
    async with mail_server(MailServer()) as server:
        await hand(server, replace(mail("siti@example.test"), attachment=Attachment("INV-2026-000123.pdf", drawn)))
    (taken,) = server.to("siti@example.test")
    words = taken.get_body()
    assert words is not None
    assert words.get_content().splitlines() == ["Yth. Siti,", ".titik di depan"]
    [part] = taken.iter_attachments()
    assert (part.get_filename(), part.get_content_type()) == ("INV-2026-000123.pdf", "application/pdf")
    assert part.get_content() == drawn
    assert all(octet < 128 for content in server.raw for octet in content)


async def test_a_name_or_subject_with_line_breaks_adds_no_header() -> None:
    evil = "Budi\r\nBcc: everybody@example.test"
    async with mail_server(MailServer()) as server:
        await hand(server, Outgoing("budi@example.test", evil, evil, "x\n", "<2@isp.test>"))
    (taken,) = server.to("budi@example.test")
    assert taken["Bcc"] is None
    assert taken["Subject"] == "Budi Bcc: everybody@example.test"


@pytest.mark.parametrize(
    ("way", "delivery", "said"),
    [
        ("451 4.7.1 greylisted, come back", Delivery.LATER, "451 4.7.1 greylisted"),
        ("452 4.2.2 mailbox full", Delivery.LATER, "452"),
        ("550 5.1.1 no such user", Delivery.NEVER, "550 5.1.1 no such user"),
        ("553 bad name", Delivery.NEVER, "553"),
        ("421 shutting down", Delivery.PAUSE, "421"),
        ("hang_up", Delivery.LATER, ""),
    ],
)
async def test_what_the_server_says_of_a_recipient_decides(way: str, delivery: Delivery, said: str) -> None:
    async with mail_server(MailServer(ways={"siti": way})) as server:
        first, second = await hand(server, mail("siti@example.test"), mail("budi@example.test"))
    assert first.delivery is delivery
    assert said in first.said
    assert second.delivery is Delivery.ACCEPTED
    assert not server.to("siti@example.test")


async def test_a_greylisted_e_mail_waits_for_some_minutes() -> None:
    async with mail_server(MailServer(ways={"siti": "451 later"})) as server:
        (handed,) = await hand(server, mail("siti@example.test"))
    assert handed.retry_seconds == 300


@pytest.mark.parametrize("way", ["hang_up", "mute"])
async def test_an_answer_that_gets_lost_leaves_it_open_whether_the_e_mail_left(way: str) -> None:
    async with mail_server(MailServer(after_data={"siti": way})) as server:
        first, second = await hand(server, mail("siti@example.test"), mail("budi@example.test"), timeout_seconds=1.0)
    assert first.delivery is Delivery.UNSURE
    assert second.delivery is Delivery.ACCEPTED
    assert len(server.to("siti@example.test")) == 1


async def test_a_server_that_refuses_the_content_is_believed() -> None:
    async with mail_server(MailServer(after_data={"siti": "554 5.7.1 spam"})) as server:
        (handed,) = await hand(server, mail("siti@example.test"))
    assert (handed.delivery, handed.said) == (Delivery.NEVER, "DATA: 554 5.7.1 spam")


async def test_a_server_that_is_away_or_silent_lets_everything_wait() -> None:
    (away,) = await hand(MailServer(port=1), mail("siti@example.test"))
    assert away.delivery is Delivery.PAUSE
    async with mail_server(MailServer(ways={"siti": "mute"})) as server:
        (silent,) = await hand(server, mail("siti@example.test"), timeout_seconds=1.0)
    assert silent.delivery is Delivery.LATER


async def test_a_server_that_drips_is_left_after_a_while() -> None:
    async def drip(_reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while True:
                writer.write(b"220-wait\r\n")
                await writer.drain()
                await asyncio.sleep(0.1)
        except ConnectionError:
            writer.close()
            gone.set()

    gone = asyncio.Event()
    listening = await asyncio.start_server(drip, "127.0.0.1", 0)
    try:
        server = MailServer(port=listening.sockets[0].getsockname()[1])
        (handed,) = await hand(server, mail("siti@example.test"), timeout_seconds=0.5)
        await gone.wait()
    finally:
        listening.close()
    assert (handed.delivery, handed.said) == (Delivery.PAUSE, "the mail server is too slow")


async def test_a_wrong_password_pauses_and_is_not_told() -> None:
    async with mail_server(MailServer(user="isp", password="right")) as server:
        (wrong,) = await hand(server, mail("siti@example.test"), user="isp", password=SecretStr("wrong-one"))
        (right,) = await hand(server, mail("siti@example.test"), user="isp", password=SecretStr("right"))
        (none,) = await hand(server, mail("siti@example.test"))
    assert (wrong.delivery, none.delivery) == (Delivery.PAUSE, Delivery.PAUSE)
    assert "wrong-one" not in wrong.said
    assert right.delivery is Delivery.ACCEPTED
    assert "wrong-one" not in repr(At("h", 25, password=SecretStr("wrong-one")))


async def test_without_tls_nothing_is_sent_where_tls_is_asked_for() -> None:
    async with mail_server(MailServer()) as server:
        (handed,) = await hand(server, mail("siti@example.test"), security=Security.STARTTLS)
    assert handed.delivery is Delivery.PAUSE
    assert not any(command.startswith("MAIL") for command in server.commands)


@pytest.mark.parametrize("security", [Security.STARTTLS, Security.TLS])
async def test_tls_is_spoken_and_the_certificate_looked_at(security: Security, tmp_path: Path) -> None:
    authority = make("Test CA")
    ca, _ = authority.write(tmp_path, "ca")
    files = make("localhost", authority, names=(x509.DNSName("localhost"),)).write(tmp_path, "server")
    served = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    served.load_cert_chain(*files)
    trusting = ssl.create_default_context(cafile=str(ca))
    async with mail_server(MailServer(tls=served), implicit_tls=security is Security.TLS) as server:
        smtp = SmtpDriver(
            At("localhost", server.port, security, timeout_seconds=3, context=trusting), FROM, lambda: NOW
        )
        wary = SmtpDriver(At("localhost", server.port, security, timeout_seconds=3), FROM, lambda: NOW)
        try:
            assert (await smtp.send(mail("siti@example.test"))).delivery is Delivery.ACCEPTED
            refused = await wary.send(mail("siti@example.test"))
        finally:
            await smtp.rest()
            smtp.close()
            wary.close()
    assert refused.delivery is Delivery.PAUSE
    assert "TLS" in refused.said
    assert len(server.taken) == 1


async def test_an_address_that_is_none_is_given_up_without_asking() -> None:
    async with mail_server(MailServer()) as server:
        for address in ("no address", "sité@example.test", "a@b\r\nRCPT TO:<c@d>"):
            (handed,) = await hand(server, mail(address))
            assert handed.delivery is Delivery.NEVER
    assert server.connections == 0
