"""The examination of a NAS: a button that runs it, how far it is, and what it found."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from aiohttp import web

from netbilld.enforcement.doctor.checks import Finding, Result
from netbilld.panel.live import LIVE, Part, stream
from netbilld.panel.parts import PANEL, PanelParts, Work
from netbilld.panel.visit import page, say
from netbilld.panel.words import N_
from netbilld.services.doctor_nas import Step
from netbilld.services.doctor_runs import Run
from netbilld.services.doctor_words import DoctorTeller
from netbilld.services.explain_words import Locale

_TONES: Final[Mapping[Result, str]] = {
    Result.FAIL: "bad",
    Result.WARN: "warn",
    Result.UNKNOWN: "quiet",
    Result.OK: "good",
}
_GRAVEST_FIRST: Final[Sequence[Result]] = tuple(_TONES)
_LOCALES: Final[tuple[Locale, ...]] = ("id", "en")


@dataclass(frozen=True, slots=True)
class Line:
    """A finding as the page shows it."""

    title: str
    result: str
    tone: str
    text: str
    mend: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Shown:
    """An examination as the page shows it: its steps, and its lines in each language."""

    run: Run | None
    lines: Mapping[str, Sequence[Line]]
    counts: Mapping[str, int]

    @property
    def steps(self) -> Sequence[tuple[str, bool]]:
        """Return each step with whether it is behind us."""
        return [(step.value, self.run is not None and step in self.run.done) for step in Step]


def _shown(run: Run | None, timezone: str) -> Shown:
    if run is None or run.found is None:
        return Shown(run, {}, {})
    findings = sorted(run.found.findings, key=lambda finding: _GRAVEST_FIRST.index(finding.result))
    lines: dict[str, Sequence[Line]] = {
        locale: [_line(DoctorTeller(locale, timezone), one) for one in findings] for locale in _LOCALES
    }
    return Shown(run, lines, {result.value: run.found.count(result) for result in Result})


def _line(teller: DoctorTeller, finding: Finding) -> Line:
    said = teller.say(finding)
    mend = finding.mend if finding.result is not Result.OK else ()
    return Line(said.title, said.result, _TONES[finding.result], said.text, mend)


def _part(name: str, parts: PanelParts) -> Part:
    async def read(_work: Work) -> Shown:
        return _shown(parts.doctor.newest(name), parts.timezone)

    return Part("findings", ("doctor", name), read, "partials/nas_findings.html", 0.5)


async def _name(request: web.Request) -> str:
    """Return what the NAS of the address is called; 404 where there is none."""
    wanted = request.match_info["name"].casefold()
    async with request.app[PANEL].parts.database.read() as work:
        names = await work.readmodels.nas_names()
    found = next((name for name in names if name.casefold() == wanted), None)
    if found is None:
        raise web.HTTPNotFound
    return found


async def show(request: web.Request) -> web.Response:
    """Answer GET /nas/{name}/doctor."""
    return await _page(request, await _name(request))


async def live(request: web.Request) -> web.StreamResponse:
    """Answer GET /live/nas/{name}/doctor."""
    return await stream(request, [_part(await _name(request), request.app[PANEL].parts)])


async def examine(request: web.Request) -> web.StreamResponse:
    """Answer POST /nas/{name}/doctor: the NAS is examined, while the page shows how far that is."""
    name = await _name(request)
    if not request.app[PANEL].parts.doctor.begin(name):
        message = say(request, N_("Too many NAS are being examined; try again in a minute."))
        return await _page(request, name, message, status=503)
    request.app[LIVE].outdated(_part(name, request.app[PANEL].parts))
    raise web.HTTPSeeOther(request.rel_url.raw_path)


async def _page(request: web.Request, name: str, message: str = "", *, status: int = 200) -> web.Response:
    shown = (await request.app[LIVE].latest(_part(name, request.app[PANEL].parts)))[1]
    return page(request, "staff/nas_doctor.html", {"name": name, "shown": shown, "message": message}, status=status)
