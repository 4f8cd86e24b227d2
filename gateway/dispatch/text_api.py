"""The API of the texts e-mails with documents are written in."""

from datetime import datetime
from typing import Final, Self

from aiohttp import web
from pydantic import BaseModel, ConfigDict, Field

from gateway.access.principal import principal
from gateway.core.http import Route, body_of, json_answer
from gateway.dispatch.composing import Shown
from gateway.dispatch.keys import TEXTS
from gateway.dispatch.text_desk import Kept, text_key
from gateway.dispatch.wording import LONGEST_SUBJECT, TextKind, Wording

__all__ = ["ROUTES"]

_SCOPE: Final = "settings:write"
_TEXTS: Final = "/v1/mail-texts"
_ONE: Final = f"{_TEXTS}/{{kind}}/{{language}}"
_LONGEST: Final = 5_000
_REFUSED: Final = {422: "The text names something unknown, cannot be read, or says nothing"}


class MailTextIn(BaseModel):
    """What an e-mail is to say, as templates.

    ``{{ number }}``, ``{{ seller }}``, ``{{ buyer }}``, ``{{ total }}``, ``{{ issued }}``,
    ``{{ due }}`` and ``{{ until }}`` (the last day of the link) stand for what they name;
    ``{% if due %}…{% endif %}`` is left out where there is none. ``attached``, ``data_in_pdf`` and
    ``data_in_xml`` are for conditions only. Blank lines part paragraphs; the link stands between
    ``body`` and ``closing``.
    """

    model_config = ConfigDict(extra="forbid")

    subject: str = Field(min_length=1, max_length=_LONGEST)
    body: str = Field(min_length=1, max_length=_LONGEST)
    closing: str = Field("", max_length=_LONGEST)

    def wording(self) -> Wording:
        """The templates."""
        return Wording(subject=self.subject, body=self.body, closing=self.closing)


class MailTextOut(BaseModel):
    """What an e-mail says; ``own`` is false for our words."""

    kind: TextKind
    language: str
    own: bool
    subject: str
    body: str
    closing: str
    updated_at: datetime | None

    @classmethod
    def of(cls, kept: Kept) -> Self:
        """The API's view."""
        wording, own = kept.wording, kept.own
        return cls(
            kind=kept.kind,
            language=kept.language,
            own=own is not None,
            subject=wording.subject,
            body=wording.body,
            closing=wording.closing,
            updated_at=own.updated_at if own is not None else None,
        )


class MailTextList(BaseModel):
    """Every text, by kind and language."""

    items: list[MailTextOut]


class MailTextShown(BaseModel):
    """What a text says of a sample document: the subject (at most 200 characters), both forms."""

    subject: str = Field(max_length=LONGEST_SUBJECT)
    text: str
    html: str

    @classmethod
    def of(cls, shown: Shown) -> Self:
        """The API's view."""
        return cls(subject=shown.subject, text=shown.text, html=shown.html)


async def list_texts(request: web.Request) -> web.Response:
    """Every text, the account's own or ours."""
    found = await request.app[TEXTS].all(principal(request))
    return json_answer(MailTextList(items=[MailTextOut.of(one) for one in found]))


async def show_text(request: web.Request) -> web.Response:
    """What e-mails of a kind say in a language."""
    found = await request.app[TEXTS].one(principal(request), *_key(request))
    return json_answer(MailTextOut.of(found))


async def keep_text(request: web.Request) -> web.Response:
    """Say it in the account's own words from now on."""
    kind, language = _key(request)
    body = await body_of(request, MailTextIn)
    kept = await request.app[TEXTS].save(principal(request), kind, language, body.wording())
    return json_answer(MailTextOut.of(kept))


async def forget_text(request: web.Request) -> web.Response:
    """Go back to our words."""
    kept = await request.app[TEXTS].forget(principal(request), *_key(request))
    return json_answer(MailTextOut.of(kept))


async def preview_text(request: web.Request) -> web.Response:
    """What a text would say of a sample document; keeps nothing."""
    _, language = _key(request)
    body = await body_of(request, MailTextIn)
    shown = await request.app[TEXTS].preview(principal(request), language, body.wording())
    return json_answer(MailTextShown.of(shown))


def _key(request: web.Request) -> tuple[TextKind, str]:
    return text_key(request.match_info["kind"], request.match_info["language"])


ROUTES: Final = (
    Route("GET", _TEXTS, list_texts, _SCOPE, "List the texts of e-mails", answer=MailTextList),
    Route("GET", _ONE, show_text, _SCOPE, "Show a text of e-mails", answer=MailTextOut),
    Route(
        "PUT",
        _ONE,
        keep_text,
        _SCOPE,
        "Write e-mails in your own words",
        body=MailTextIn,
        answer=MailTextOut,
        statuses=_REFUSED,
    ),
    Route("DELETE", _ONE, forget_text, _SCOPE, "Go back to our words", answer=MailTextOut),
    Route(
        "POST",
        f"{_ONE}/preview",
        preview_text,
        _SCOPE,
        "Show what a text says of a sample document",
        body=MailTextIn,
        answer=MailTextShown,
        statuses=_REFUSED,
    ),
)
