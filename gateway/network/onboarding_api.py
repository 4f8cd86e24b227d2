"""The API and the page of going live: run the list, see what holds and what to do."""

from typing import Final, Self

from aiohttp import web
from pydantic import BaseModel

from gateway.core.http import RENDER, Face, Route, json_answer
from gateway.network.onboarding import Finding, Onboarding, Outcome

__all__ = ["ONBOARDING", "ROUTES", "FindingOut", "OnboardingOut"]

ONBOARDING: Final = web.AppKey("onboarding", Onboarding)


class FindingOut(BaseModel):
    """What one check found; ``outcome`` is ok, failed, skipped or by-hand."""

    check: str
    outcome: Outcome
    said: str
    facts: dict[str, str]

    @classmethod
    def of(cls, finding: Finding) -> Self:
        """The API's view of a finding."""
        return cls(
            check=finding.check,
            outcome=finding.outcome,
            said=finding.said,
            facts=dict(finding.facts),
        )


class OnboardingOut(BaseModel):
    """The whole list; ``ready`` when nothing failed."""

    ready: bool
    items: list[FindingOut]

    @classmethod
    def of(cls, findings: tuple[Finding, ...]) -> Self:
        """The API's view of a run."""
        return cls(
            ready=all(one.outcome is not Outcome.FAILED for one in findings),
            items=[FindingOut.of(one) for one in findings],
        )


async def run_onboarding(request: web.Request) -> web.Response:
    """Run the list."""
    return json_answer(OnboardingOut.of(await request.app[ONBOARDING].run()))


async def show_onboarding(request: web.Request) -> web.Response:
    """The list, not run yet."""
    return _page(request, ())


async def run_and_show(request: web.Request) -> web.Response:
    """Run the list and show what was found."""
    return _page(request, await request.app[ONBOARDING].run())


def _page(request: web.Request, findings: tuple[Finding, ...]) -> web.Response:
    count = dict.fromkeys(Outcome, 0)
    for one in findings:
        count[one.outcome] += 1
    context = {
        "names": request.app[ONBOARDING].names,
        "findings": {one.check: one for one in findings},
        "count": count,
    }
    return request.app[RENDER](request, "network/onboarding.html", context)


ROUTES: Final = (
    Route(
        method="POST",
        path="/v1/onboarding",
        handler=run_onboarding,
        scope="operations:read",
        summary="Check everything that must hold before this gateway is on the network",
        answer=OnboardingOut,
    ),
    Route(
        "GET",
        "/network/onboarding",
        show_onboarding,
        "operations:read",
        "Show the list of going live",
        Face.PAGE,
    ),
    Route(
        "POST",
        "/network/onboarding",
        run_and_show,
        "operations:read",
        "Run the list of going live",
        Face.PAGE,
    ),
)
