"""Pages from templates: every package's ``templates`` folder, the user's language, the frame.

Installs ``core.http.RENDER``. A template is named ``package/name.html``; an undefined name in
one is an error, and everything put into one is escaped.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any, Final
from zoneinfo import ZoneInfo

from aiohttp import web
from jinja2 import Environment, PackageLoader, PrefixLoader, StrictUndefined

from gateway.access.browser import CSRF
from gateway.access.directory import DIRECTORY, Directory
from gateway.access.principal import PRINCIPAL, CallerKind
from gateway.core.clock import MachineClock
from gateway.core.http import RENDER, Handler, Render
from gateway.web import components
from gateway.web.business_date import BUSINESS_DATES
from gateway.web.i18n import LANGUAGES, Catalogues, Words, preferred_language
from gateway.web.static_files import STATIC

__all__ = ["PACKAGES", "Renderer", "environment", "install"]

PACKAGES: Final = (
    "gateway.access",
    "gateway.network",
    "gateway.validation",
    "gateway.conversion",
    "gateway.exchange",
    "gateway.exchange.statistics",
    "gateway.receivables",
    "gateway.dunning",
    "gateway.dispatch",
    "gateway.payments",
    "gateway.authoring",
    "gateway.operations",
    "gateway.web",
)
"""The packages that bring templates and catalogues."""

TENANT_NAME: Final = web.RequestKey("tenant_name", str)


def environment() -> Environment:
    """The templates of all packages."""
    loaders = {name.rpartition(".")[2]: PackageLoader(name) for name in PACKAGES}
    made = Environment(
        loader=PrefixLoader(loaders),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    made.globals["icons"] = components.ICONS
    made.filters["participant"] = components.participant_value
    made.filters["iban"] = components.grouped_iban
    made.filters["short"] = components.short_id
    return made


class Renderer:
    """Renders a page for whoever asks. Moments are shown in ``zone``."""

    def __init__(self, *, zone: ZoneInfo, now: MachineClock) -> None:
        self._zone = zone
        self._now = now
        self._templates = environment()
        self._catalogues = Catalogues.of(PACKAGES)

    def __call__(
        self, request: web.Request, template: str, context: Mapping[str, Any]
    ) -> web.Response:
        """The page as a response; raises what Jinja raises for a broken template."""
        caller = request.get(PRINCIPAL)
        words = self.words(request)
        text = self._templates.get_template(template).render(
            {
                "t": words,
                "languages": LANGUAGES,
                "caller": caller,
                "scopes": caller.scopes if caller else frozenset(),
                "tenant_name": request.get(TENANT_NAME, ""),
                "csrf": request.get(CSRF, ""),
                "path": request.path,
                "query": request.query,
                "static": request.app[STATIC].url,
                "business_shift": _business_shift(request.app),
                **context,
            }
        )
        return web.Response(
            text=text,
            content_type="text/html",
            headers={"Content-Language": words.language, "Vary": "Accept-Language, Cookie"},
        )

    def words(self, request: web.Request) -> Words:
        """The language of the signed-in person, else the one asked for, else the browser's."""
        caller = request.get(PRINCIPAL)
        if caller is not None:
            language = caller.locale
        elif request.query.get("lang") in LANGUAGES:
            language = request.query["lang"]
        else:
            language = preferred_language(request.headers.get("Accept-Language", ""))
        return self._catalogues.words(language, zone=self._zone, now=self._now())


@dataclass(frozen=True, slots=True)
class BusinessShift:
    """A moved business date: what the books call today, and by how many days it is ahead."""

    date: date
    days: int


def _business_shift(app: web.Application) -> BusinessShift | None:
    """What every page says while the business date is not the calendar's."""
    dates = app.get(BUSINESS_DATES)
    if dates is None or dates.days_ahead <= 0:
        return None
    return BusinessShift(dates.today(), dates.days_ahead)


def install(
    app: web.Application, *, directory: Directory, zone: ZoneInfo, now: MachineClock
) -> None:
    """Give an application its pages; to be called before it starts."""
    app[DIRECTORY] = directory
    renderer: Render = Renderer(zone=zone, now=now)
    app[RENDER] = renderer
    app.middlewares.append(_name_tenant)


@web.middleware
async def _name_tenant(request: web.Request, handler: Handler) -> web.StreamResponse:
    """Find the account's name for the frame of a page; runs behind authentication."""
    caller = request.get(PRINCIPAL)
    if caller is not None and caller.kind is CallerKind.USER:
        request[TENANT_NAME] = await request.app[DIRECTORY].tenant_name(caller.tenant_id)
    return await handler(request)
