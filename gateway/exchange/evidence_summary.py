"""The summary of an evidence bundle: a PDF that says what happened and what proves it.

Made of the bundle's manifest alone, so that it can say nothing the bundle does not hold. Setting
pages takes computing time: call it in a thread.
"""

import json
import tomllib
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime
from functools import cache
from importlib import resources
from importlib.metadata import version
from typing import Any, Final

import typst
from babel.dates import format_date, format_datetime

from gateway.exchange.tables import Direction
from schematron.report.pdf import set_printable

__all__ = ["LANGUAGES", "SUMMARY", "Texts", "render_summary", "summary_view"]

LANGUAGES: Final = ("en", "fr", "nl", "de")
SUMMARY: Final = "summary.pdf"

_STANDARD: Final = "a-3b"
_LOCALES: Final = {"en": "en_GB", "fr": "fr", "nl": "nl", "de": "de"}
_EBMS: Final = "http://docs.oasis-open.org/ebxml-msg/ebms/v3.0/ns/core/200704/"
_SOAP: Final = "http://www.w3.org/2003/05/soap-envelope"


class Texts:
    """The sentences of one language; raises KeyError for one that it lacks."""

    def __init__(self, language: str) -> None:
        self.language = language if language in LANGUAGES else LANGUAGES[0]
        self._texts = _catalogue(self.language)

    def __call__(self, key: str, **values: object) -> str:
        """The sentence of a key such as ``fact.sender``, with its values filled in."""
        found: Any = self._texts
        for name in key.split("."):
            found = found[name]
        return str(found).format(**values)

    def moment(self, text: str) -> str:
        """An ISO moment as people write it, in UTC."""
        at = datetime.fromisoformat(text).astimezone(UTC)
        written = format_datetime(at, "d MMMM y, HH:mm:ss", locale=_LOCALES[self.language])
        return f"{written} UTC"

    def day(self, text: str) -> str:
        """An ISO date as people write it."""
        at = date.fromisoformat(text[:10])
        return format_date(at, "d MMMM y", locale=_LOCALES[self.language])


@cache
def _catalogue(language: str) -> Mapping[str, Any]:
    file = resources.files("gateway.exchange").joinpath("evidence_texts", f"{language}.toml")
    return tomllib.loads(file.read_text("utf-8"))


def render_summary(manifest: Mapping[str, Any], *, language: str, created_at: datetime) -> bytes:
    """Set the summary as A4 pages; ``created_at`` is timezone-aware.

    A character that no font here has is printed as a box, and the summary says so.
    """
    view = summary_view(manifest, Texts(language))
    content, missing = set_printable(view)
    if not missing:
        content["unprintable"] = ""
    template = resources.files("gateway.exchange").joinpath("templates", "evidence.typ")
    # The compiler is not shared: it may only be used by one thread at a time, and costs little.
    compiler = typst.Compiler(
        template.read_bytes(),
        font_paths=_fonts(),
        sys_inputs={"content": json.dumps(content, ensure_ascii=False)},
    )
    pdf = compiler.compile(
        format="pdf", pdf_standards=[_STANDARD], timestamp=int(created_at.timestamp())
    )
    if not isinstance(pdf, bytes):
        raise TypeError("the typesetter gave several files for one document")
    return pdf


@cache
def _fonts() -> typst.Fonts:
    return typst.Fonts(include_system_fonts=False, include_embedded_fonts=True)


def summary_view(manifest: Mapping[str, Any], t: Texts) -> dict[str, Any]:
    """What the summary says, section by section."""
    kind = _kind(manifest, t)
    main = _main_message(manifest)
    sections = [
        _section(t("section.what"), facts=list(_document_facts(manifest, t))),
        _section(
            t("section.how"),
            groups=[_message(one, number, t) for number, one in _numbered(manifest)],
        ),
    ]
    if manifest["answers"]:
        answers = [_answer(one, t) for one in manifest["answers"]]
        sections.append(_section(t("section.answers"), groups=answers))
    if main is not None:
        sections.append(_section(t("section.proof"), paragraphs=list(_proof(main, t))))
    sections.append(_section(t("section.verify"), steps=list(_steps(main, t))))
    sections.append(
        _section(
            t("section.limits"),
            paragraphs=[t(f"limits.{one}") for one in ("content", "authorities", "time")],
        )
    )
    return {
        "lang": t.language,
        "title": t("title"),
        "subject": f"{kind} {manifest['number']}",
        **_headline(manifest, main, t),
        "sections": sections,
        "producer": t(
            "producer", version=version("peppol-gateway"), at=t.moment(manifest["made_at"])
        ),
        "page": t("page", page="{page}", pages="{pages}"),
        "sha256": manifest["document_sha256"],
        "unprintable": t("unprintable"),
    }


