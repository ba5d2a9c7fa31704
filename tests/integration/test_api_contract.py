"""The whole OpenAPI document against the running API: whatever is sent, no fault and no answer that it does not name."""

import asyncio
import threading
from collections.abc import Iterator
from concurrent.futures import Future
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import jsonschema
import pytest
import requests
import schemathesis
from aiohttp.test_utils import TestServer
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import (
    content_type_conformance,
    not_a_server_error,
    response_headers_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from netbilld.adapters.database import tables
from netbilld.adapters.database.engine import Database
from netbilld.adapters.secretbox import SecretBox
from netbilld.billing.bank_statement import BadRow
from netbilld.daemon.compose_money import money_parts
from netbilld.daemon.selling import selling_parts
from netbilld.daemon.settings import Settings
from netbilld.model.actor import SCHEDULE
from netbilld.panel.api.app import described
from netbilld.panel.api.operations import OPERATIONS
from netbilld.services.make_vouchers import NewBatch
from tests.api_world import PREFIX, api_app, token_of
from tests.panel_fixture import ZONE, PanelWorld

EXAMPLES: Final = 10  # requests an operation, of each kind
CHECKS: Final = [
    not_a_server_error, status_code_conformance, content_type_conformance, response_headers_conformance,
    response_schema_conformance,
]  # fmt: skip


@dataclass(slots=True)
class Served:
    """The API on a port, and things that are there to be asked for."""

    url: str
    token: str
    real: dict[str, dict[str, str]]  # by what stands before it in the path


LONGEST_LINE = 8_000
# what is wrong is refused before any query, or by PostgreSQL, which holds less than SQLite does
ASKED: Final = [
    pytest.param("sqlite", GenerationMode.POSITIVE, id="sqlite-right"),
    pytest.param("postgresql", GenerationMode.POSITIVE, id="postgresql-right", marks=pytest.mark.peer),
    pytest.param("postgresql", GenerationMode.NEGATIVE, id="postgresql-wrong", marks=pytest.mark.peer),
]


@pytest.fixture
def served(migrated_url: str, box: SecretBox, tmp_path: Path) -> Iterator[Served]:
    """Run the API in a thread of its own: the client of this test waits for answers in this one."""
    started: Future[Served] = Future()
    stop = asyncio.Event()
    loop = asyncio.new_event_loop()

    async def run() -> None:
        database = Database(migrated_url)
        try:
            world = PanelWorld(database, box)
            real = await _things(world)
            token = await token_of(world, rate_per_minute=60_000)
            async with TestServer(api_app(world, tmp_path)) as server:
                started.set_result(Served(str(server.make_url(PREFIX)), token, real))
                await stop.wait()
        except BaseException as error:
            if not started.done():
                started.set_exception(error)
            raise
        finally:
            await database.close()

    thread = threading.Thread(target=lambda: loop.run_until_complete(run()), name="api")
    thread.start()
    try:
        yield started.result(60)
    finally:
        loop.call_soon_threadsafe(stop.set)
        thread.join(60)
        loop.close()


async def _things(world: PanelWorld) -> dict[str, dict[str, str]]:
    await world.plans()
    nas_id = await world.nas()
    person = await world.person("budi@rumahnet")
    await world.invoice(person, "INV-202611-000001", 5)
    session_id = await world.session(nas_id, person)
    await world.put(
        tables.usage_hours, hour_at=world.clock.now().replace(minute=0, second=0), service_id=person.service_id,
        charged_minor=0, upload_octets=10**9, download_octets=10**10,
    )  # fmt: skip
    bad: list[BadRow] = []
    money = money_parts(Settings(timezone=ZONE), world.database)
    now = world.clock.now()
    parked = await money.park_payments.park(50_000, method="transfer", text="dari siapa", actor=SCHEDULE, now=now)
    await money.import_bank_statement.run(
        ["tanggal,keterangan,jumlah\n", "22/11/2026,TRANSFER,50000\n"], "generic", file_name="mutasi.csv",
        reject=bad.append, actor=SCHEDULE, now=now,
    )  # fmt: skip
    selling = selling_parts(Settings(timezone=ZONE), world.database, world.box)
    await selling.keep_agents.add("sari", "Sari", "kuda-poni-merah", actor=SCHEDULE, now=now)
    await selling.keep_agents.deposit("sari", 10**9, actor=SCHEDULE, now=now)
    await selling.keep_collectors.add("agus", "Agus", actor=SCHEDULE, now=now)
    vouchers = NewBatch("HOME20", 50, price_minor=5_000, validity_seconds=86_400)
    batch = await selling.make_vouchers.run(vouchers, actor=SCHEDULE, now=now)
    return {
        "/agents/": {"agent": "sari"},
        "/collectors/": {"collector": "agus"},
        "/voucher-batches/": {"batch": batch.label},
        "/parked-payments/": {"parked": str(parked.id)},
        "/bank-rows/": {"row": "1"},
        "/subscribers/": {"number": person.number},
        "/services/": {"service": str(person.service_id)},
        "/plans/": {"code": "HOME20"},
        "/invoices/": {"reference": "INV-202611-000001"},
        "/sessions/": {"id": str(session_id)},
        "/reports/": {"name": "bills"},
        "/complaints/": {"complaint": "K00001"},
    }


@pytest.mark.slow
@pytest.mark.parametrize(("migrated_url", "mode"), ASKED, indirect=["migrated_url"])
def test_every_operation_answers_as_its_description_says(served: Served, mode: GenerationMode) -> None:
    """No server error, no undocumented answer: right requests and wrong ones, of things that are there and are not."""
    document = schemathesis.openapi.from_dict(dict(described()))
    session = requests.Session()
    session.headers["Authorization"] = f"Bearer {served.token}"
    seen: dict[str, set[int]] = {}
    operations: Any = document.get_all_operations()
    for found in operations:
        operation = found.ok()
        statuses = seen.setdefault(str(operation.definition.raw["operationId"]), set())
        if mode is GenerationMode.NEGATIVE and not _can_be_wrong(operation):
            continue
        _ask(operation, mode, served, session, statuses)
    assert set(seen) == {endpoint.name for endpoint in OPERATIONS}
    if mode is GenerationMode.POSITIVE:
        done = {name for name, statuses in seen.items() if any(200 <= status < 300 for status in statuses)}
        assert len(done) >= len(OPERATIONS) // 2, "most requests never came to what they ask for"


def _ask(operation: Any, mode: GenerationMode, served: Served, session: requests.Session, statuses: set[int]) -> None:
    """Send requests that are made from an operation's description, and judge the answers by it."""

    @settings(
        max_examples=EXAMPLES,
        deadline=None,
        derandomize=True,
        database=None,
        phases=[Phase.explicit, Phase.generate],
        suppress_health_check=list(HealthCheck),
    )
    @given(case=operation.as_strategy(generation_mode=mode), is_real=st.booleans())
    def ask(case: Any, is_real: bool) -> None:
        for place, params in served.real.items():
            if is_real and case.operation.path.startswith(place):
                case.path_parameters = {**case.path_parameters, **params}
        response = case.call(base_url=served.url, session=session)
        if len(str(response.request.url)) > LONGEST_LINE:
            return  # HTTP itself answers a line of that length, before it is anybody's
        statuses.add(response.status_code)
        case.validate_response(response, checks=CHECKS)

    ask()


def _can_be_wrong(operation: Any) -> bool:
    return bool(operation.body or operation.query or operation.path_parameters or operation.headers)


def test_the_document_is_openapi_3_1_and_refers_to_nothing_that_is_not_there() -> None:
    """INCA-15: generated from the models."""
    document = described()
    schemas = document["components"]["schemas"]
    for name, schema in schemas.items():
        jsonschema.Draft202012Validator.check_schema(schema)
        assert "default" not in schema, name
    assert set(_references(document)) <= {f"#/components/schemas/{name}" for name in schemas}
    for endpoint in OPERATIONS:
        operation = document["paths"][endpoint.path][endpoint.method.lower()]
        assert str(endpoint.status) in operation["responses"]
        assert {"401", "429", "500", "503"} <= set(operation["responses"])
        assert ("requestBody" in operation) == (endpoint.body is not None)


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from _references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from _references(inner)
