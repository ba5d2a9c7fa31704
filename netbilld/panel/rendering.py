"""Templates to pages: one Jinja environment a language, everything escaped unless a template is trusted to be HTML."""

from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any, Final

from aiohttp import web
from jinja2 import BytecodeCache, Environment, FileSystemLoader, StrictUndefined
from jinja2.bccache import Bucket

from netbilld.panel.assets import Assets
from netbilld.panel.filters import Writer
from netbilld.panel.i18n import LOCALES, load_catalogues
from netbilld.panel.trouble_words import said
from netbilld.panel.words import Words


class _Compiled(BytecodeCache):
    """Templates compiled once for every language and page server of this process."""

    def __init__(self) -> None:
        self._buckets: dict[str, bytes] = {}

    def load_bytecode(self, bucket: Bucket) -> None:
        if code := self._buckets.get(bucket.key):
            bucket.bytecode_from_string(code)

    def dump_bytecode(self, bucket: Bucket) -> None:
        self._buckets[bucket.key] = bucket.bytecode_to_string()


_COMPILED: Final = _Compiled()


class Renderer:
    """Renders the templates of web/ in the reader's language."""

    def __init__(
        self,
        directory: Path,
        assets: Assets,
        *,
        timezone: str,
        currency: str,
        business_name: str,
        everywhere: Mapping[str, object] | None = None,
    ) -> None:
        """Read the catalogues; `everywhere` is what every template knows besides."""
        catalogues = load_catalogues(directory / "locales")
        self.catalogues: Final = catalogues
        self.writers: Final = {locale: Writer(locale, timezone, currency, catalogues[locale]) for locale in LOCALES}
        self.words: Final = {locale: Words(catalogues[locale]) for locale in LOCALES}
        self._same: dict[tuple[str, str], str] = {}
        self._environments = {locale: self._environment(directory, assets, locale, business_name) for locale in LOCALES}
        for environment in self._environments.values():
            environment.globals.update(everywhere or {})

    def prepare(self) -> Iterator[None]:
        """Compile one template after the other, so that nobody's first page waits for it; yields after each."""
        for environment in self._environments.values():
            for name in environment.list_templates(extensions=["html"]):
                environment.get_template(name)
                yield

    def _environment(self, directory: Path, assets: Assets, locale: str, business_name: str) -> Environment:
        environment = Environment(
            loader=FileSystemLoader(directory / "templates"),
            autoescape=True,
            undefined=StrictUndefined,
            extensions=["jinja2.ext.i18n", "jinja2.ext.do"],
            trim_blocks=True,
            lstrip_blocks=True,
            auto_reload=False,
            bytecode_cache=_COMPILED,
        )
        environment.install_gettext_translations(self.catalogues[locale], newstyle=True)  # type: ignore[attr-defined]  # the extension adds it
        environment.filters.update(self.writers[locale].filters())
        gettext, word = self.catalogues[locale].gettext, self.words[locale]
        environment.globals.update(
            said=lambda text: said(
                text,
                lambda message, **values: gettext(message) % values,
                lambda access: word("access", access).text,
            ),
            asset=assets.url,
            locale=locale,
            business_name=business_name,
            word=self.words[locale],
            locales=LOCALES,
        )
        return environment

    def text(self, locale: str, template: str, context: Mapping[str, Any]) -> str:
        """Return a template, page or part of one, as HTML."""
        return self._environments[locale].get_template(template).render(context)

    def same_page(self, locale: str, template: str, context: Callable[[], Mapping[str, Any]]) -> web.Response:
        """Return a response with a page that is the same for everybody, which is rendered once."""
        text = self._same.get((locale, template))
        if text is None:
            text = self._same[locale, template] = self.text(locale, template, context())
        return self._response(text)

    def page(self, locale: str, template: str, context: Mapping[str, Any], *, status: int = 200) -> web.Response:
        """Return a response with a page nobody may keep."""
        return self._response(self.text(locale, template, context), status)

    def _response(self, text: str, status: int = 200) -> web.Response:
        return web.Response(
            text=text,
            status=status,
            content_type="text/html",
            charset="utf-8",
            headers={"Cache-Control": "no-store", "Vary": "Cookie, Accept-Language"},
        )

    def say(self, locale: str, message: str, **values: object) -> str:
        """Return a message in that language; `message` is also its key in the catalogues."""
        text = self.catalogues[locale].gettext(message)
        return text % values if values else text
