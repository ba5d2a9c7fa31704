"""What a passkey's proof is good for, how many one may have, and what ends with them: asked of the service itself."""

import json
from uuid import uuid4

import pytest
from sqlalchemy import func, select

from netbilld.adapters.clock import entropy
from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.passkeys import WebauthnAuthenticators
from netbilld.adapters.secretbox import SecretBox
from netbilld.model.errors import RefusedError
from netbilld.model.passkey import Passkey
from netbilld.model.staff import Staff
from netbilld.panel.passkey_site import site_at
from netbilld.services.passkeys import MOST_PASSKEYS, DoubtfulPasskey, Passkeys, WrongPasskey
from netbilld.services.sign_in import FREE_ATTEMPTS_NAME
from tests.panel_fixture import NOW, SYSTEM, Browser, PanelWorld, client_of
from tests.soft_authenticator import SoftAuthenticator

ORIGIN = "https://panel.rumahnet.example"
SITE = site_at(ORIGIN, "Rumah Net")
SOURCE = "192.0.2.7"


class Desk:
    """One member of the staff, and the service."""

    def __init__(self, world: PanelWorld, member: Staff) -> None:
        self.world, self.member = world, member
        self.keys = Passkeys(world.database, WebauthnAuthenticators(), entropy)

    async def begin(self, device: SoftAuthenticator, token: str) -> str:
        """Return what the device answers to being asked for a key."""
        assert SITE is not None
        return device.make(_read(await self.keys.begin(self.member, SITE, token, SOURCE, NOW)))

    async def register(self, token: str, answer: str) -> Passkey:
        assert SITE is not None
        return await self.keys.register(self.member, SITE, token, answer, "HP", SYSTEM, NOW)

    async def enrolled(self) -> SoftAuthenticator:
        device = SoftAuthenticator(ORIGIN)
        await self.register("form", await self.begin(device, "form"))
        return device

    async def signed_in(self, device: SoftAuthenticator) -> object:
        """Return what comes of a proof by that device."""
        assert SITE is not None
        answer = device.prove(_read(await self.keys.ask(SITE, "visit", SOURCE, NOW)))
        return await self.keys.prove(SITE, "visit", answer, SOURCE, NOW)

    async def put(self, count: int) -> None:
        """Give them keys of other devices."""
        async with self.world.database.write() as work:
            for _ in range(count):
                octets = entropy(32)
                await work.passkeys.add(Passkey(uuid4(), self.member.id, "x", octets, octets, 0, "x", NOW))


def _read(options: object) -> dict[str, object]:
    return json.loads(json.dumps(options))  # type: ignore[no-any-return]


@pytest.fixture
async def desk(database: Database, box: SecretBox) -> Desk:
    world = PanelWorld(database, box)
    email = await world.staff()
    async with database.read() as work:
        member = await work.staff.by_email(email)
    assert member is not None
    return Desk(world, member)


async def test_a_count_that_stands_still_is_a_copys_too(desk: Desk) -> None:
    device = await desk.enrolled()
    assert isinstance(await desk.signed_in(device), Staff)
    device.step = 0
    assert isinstance(await desk.signed_in(device), DoubtfulPasskey)
    device.step = 1
    assert isinstance(await desk.signed_in(device), Staff)


async def test_what_was_asked_for_one_purpose_proves_nothing_for_another_under_the_same_token(desk: Desk) -> None:
    assert SITE is not None
    device = await desk.enrolled()
    for asked_of, proven_by in ((None, desk.member), (desk.member, None)):
        options = _read(await desk.keys.ask(SITE, "visit", SOURCE, NOW, member=asked_of))
        outcome = await desk.keys.prove(SITE, "visit", device.prove(options), SOURCE, NOW, member=proven_by)
        assert isinstance(outcome, WrongPasskey)


async def test_of_two_keys_that_are_made_at_once_the_one_too_many_is_refused(desk: Desk) -> None:
    await desk.put(MOST_PASSKEYS - 1)
    answers = {token: await desk.begin(SoftAuthenticator(ORIGIN), token) for token in ("here", "there")}
    await desk.register("here", answers["here"])
    with pytest.raises(RefusedError) as refused:
        await desk.register("there", answers["there"])
    assert refused.value.code == "passkeys_many"
    assert len(await desk.keys.own(desk.member.id)) == MOST_PASSKEYS


async def test_a_right_proof_forgives_the_wrong_ones_before_it(desk: Desk) -> None:
    device = await desk.enrolled()
    for _ in range(3):
        for _ in range(FREE_ATTEMPTS_NAME - 1):
            elsewhere = SoftAuthenticator(
                "https://evil.example", rp_id=device.rp_id, user=device.user, key=device.key,
                credential_id=device.credential_id,
            )  # fmt: skip
            assert isinstance(await desk.signed_in(elsewhere), WrongPasskey)
        assert isinstance(await desk.signed_in(device), Staff)


async def test_who_has_lost_their_keys_is_signed_out_and_their_recovery_codes_are_gone(desk: Desk) -> None:
    world, member = desk.world, desk.member
    async with client_of(world.app()) as client:
        await Browser(client).sign_in(member.email)
        assert (await client.get("/staff", allow_redirects=False)).status == 200
        await desk.put(2)
        async with world.database.write() as work:
            await work.staff.put_recovery_codes(member.id, ["a" * 64], NOW)
        assert await desk.keys.remove_all(member.id, SYSTEM, NOW) == 2
        assert (await client.get("/staff", allow_redirects=False)).status == 303
    async with world.database.read() as work:
        assert await work.connection.scalar(select(func.count()).select_from(tables.recovery_codes)) == 0
