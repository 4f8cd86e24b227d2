"""What e-mails with documents say: our words, an account's own, and what cannot be used."""

import asyncio
from itertools import product

import pytest

from gateway.core.errors import GatewayError
from gateway.dispatch.wording import NAMES, TextKind, Wording, check_wording, our_wording, tell
from ubl.localized import LANGUAGES

OWN = {
    "subject": "{{ seller }}: {{ number }}",
    "body": "Bonjour {{ buyer }},\n\n{% if due %}À payer le {{ due }} : {{ total }}.{% endif %}",
    "closing": "Bien à vous\nLe service facturation",
}
MIXED = "{% if due %}{% if data_in_xml %}XML{% endif %}{% else %}Hello{% endif %}"
"""Says nothing of a document with a term of payment and without data beside it."""
VALUES = {name: 1 if name.startswith(("attached", "data")) else f"<{name}>" for name in NAMES}


@pytest.mark.parametrize(("kind", "language"), list(product(TextKind, LANGUAGES)))
def test_our_words_can_be_used_by_the_same_rules_as_an_accounts(kind, language):
    wording = our_wording(kind, language)
    check_wording(wording)
    told = tell(wording, VALUES)
    assert "<number>" in told.subject
    assert told.closing[-1][-1] == "<seller>"
    text = str(told.body)
    assert "<total>" in text
    assert ("<due>" in text) == kind.startswith("invoice")
    attached = tell(wording, VALUES | {"attached": 0})
    assert attached.body != told.body


@pytest.mark.parametrize(
    ("field", "text", "says"),
    [
        ("subject", "{{ nummer }}", "'nummer' is not known"),
        ("body", "{{ number.__class__ }}", "Only names"),
        ("body", "{% for one in number %}{% endfor %}", "Only names"),
        ("body", "{{ number", "cannot be read"),
        ("closing", "{{ cycler() }}", "Only names"),
        ("body", "{% if due %}{{ due }}{% endif %}", "is empty"),
        ("body", MIXED, "is empty"),
        ("body", "x" * 5_001, "Shorten"),
    ],
)
def test_what_cannot_be_used_is_refused_with_its_place(field, text, says):
    wording = Wording(**({"subject": "a", "body": "b", "closing": ""} | {field: text}))
    with pytest.raises(GatewayError, match=says) as refused:
        check_wording(wording)
    assert refused.value.code == "DISPATCH-TEXT"
    assert refused.value.facts["field"] == field


def test_values_are_never_read_as_templates():
    wording = Wording(subject="{{ buyer }}", body="{{ buyer }}", closing="")
    assert tell(wording, VALUES | {"buyer": "{{ number }}\n"}).subject == "{{ number }}"


async def test_an_accounts_own_words_go_out_in_the_customers_language(house):
    path = "/v1/mail-texts/invoice/fr"
    ours = (await house.call("GET", path)).body
    assert ours["own"] is False
    assert (await house.call("PUT", path, json=OWN)).status == 200
    assert (await house.call("GET", path)).body["own"] is True
    listed = (await house.call("GET", "/v1/mail-texts")).body["items"]
    assert [(one["kind"], one["language"]) for one in listed if one["own"]] == [("invoice", "fr")]
    await house.sent()
    (mail,) = house.sink.messages()
    assert mail["Subject"].endswith(": MA-1")
    text = mail.get_body(("plain",)).get_content().replace("\r\n", "\n")
    page = mail.get_body(("html",)).get_content()
    for said in (text, page):
        assert "Bonjour " in said
        assert "/download/" in said
    assert "Bien à vous\nLe service facturation" in text
    assert "Bien à vous<br>Le service facturation" in page
    gone = await house.call("DELETE", path)
    assert (gone.body["own"], gone.body["body"]) == (False, ours["body"])


async def test_many_may_change_a_text_at_once(house):
    path = "/v1/mail-texts/invoice/fr"
    for verbs in (("PUT",) * 4, ("DELETE",) * 4, ("PUT", "DELETE") * 3):
        answers = await asyncio.gather(*(house.call(verb, path, json=OWN) for verb in verbs))
        assert [one.status for one in answers] == [200] * len(verbs)


async def test_a_document_sent_again_says_so(lite):
    document_id = await lite.sent()
    path = f"/v1/documents/{document_id}/dispatches"
    again = await lite.call("POST", path, json={"channel": "email"})
    assert again.status == 202
    await lite.work()
    first, second = [one.get_body(("plain",)).get_content() for one in lite.sink.messages()]
    assert "à nouveau" not in first
    assert "à nouveau" in second


async def test_a_text_is_tried_on_a_sample_and_refused_with_advice(lite):
    path = "/v1/mail-texts/credit-note/de"
    shown = await lite.call("POST", f"{path}/preview", json=OWN)
    assert shown.status == 200
    assert shown.body["subject"].endswith("-0042")
    assert "Cobalt Works" in shown.body["html"]
    refused = await lite.call("PUT", path, json=OWN | {"body": "{{ nummer }}"})
    assert (refused.status, refused.body["code"]) == (422, "DISPATCH-TEXT")
    assert "There are: attached" in refused.body["detail"]
    assert (await lite.call("GET", path)).body["own"] is False
    assert (await lite.call("GET", "/v1/mail-texts/letter/de")).status == 404
    assert (await lite.call("GET", "/v1/mail-texts/invoice/it")).status == 404


async def test_an_account_sees_its_own_texts_only(lite):
    assert (await lite.call("PUT", "/v1/mail-texts/invoice/fr", json=OWN)).status == 200
    other = await lite.gateway.access.create_tenant(slug="other", name="Other")
    lite.key = await lite.new_key(other.id)
    assert (await lite.call("GET", "/v1/mail-texts/invoice/fr")).body["own"] is False
