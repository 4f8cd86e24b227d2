"""The API of code lists: which codes there are, what they mean, until when, from which release."""

from datetime import date
from typing import Final, Literal, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from gateway.conversion.codelist_service import CODE_LISTS, ListedCodes
from gateway.core.http import Route, json_answer, query_of
from ubl.codelists import NamedCode, Standing

__all__ = ["ROUTES"]


class CodeListQuery(BaseModel):
    """In which language to name things; whether all codes are wanted or those with a text."""

    model_config = ConfigDict(extra="forbid")

    lang: Literal["en", "fr", "nl", "de"] = "en"
    on: date | None = Field(default=None, description="Day to judge validity by; today if absent.")
    q: str = Field(default="", max_length=100, description="Text in the code or its name.")


class ReleaseOut(BaseModel):
    """The publication the codes come from; ``published`` null where it does not say."""

    model_config = ConfigDict(from_attributes=True)

    title: str
    version: str
    published: date | None
    valid_from: date


class CodeListOut(BaseModel):
    """One list. ``terms`` are the business terms it is for; ``size`` counts its codes.

    ``standing``: current, coming (not in force yet), superseded (rules of a later release are in
    force), aged (older than the operator lets lists become).
    """

    id: str
    title: str
    terms: tuple[str, ...]
    size: int
    release: ReleaseOut
    standing: Standing
    age_days: int

    @classmethod
    def of(cls, one: ListedCodes, lang: str) -> Self:
        """The API's view of a list."""
        return cls(
            id=one.codes.id,
            title=one.codes.title(lang),
            terms=one.codes.terms,
            size=len(one.codes.codes),
            release=ReleaseOut.model_validate(one.codes.release),
            standing=one.standing,
            age_days=one.age_days,
        )


class CodeListsOut(BaseModel):
    """Every list, without its codes."""

    items: list[CodeListOut]


class CodeOut(BaseModel):
    """One code; ``name`` empty where there is none in any language.

    The days are null where the publication does not date its codes. ``source`` says who dated or
    added the code, empty for those of the publication.
    """

    code: str
    name: str
    valid: bool
    valid_from: date | None
    valid_until: date | None
    source: str

    @classmethod
    def of(cls, one: NamedCode) -> Self:
        """The API's view of a code."""
        return cls(
            code=one.code.code,
            name=one.name,
            valid=one.valid,
            valid_from=one.code.valid_from,
            valid_until=one.code.valid_until,
            source=one.code.source,
        )


class CodesOut(CodeListOut):
    """A list with its codes, in the publisher's order."""

    codes: list[CodeOut]


class CodeListsQuery(BaseModel):
    """In which language to name the lists."""

    model_config = ConfigDict(extra="forbid")

    lang: Literal["en", "fr", "nl", "de"] = "en"


async def list_code_lists(request: web.Request) -> web.Response:
    """Every list and whether it is up to date."""
    lang = query_of(request, CodeListsQuery).lang
    lists = await request.app[CODE_LISTS].all()
    return json_answer(CodeListsOut(items=[CodeListOut.of(one, lang) for one in lists]))


async def show_code_list(request: web.Request) -> web.Response:
    """One list with its codes."""
    query, service = query_of(request, CodeListQuery), request.app[CODE_LISTS]
    one = await service.one(request.match_info["id"])
    found = one.codes.find(query.q, lang=query.lang, on=query.on or service.today)
    about = CodeListOut.of(one, query.lang)
    return json_answer(CodesOut(**about.model_dump(), codes=[CodeOut.of(code) for code in found]))


ROUTES: Final = (
    Route(
        "GET",
        "/v1/code-lists",
        list_code_lists,
        None,
        "List the code lists and whether they are up to date",
        query=CodeListsQuery,
        answer=CodeListsOut,
    ),
    Route(
        "GET",
        "/v1/code-lists/{id}",
        show_code_list,
        None,
        "Show the codes of a list with their names and days",
        query=CodeListQuery,
        answer=CodesOut,
    ),
)
