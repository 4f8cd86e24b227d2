"""The API of the business date: what it is, and moving it in a demonstration or a test."""

from datetime import date
from typing import Final

from aiohttp import web
from pydantic import BaseModel, ConfigDict

from gateway.core.business_date import BusinessDates
from gateway.core.http import Route, body_of, json_answer

__all__ = ["BUSINESS_DATES", "ROUTES"]

BUSINESS_DATES: Final = web.AppKey("business_dates", BusinessDates)


class BusinessDateIn(BaseModel):
    """The day that is to be today; it only moves forward."""

    model_config = ConfigDict(extra="forbid")

    date: date


class BusinessDateOut(BaseModel):
    """The business date, and by how many days it is ahead of the calendar."""

    date: date
    days_ahead: int


async def get_business_date(request: web.Request) -> web.Response:
    """What this instance's books call today."""
    dates = request.app[BUSINESS_DATES]
    return json_answer(BusinessDateOut(date=dates.today(), days_ahead=dates.days_ahead))


async def move_business_date(request: web.Request) -> web.Response:
    """Move the business date forward, in the stages demo and test."""
    body = await body_of(request, BusinessDateIn)
    dates = request.app[BUSINESS_DATES]
    days = await dates.move(body.date)
    return json_answer(BusinessDateOut(date=dates.today(), days_ahead=days))


ROUTES: Final = (
    Route(
        "GET",
        "/v1/business-date",
        get_business_date,
        "receivables:read",
        "Get the business date",
        answer=BusinessDateOut,
    ),
    Route(
        "POST",
        "/v1/business-date",
        move_business_date,
        "settings:write",
        "Move the business date (stages demo and test)",
        body=BusinessDateIn,
        answer=BusinessDateOut,
        statuses={403: "the stage is production", 422: "the day has passed"},
    ),
)
