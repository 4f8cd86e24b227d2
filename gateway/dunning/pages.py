"""Pages of dunning: the steps towards customers, planning them now, reminders, customers."""

from typing import Final

from aiohttp import web

from gateway.access.principal import principal
from gateway.core.app_keys import DATABASE
from gateway.core.http import RENDER, Face, Route, query_id, seen_other
from gateway.core.paging import Cut
from gateway.dunning import pages_customer, pages_reminder
from gateway.dunning.keys import DUNNING
from gateway.dunning.pages_view import (
    ATTENTION_MAILS,
    MAIL_LOOKS,
    REMINDER_LOOKS,
    STATES,
    Tab,
    count_by_tab,
)
from gateway.dunning.queries import (
    MailFilters,
    ReminderFilters,
    list_mails,
    list_reminders,
    list_runs,
)
from gateway.receivables.keys import BUSINESS
from gateway.receivables.pages_forms import chosen

__all__ = ["ROUTES"]

_LIST: Final = "dunning/reminders.html"
_SHOWN: Final = 50
_RUNS: Final = 5


async def show_reminders(request: web.Request) -> web.Response:
    """Steps by what is to be done about them."""
    tenant_id = principal(request).tenant_id
    before = query_id(request, "before")
    async with request.app[DATABASE].read() as session:
        counts = await count_by_tab(session, tenant_id)
        tab = chosen(Tab, request.query.get("tab"), _most_urgent(counts))
        rows = await list_reminders(
            session,
            tenant_id,
            filters=ReminderFilters(STATES[tab]),
            before=before,
            limit=_SHOWN + 1,
        )
        mails = (
            await list_mails(session, tenant_id, filters=MailFilters(ATTENTION_MAILS), limit=_SHOWN)
            if tab is Tab.ATTENTION
            else []
        )
        runs = await list_runs(session, tenant_id, limit=_RUNS)
    page = Cut.at(rows, _SHOWN)
    context = {
        "tab": tab,
        "tabs": tuple(Tab),
        "counts": counts,
        "rows": page.shown,
        "looks": REMINDER_LOOKS,
        "mails": mails,
        "mail_looks": MAIL_LOOKS,
        "runs": runs,
        "today": request.app[BUSINESS].today(),
        "asked": "asked" in request.query,
        "before": before,
        "older": page.cursor(lambda one: one.reminder.id),
    }
    return request.app[RENDER](request, _LIST, context)


def _most_urgent(counts: dict[Tab, int]) -> Tab:
    """What somebody should look at first."""
    waiting = (one for one in (Tab.APPROVAL, Tab.ATTENTION, Tab.PLANNED) if counts[one])
    return next(waiting, Tab.SENT)


async def run_now(request: web.Request) -> web.Response:
    """Plan today's steps now."""
    await request.app[DUNNING].run_now(principal(request))
    return seen_other("/reminders?asked=1")


ROUTES: Final = (
    Route("GET", "/reminders", show_reminders, "receivables:read", "List reminders", Face.PAGE),
    Route("POST", "/reminders/run", run_now, "receivables:write", "Plan reminders now", Face.PAGE),
    *pages_reminder.ROUTES,
    *pages_customer.ROUTES,
)