def _section(
    title: str,
    *,
    paragraphs: Sequence[str] = (),
    facts: Sequence[Mapping[str, Any]] = (),
    groups: Sequence[Mapping[str, Any]] = (),
    steps: Sequence[Mapping[str, str]] = (),
) -> dict[str, Any]:
    return {
        "title": title,
        "paragraphs": paragraphs,
        "facts": facts,
        "groups": groups,
        "steps": steps,
    }


def _main_message(manifest: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """The message that proves the exchange: sent and receipted, or the first received."""
    outgoing = manifest["direction"] == Direction.OUT
    return next(
        (
            one
            for one in manifest["messages"]
            if (one["direction"] == Direction.OUT) == outgoing and one["receipt"] is not None
        ),
        None,
    )


def _headline(
    manifest: Mapping[str, Any], main: Mapping[str, Any] | None, t: Texts
) -> dict[str, str]:
    if main is None:
        return {"headline": t("headline.open"), "said": t("said.open"), "tone": "open"}
    outgoing = manifest["direction"] == Direction.OUT
    name = "delivered" if outgoing else "received"
    seat = main["to_seat"] if outgoing else main["from_seat"]
    at = t.moment(main["delivered_at"] if outgoing else main["received_at"])
    return {
        "headline": t(f"headline.{name}"),
        "said": t(f"said.{name}", at=at, seat=seat),
        "tone": "good",
    }


def _kind(entry: Mapping[str, Any], t: Texts) -> str:
    try:
        return t(f"kind.{entry['kind']}")
    except KeyError:
        return t("kind.other")


def _fact(label: str, text: str, *, code: bool = False) -> dict[str, Any]:
    return {"label": label, "text": text, "code": code}


def _document_facts(manifest: Mapping[str, Any], t: Texts) -> Iterator[dict[str, Any]]:
    yield _fact(t("fact.kind"), _kind(manifest, t))
    yield _fact(t("fact.number"), manifest["number"])
    if manifest["issue_date"]:
        yield _fact(t("fact.issue_date"), t.day(manifest["issue_date"]))
    for role in ("sender", "receiver"):
        name = manifest[f"{role}_name"]
        text = f"{name} ({manifest[role]})" if name else manifest[role]
        yield _fact(t(f"fact.{role}"), text)
    yield _fact(t("fact.document_type"), manifest["document_type"], code=True)
    yield _fact(t("fact.sbdh"), manifest["sbdh_instance_identifier"], code=True)
    yield _fact(t("fact.sha256"), manifest["document_sha256"], code=True)


def _numbered(manifest: Mapping[str, Any]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    counts: dict[str, int] = {}
    for one in manifest["messages"]:
        counts[one["direction"]] = counts.get(one["direction"], 0) + 1
        yield counts[one["direction"]], one


def _message(one: Mapping[str, Any], number: int, t: Texts) -> dict[str, Any]:
    sent = one["direction"] == Direction.OUT
    facts = [
        _fact(t("fact.message"), one["message_id"], code=True),
        _fact(t("fact.from_seat"), one["from_seat"]),
        _fact(t("fact.to_seat"), one["to_seat"]),
        *(_sent_facts(one, t) if sent else _received_facts(one, t)),
        *_signer_facts(one, sent, t),
    ]
    return {"title": t(f"message.{'sent' if sent else 'received'}", number=number), "facts": facts}


def _sent_facts(one: Mapping[str, Any], t: Texts) -> Iterator[dict[str, Any]]:
    yield _fact(t("fact.endpoint"), one["endpoint"], code=True)
    yield _fact(t("fact.made"), t.moment(one["made_at"]))
    yield _fact(t("fact.attempts"), str(len(one["attempts"])))
    delivered = t.moment(one["delivered_at"]) if one["delivered_at"] else t("value.no_receipt")
    yield _fact(t("fact.delivered"), delivered)
    yield _fact(t("fact.smp"), t("value.smp", file=one["lookup"]))


def _received_facts(one: Mapping[str, Any], t: Texts) -> Iterator[dict[str, Any]]:
    yield _fact(t("fact.received"), t.moment(one["received_at"]))
    kept = one["revocation"]
    said = t("value.revocation", file=kept) if kept else t("value.no_revocation")
    yield _fact(t("fact.revocation"), said)


def _signer_facts(one: Mapping[str, Any], sent: bool, t: Texts) -> Iterator[dict[str, Any]]:
    """Who signed the request and, where there is one, the receipt."""
    request, receipt = ("own", "peer") if sent else ("peer", "own")
    for role, label in ((request, "fact.request_by"), (receipt, "fact.receipt_by")):
        if role not in one or (role == receipt and one["receipt"] is None):
            continue
        certificate = one[role]
        yield _fact(t(label), certificate["subject"])
        yield _fact(t("fact.issuer"), certificate["issuer"])
        validity = t(
            "value.serial",
            serial=certificate["serial"],
            not_before=t.day(certificate["not_before"]),
            not_after=t.day(certificate["not_after"]),
        )
        yield _fact(t("fact.serial"), validity)


def _answer(one: Mapping[str, Any], t: Texts) -> dict[str, Any]:
    label = "fact.came" if one["direction"] == Direction.IN else "fact.went"
    receipts = [message["receipt"] for message in one["messages"] if message["receipt"]]
    return {
        "title": _kind(one, t),
        "facts": [
            _fact(t(label), t.moment(one["created_at"])),
            _fact(t("fact.sbdh"), one["sbdh_instance_identifier"], code=True),
            _fact(t("fact.files"), "\n".join([one["file"], *receipts]), code=True),
        ],
    }


def _proof(main: Mapping[str, Any], t: Texts) -> Iterator[str]:
    files = {**main, "payload": main["payload"] or t("none")}
    sent = main["direction"] == Direction.OUT
    names = (
        ("sent_request", "sent_receipt", "sent_smp")
        if sent
        else (
            "received_request",
            "received_receipt",
        )
    )
    for name in names:
        yield t(f"proof.{name}", **files)
    if main.get("peer_issuers"):
        yield t("proof.issuers")


def _steps(main: Mapping[str, Any] | None, t: Texts) -> Iterator[dict[str, str]]:
    yield {"text": t("verify.sums"), "command": "sha256sum -c SHA256SUMS"}
    if main is not None:
        yield from _message_steps(main, t)
    yield {"text": t("verify.all"), "command": "gateway evidence FILE.zip"}


def _message_steps(main: Mapping[str, Any], t: Texts) -> Iterator[dict[str, str]]:
    moment = datetime.fromisoformat(main.get("delivered_at") or main["received_at"])
    if main.get("peer_issuers"):
        command = (
            f"openssl verify -attime {int(moment.timestamp())} "
            f"-CAfile {main['peer_issuers']} {main['peer_certificate']}"
        )
        yield {"text": t("verify.chain"), "command": command}
    signer = "peer" if main["direction"] == Direction.OUT else "own"
    if f"{signer}_certificate" in main:
        command = (
            "xmlsec1 --verify "
            f"--id-attr:Id {_EBMS}:Messaging --id-attr:Id {_SOAP}:Body "
            f"--pubkey-cert-pem {main[f'{signer}_certificate']} {main['receipt']}"
        )
        yield {"text": t("verify.receipt"), "command": command}
    if main["payload"] and main["payload"] != main["envelope"]:
        command = f"gzip -dc {main['payload']} | cmp - {main['envelope']}"
        yield {"text": t("verify.envelope"), "command": command}
    if main["payload"]:
        command = f"openssl dgst -sha256 -binary {main['payload']} | base64"
        yield {"text": t("verify.digest"), "command": command}
