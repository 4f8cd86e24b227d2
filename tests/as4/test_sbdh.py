"""The business message envelope: every published good and bad one, and round trips of our own."""

import base64
import io
from dataclasses import replace
from datetime import UTC, datetime, timedelta, timezone
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from lxml import etree

from gateway.as4 import identifiers as ids
from gateway.as4.errors import EbmsCode, LocalAs4Error, PeerAs4Error
from gateway.as4.identifiers import DocumentTypeId, ParticipantId
from gateway.as4.sbdh import (
    NAMESPACE,
    MlsType,
    Payload,
    Sbdh,
    check_consistency,
    extract,
    read,
    read_header,
    write,
)
from ubl.safexml import Limits, parse

VECTORS = Path(__file__).resolve().parents[3] / "shared" / "vectors" / "sbdh"
needs_vectors = pytest.mark.skipif(
    not VECTORS.exists(), reason="the third-party envelopes are not there"
)
INVOICE = "urn:oasis:names:specification:ubl:schema:xsd:Invoice-2"
HEADER = Sbdh(
    sender=ParticipantId.of("0088:7300010000001"),
    receiver=ParticipantId.of("0208:0999999922"),
    document_type=ids.BILLING_INVOICE,
    process=ids.PROCESS_BILLING,
    standard=INVOICE,
    type_version="2.1",
    type="Invoice",
    instance_identifier="7b6f0d4e-3f0c-4f60-9b6f-51b1d2a3c4e5",
    created=datetime(2026, 7, 2, 8, 30, 0, 123000, tzinfo=UTC),
    country_c1="SE",
    mls_to=ParticipantId.of("0242:000306"),
    mls_type=MlsType.ALWAYS_SEND,
)
PLAIN = f'<Invoice xmlns="{INVOICE}"><a>é€𝄞</a>\r\n</Invoice>'
LATIN = f'<Invoice xmlns="{INVOICE}">é</Invoice>'
WESTERN = f'<Invoice xmlns="{INVOICE}">€</Invoice>'

ZONES = st.integers(-14 * 60, 14 * 60).map(lambda minutes: timezone(timedelta(minutes=minutes)))

GOOD = {
    "good-additional-scopes.xml": (None, None),
    "good-bis3-full.xml": ("9915:test", MlsType.ALWAYS_SEND),
    "good-bis3-with-country_c1.xml": (None, None),
    "good-bis3-with-mls-to.xml": ("9915:test", None),
    "good-bis3-with-mls-type.xml": (None, MlsType.ALWAYS_SEND),
    "good-bis3.xml": (None, None),
    "good-gxs1.xml": (None, None),
    "good-hybrid-invoice.xml": (None, None),
    "good-order-with-qty-ph.xml": (None, None),
    "good-to-9915-test.xml": (None, None),
    "good-type-version-20.xml": (None, None),
    "good-v11.xml": (None, None),
    "good-with-timezone.xml": (None, None),
    "good.xml": (None, None),
}
BAD = {
    "bad-invalid-business-message.xml": "SBDH-PAYLOAD-MISSING",
    "bad-invalid-creation-date-and-time.xml": "SBDH-CREATION-TIME-INVALID",
    "bad-invalid-document-type-identifier.xml": "SBDH-DOCUMENTID-INVALID",
    "bad-invalid-header-version.xml": "SBDH-HEADER-VERSION",
    "bad-invalid-instance-identifier.xml": "SBDH-INSTANCE-IDENTIFIER-EMPTY",
    "bad-invalid-process-identifier.xml": "SBDH-PROCESSID-INVALID",
    "bad-invalid-receiver-authority.xml": "SBDH-RECEIVER-AUTHORITY",
    "bad-invalid-receiver-value.xml": "SBDH-RECEIVER-INVALID",
    "bad-invalid-sender-authority.xml": "SBDH-SENDER-AUTHORITY",
    "bad-invalid-sender-value.xml": "SBDH-SENDER-INVALID",
    "bad-invalid-standard.xml": "SBDH-STANDARD-MISMATCH",
    "bad-invalid-type-version.xml": "SBDH-TYPE-VERSION-MISMATCH",
    "bad-invalid-type.xml": "SBDH-TYPE-MISMATCH",
    "bad-mls-to-empty.xml": "SBDH-MLS-TO-EMPTY",
    "bad-mls-to-invalid-value.xml": "SBDH-MLS-TO-INVALID",
    "bad-mls-to-no-scheme.xml": "SBDH-MLS-TO-SCHEME",
    "bad-mls-to-no-value.xml": "SBDH-MLS-TO-EMPTY",
    "bad-mls-type-empty.xml": "SBDH-MLS-TYPE-INVALID",
    "bad-mls-type-invalid-value.xml": "SBDH-MLS-TYPE-INVALID",
    "bad-no-business-message.xml": "SBDH-PAYLOAD-MISSING",
    "bad-no-business-scope.xml": "SBDH-BUSINESS-SCOPE-MISSING",
    "bad-no-country-c1.xml": "SBDH-COUNTRY-C1-MISSING",
    "bad-no-document-type-identifier.xml": "SBDH-DOCUMENTID-MISSING",
    "bad-no-process-identifier.xml": "SBDH-PROCESSID-MISSING",
    "bad-no-sbdh.xml": "SBDH-HEADER-MISSING",
    "bad-no-xml.txt": "SBDH-XML-NOT-WELL-FORMED",
    "bad-too-few-receivers.xml": "SBDH-RECEIVER-MISSING",
    # Its two remaining scopes are in order; the country is the one that is not there.
    "bad-too-few-scopes.xml": "SBDH-COUNTRY-C1-MISSING",
    "bad-too-few-senders.xml": "SBDH-SENDER-MISSING",
    "bad-too-many-receivers.xml": "SBDH-RECEIVER-MULTIPLE",
    "bad-too-many-senders.xml": "SBDH-SENDER-MULTIPLE",
}
# Its envelope declares the prefix of the invoice, which must be declared anew.
INHERITING = {"good-bis3.xml"}
# Bare headers, by version of the specification; the country came with 2.0.
GENERATIONS = {
    "peppol-sbdh-1.00.xml": "SBDH-COUNTRY-C1-MISSING",
    "peppol-sbdh-1.01.xml": "SBDH-COUNTRY-C1-MISSING",
    "peppol-sbdh-1.02.xml": "SBDH-COUNTRY-C1-MISSING",
    "peppol-sbdh-1.03.xml": "SBDH-COUNTRY-C1-MISSING",
    "peppol-sbdh-2.00.xml": None,
    "peppol-sbdh-2.01.xml": None,
}


def enveloped(payload, header=HEADER):
    data = payload.encode() if isinstance(payload, str) else payload
    out = io.BytesIO()
    write(header, io.BytesIO(data), out)
    return out.getvalue()


def extracted(data, **options):
    out = io.BytesIO()
    return extract(io.BytesIO(data), out, **options), out.getvalue()


def refusal(data, call=read, **options):
    with pytest.raises(PeerAs4Error) as caught:
        call(io.BytesIO(data), **options)
    assert caught.value.ebms is EbmsCode.OTHER
    assert caught.value.message.endswith(".")
    return caught.value.code


def canonical(element):
    return etree.tostring(element, method="c14n", exclusive=True, with_tail=False)


@needs_vectors
def test_the_tables_cover_every_published_file():
    assert {path.name for path in (VECTORS / "good").iterdir()} == set(GOOD)
    assert {path.name for path in (VECTORS / "bad").iterdir()} == set(BAD)
    assert {path.name for path in VECTORS.glob("*.xml")} == set(GENERATIONS)


@needs_vectors
@pytest.mark.parametrize("name", GOOD)
def test_published_good_envelopes_are_read(name):
    data = (VECTORS / "good" / name).read_bytes()
    header = read(io.BytesIO(data))
    assert read_header(io.BytesIO(data)) == header
    mls_to, mls_type = GOOD[name]
    assert (header.mls_to.value if header.mls_to else None, header.mls_type) == (mls_to, mls_type)
    assert header.country_c1 == "AT"
    assert header.created.utcoffset() == timedelta(0)
    payload, document = extracted(data)
    if payload.is_wrapped:
        assert payload.media_type == "application/pdf"
        assert document.startswith(b"%PDF-")
        assert document.rstrip().endswith(b"%%EOF")
    else:
        assert (document in data) is (name not in INHERITING)
        root = etree.QName(parse(document))
        assert (root.namespace, root.localname) == (header.standard, header.type)


@needs_vectors
@pytest.mark.parametrize("name", GOOD)
def test_extracted_documents_mean_what_they_meant_in_their_envelope(name):
    data = (VECTORS / "good" / name).read_bytes()
    payload, document = extracted(data)
    if payload.is_wrapped:
        text = parse(data)[1].text
        assert base64.b64decode(text) == document
    else:
        assert canonical(parse(document)) == canonical(parse(data)[1])


@needs_vectors
@pytest.mark.parametrize("name", BAD)
def test_published_bad_envelopes_are_refused_for_their_reason(name):
    assert refusal((VECTORS / "bad" / name).read_bytes()) == BAD[name]


@needs_vectors
@pytest.mark.parametrize("name", GENERATIONS)
def test_bare_headers_of_all_generations(name):
    data = (VECTORS / name).read_bytes()
    if GENERATIONS[name] is None:
        assert read_header(io.BytesIO(data)).country_c1 == "IN"
    else:
        assert refusal(data, read_header) == GENERATIONS[name]
    assert refusal(data) == "SBDH-ENVELOPE-MISSING"


@needs_vectors
def test_times_with_zone_become_utc():
    header = read(io.BytesIO((VECTORS / "good" / "good-with-timezone.xml").read_bytes()))
    assert header.created == datetime(2013, 2, 19, 4, 10, 10, tzinfo=UTC)


def test_round_trip_keeps_header_and_bytes():
    data = enveloped(PLAIN)
    assert read(io.BytesIO(data)) == HEADER
    assert extracted(data) == (Payload(INVOICE, "Invoice"), PLAIN.encode())
    assert parse(data)[0].getparent().tag == f"{{{NAMESPACE}}}StandardBusinessDocument"


def test_round_trip_without_mls():
    header = replace(HEADER, mls_to=None, mls_type=None)
    data = enveloped(PLAIN, header)
    assert read(io.BytesIO(data)) == header
    assert b"MLS_" not in data


@given(st.integers(-62_000_000_000, 250_000_000_000), st.integers(0, 999_999), ZONES)
@settings(max_examples=50)
def test_any_creation_time_reads_back(second, micro, zone):
    epoch = datetime(1970, 1, 1, tzinfo=UTC)
    created = (epoch + timedelta(seconds=second, microseconds=micro)).astimezone(zone)
    header = replace(HEADER, created=created)
    assert abs(header.created - created) < timedelta(milliseconds=1)
    assert read(io.BytesIO(enveloped(PLAIN, header))) == header


@pytest.mark.parametrize(
    ("payload", "copied"),
    [
        (f'<?xml version="1.0"?>{PLAIN}'.encode(), PLAIN),
        (f'<?xml version="1.0" encoding="UTF-8"?>\n{PLAIN}'.encode("utf-8-sig"), "\n" + PLAIN),
        (PLAIN.encode("utf-8-sig"), PLAIN),
        (PLAIN.encode("utf-16"), PLAIN),
        (f'<?xml version="1.0" encoding="UTF-16"?>{PLAIN}'.encode("utf-16"), PLAIN),
        (("\ufeff" + PLAIN).encode("utf-16-be"), PLAIN),
        (
            f'<?xml version="1.0" encoding="ISO-8859-1"?>{LATIN}'.encode("latin-1"),
            LATIN,
        ),
        (
            f'<?xml version="1.0" encoding="Windows-1252"?>{WESTERN}'.encode("cp1252"),
            WESTERN,
        ),
        (f"<!-- é -->{PLAIN}<!-- after -->".encode(), f"<!-- é -->{PLAIN}<!-- after -->"),
    ],
)
def test_payloads_lose_mark_and_declaration_and_become_utf8(payload, copied):
    data = enveloped(payload)
    assert copied.encode() in data
    assert data.count(b"<?xml") == 1
    assert b"\xef\xbb\xbf" not in data
    assert read(io.BytesIO(data)) == HEADER


def test_a_payload_without_prefixes_keeps_its_meaning():
    inner = f'<x:Invoice xmlns:x="{INVOICE}"><bare/></x:Invoice>'
    data = enveloped(inner)
    assert parse(data)[1][0].tag == "bare"
    assert extracted(data)[1] == inner.encode()


@pytest.mark.parametrize(
    ("payload", "code"),
    [
        (b"", "SBDH-PAYLOAD-XML-EMPTY"),
        (b"%PDF-1.7", "SBDH-PAYLOAD-XML-NOT-WELL-FORMED"),
        (b"<Invoice>", "SBDH-PAYLOAD-XML-NOT-WELL-FORMED"),
        (b"<p:Invoice/>", "SBDH-PAYLOAD-XML-NOT-WELL-FORMED"),
        (b"<!DOCTYPE Invoice><Invoice/>", "SBDH-PAYLOAD-XML-DOCTYPE"),
        (b'<?xml version="1.0" encoding="EBCDIC-US"?><I/>', "SBDH-PAYLOAD-XML-ENCODING"),
        (b"<Invoice/>", "SBDH-PAYLOAD-MISMATCH"),
        (f'<CreditNote xmlns="{INVOICE}"/>'.encode(), "SBDH-PAYLOAD-MISMATCH"),
    ],
)
def test_what_is_no_business_document_is_not_sent(payload, code):
    with pytest.raises(LocalAs4Error) as caught:
        enveloped(payload)
    assert caught.value.code == code


@pytest.mark.parametrize(
    ("change", "code"),
    [
        ({"country_c1": "se"}, "SBDH-COUNTRY-C1-INVALID"),
        ({"country_c1": ""}, "SBDH-COUNTRY-C1-INVALID"),
        ({"standard": "urn:other"}, "SBDH-STANDARD-MISMATCH"),
        ({"type": "CreditNote"}, "SBDH-TYPE-MISMATCH"),
        ({"type_version": "2.2"}, "SBDH-TYPE-VERSION-MISMATCH"),
        ({"instance_identifier": ""}, "SBDH-INSTANCE-IDENTIFIER-INVALID"),
        ({"instance_identifier": "a\x00b"}, "SBDH-INSTANCE-IDENTIFIER-INVALID"),
    ],
)
def test_a_wrong_header_is_not_sent(change, code):
    with pytest.raises(LocalAs4Error) as caught:
        enveloped(PLAIN, replace(HEADER, **change))
    assert caught.value.code == code


def test_a_time_without_zone_is_a_programming_error():
    with pytest.raises(ValueError, match="time zone"):
        replace(HEADER, created=datetime(2026, 1, 1))  # noqa: DTZ001 - that is the point
    east = datetime(2026, 1, 1, 1, tzinfo=timezone(timedelta(hours=2)))
    assert replace(HEADER, created=east).created.isoformat() == "2025-12-31T23:00:00+00:00"


WHOLE = enveloped(PLAIN).decode()


def changed(old, new, count=1):
    assert WHOLE.count(old) == count, old
    return WHOLE.replace(old, new).encode()


@pytest.mark.parametrize(
    ("old", "new", "code"),
    [
        ("2026-07-02T08:30:00.123Z", "2026-07-02", "SBDH-CREATION-TIME-INVALID"),
        ("2026-07-02T08:30:00.123Z", "2026-02-30T08:30:00Z", "SBDH-CREATION-TIME-INVALID"),
        ("2026-07-02T08:30:00.123Z", "0001-01-01T00:00:00+14:00", "SBDH-CREATION-TIME-INVALID"),
        ("2026-07-02T08:30:00.123Z", "2026-07-02T08:30:00+99:99", "SBDH-CREATION-TIME-INVALID"),
        (">SE<", ">Sweden<", "SBDH-COUNTRY-C1-INVALID"),
        (">COUNTRY_C1<", ">PROCESSID<", "SBDH-PROCESSID-MULTIPLE"),
        ("<sh:Type>Invoice</sh:Type>", "", "SBDH-TYPE-MISSING"),
        ("busdox-docid-qns", "Busdox", "SBDH-DOCUMENTID-INVALID"),
        ("cenbii-procid-ubl", "Bad Scheme", "SBDH-PROCESSID-INVALID"),
        ("</Invoice>", "</Invoice><x/>", "SBDH-PAYLOAD-MULTIPLE"),
        ("<Invoice xmlns", "<Order xmlns", "SBDH-XML-NOT-WELL-FORMED"),
        ("<a>", "<b><a>", "SBDH-XML-NOT-WELL-FORMED"),
        ("é€𝄞", "&nbsp;", "SBDH-XML-NOT-WELL-FORMED"),
        (">1.0<", ">1.0<!-- x -->0<", "SBDH-HEADER-VERSION"),
        ('<?xml version="1.0" encoding="UTF-8"?>', "<!DOCTYPE x>", "SBDH-XML-DOCTYPE"),
        ('encoding="UTF-8"', 'encoding="UTF-7"', "SBDH-XML-ENCODING"),
        ("<a>", "<a>" * 120, "SBDH-XML-TOO-DEEP"),
        ("<a>", f"<!--{'x' * 1_300_000}--><a>", "SBDH-XML-TOKEN-TOO-LONG"),
        (">SE<", f">{'S' * 600_000}<", "SBDH-XML-TOO-LARGE"),
    ],
)
def test_changed_envelopes_are_refused_for_their_reason(old, new, code):
    assert refusal(changed(old, new)) == code


@pytest.mark.parametrize("call", [read, read_header])
def test_a_header_elsewhere_is_no_envelope(call):
    root = "StandardBusinessDocument"
    data = WHOLE.replace(f"<sh:{root} ", "<sh:Other ").replace(f"</sh:{root}>", "</sh:Other>")
    assert refusal(data.encode(), call) == "SBDH-ENVELOPE-MISSING"
    assert refusal(b"<x/>", call) == "SBDH-ENVELOPE-MISSING"
    assert refusal(f'<sh:{root} xmlns:sh="{NAMESPACE}"/>'.encode(), call) == "SBDH-HEADER-MISSING"


def test_sizes_are_bounded():
    data = WHOLE.encode()
    assert read(io.BytesIO(data), limits=Limits(max_bytes=len(data))) == HEADER
    assert refusal(data, limits=Limits(max_bytes=len(data) - 1)) == "SBDH-XML-TOO-LARGE"
    assert refusal(b"") == "SBDH-XML-EMPTY"


def test_elements_are_counted():
    """A hundred megabytes of them are some kilobytes on the wire and a minute of work."""
    many = WHOLE.replace("</Invoice>", "<a/>" * 500 + "</Invoice>")
    assert many != WHOLE
    assert read(io.BytesIO(many.encode()), limits=Limits(max_markup=600)) == HEADER
    assert refusal(many.encode(), limits=Limits(max_markup=500)) == "SBDH-XML-TOO-LARGE"


def test_entities_cannot_be_declared():
    bomb = b'<!DOCTYPE b [<!ENTITY a "x"><!ENTITY c "&a;&a;">]><b>&c;</b>'
    for call in (read, read_header):
        assert refusal(bomb, call) == "SBDH-XML-DOCTYPE"
    with pytest.raises(PeerAs4Error):
        extracted(bomb)


def test_a_mark_that_contradicts_the_declaration_is_refused():
    data = changed('encoding="UTF-8"', 'encoding="ISO-8859-1"')
    assert refusal(b"\xef\xbb\xbf" + data) == "SBDH-XML-ENCODING"


def test_document_header_and_document_must_agree():
    ok = Payload(INVOICE, "Invoice")
    check_consistency(HEADER, ok)
    for payload in (Payload(INVOICE, "Order"), Payload("urn:x", "Invoice")):
        with pytest.raises(PeerAs4Error) as caught:
            check_consistency(HEADER, payload)
        assert caught.value.code == "SBDH-PAYLOAD-MISMATCH"


@pytest.mark.parametrize(
    ("envelope", "document"),
    [
        # (extra declarations and payload inside the envelope, what comes out)
        ('<i:Invoice xmlns:i="{i}"><n/></i:Invoice>', None),
        (
            "<q:Invoice><q:a/></q:Invoice>",
            '<q:Invoice xmlns:q="{i}"><q:a/></q:Invoice>',
        ),
        (
            '<i:Invoice xmlns:i="{i}" q:b="1"/>',
            '<i:Invoice xmlns:q="{i}" xmlns:i="{i}" q:b="1"/>',
        ),
        (
            '<i:Invoice xmlns:i="{i}"><i:a><q:b/></i:a></i:Invoice>',
            '<i:Invoice xmlns:q="{i}" xmlns:i="{i}"><i:a><q:b/></i:a></i:Invoice>',
        ),
        (
            '<i:Invoice xmlns:i="{i}"><i:a xmlns:q="urn:own"><q:b/></i:a></i:Invoice>',
            None,
        ),
        (
            '<i:Invoice xmlns:i="{i}"><i:a xmlns:q="urn:own"><q:b/></i:a><q:c/></i:Invoice>',
            '<i:Invoice xmlns:q="{i}" xmlns:i="{i}">'
            '<i:a xmlns:q="urn:own"><q:b/></i:a><q:c/></i:Invoice>',
        ),
        (
            '<i:Invoice xmlns:i="{i}"><i:a xmlns:x="{x}" x:type="q:T"/></i:Invoice>',
            '<i:Invoice xmlns:q="{i}" xmlns:i="{i}"><i:a xmlns:x="{x}" x:type="q:T"/></i:Invoice>',
        ),
        ('<i:Invoice xmlns:i="{i}" xml:lang="en"/>', None),
        (
            '<i:Invoice xmlns:i="{i}">'
            '<i:a xmlns:q="urn:1"><i:b xmlns:q="urn:2"/><q:c/></i:a></i:Invoice>',
            None,
        ),
    ],
)
@pytest.mark.parametrize("encoding", ["UTF-8", "UTF-16", "ISO-8859-1"])
def test_declarations_of_the_envelope_come_along_when_used(envelope, document, encoding):
    names = {"i": INVOICE, "x": "http://www.w3.org/2001/XMLSchema-instance"}
    inside = envelope.format(**names)
    data = (
        WHOLE.replace(
            "<sh:StandardBusinessDocument ", f'<sh:StandardBusinessDocument xmlns:q="{INVOICE}" '
        )
        .replace(PLAIN, f"<!-- before -->{inside}<!-- after -->")
        .replace('encoding="UTF-8"', f'encoding="{encoding}"')
        .encode(encoding)
    )
    assert read(io.BytesIO(data)) == HEADER
    payload, out = extracted(data)
    assert payload == Payload(INVOICE, "Invoice")
    assert out.decode() == (document or envelope).format(**names)
    assert canonical(parse(out)) == canonical(parse(data).find(f"{{{INVOICE}}}Invoice"))


def test_an_inherited_default_namespace_comes_along():
    data = WHOLE.replace("xmlns:sh", "xmlns").replace("<sh:", "<").replace("</sh:", "</")
    inside = f'<i:Invoice xmlns:i="{INVOICE}"><n/></i:Invoice>'
    payload, out = extracted(data.replace(PLAIN, inside).encode())
    assert payload == Payload(INVOICE, "Invoice")
    assert parse(out)[0].tag == f"{{{NAMESPACE}}}n"


HYBRID = replace(
    HEADER,
    document_type=DocumentTypeId(
        "busdox-docid-qns",
        "urn:peppol:doctype:pdf+xml##urn:peppol:france:billing:Factur-X:1.0::D22B",
    ),
    standard="urn:peppol:doctype:pdf+xml",
    type_version="0",
    type="factur-x",
)
WRAPPER = '<{0} xmlns="http://peppol.eu/xsd/ticc/envelope/1.0" mimeType="{1}">{2}</{0}>'


@settings(max_examples=40)
@given(st.binary(max_size=300), st.integers(1, 80), st.sampled_from(["\n", "\r\n", " ", "&#32;"]))
def test_binary_content_is_decoded(content, width, gap):
    letters = base64.b64encode(content).decode()
    wrapped = gap.join(letters[n : n + width] for n in range(0, len(letters), width))
    data = enveloped(WRAPPER.format("BinaryContent", "application/pdf", wrapped), HYBRID)
    payload, out = extracted(data)
    assert read(io.BytesIO(data)) == HYBRID
    assert (payload.media_type, payload.is_wrapped, out) == ("application/pdf", True, content)


@pytest.mark.parametrize("letters", ["AAA", "AA*A", "é", "AA==AAAA", "AA==\nAAAA", "=AAA"])
def test_binary_content_that_is_no_base64_is_refused(letters):
    data = enveloped(WRAPPER.format("BinaryContent", "a/b", letters), HYBRID)
    with pytest.raises(PeerAs4Error) as caught:
        extracted(data)
    assert caught.value.code == "SBDH-PAYLOAD-BASE64"


def test_text_content_is_written_as_utf8():
    data = enveloped(
        WRAPPER.format("TextContent", "text/plain", "a &lt; é\n<![CDATA[<b>]]>"), HYBRID
    )
    payload, out = extracted(data)
    assert (payload.media_type, out.decode()) == ("text/plain", "a < é\n<b>")


def test_a_wrapper_does_not_pass_for_a_document_type_with_a_root():
    inside = WRAPPER.format("BinaryContent", "application/pdf", "")
    assert refusal(WHOLE.replace(PLAIN, inside).encode()) == "SBDH-PAYLOAD-MISMATCH"


def test_large_documents_pass_through_in_pieces():
    class Watched(io.BytesIO):
        largest = 0

        def read(self, size: int | None = -1) -> bytes:
            data = super().read(size)
            self.largest = max(self.largest, len(data))
            return data

    line = "<l>" + "é" * 1000 + "</l>"
    inner = f'<Invoice xmlns="{INVOICE}">{line * 2000}</Invoice>'
    source = Watched(enveloped(inner))
    out = io.BytesIO()
    extract(source, out)
    assert out.getvalue() == inner.encode()
    assert source.largest <= 65536


@settings(max_examples=40)
@given(
    st.text(st.characters(exclude_categories=["Cs", "Cc"]), max_size=70),
    st.integers(0, 3),
    st.sampled_from(["utf-8", "utf-16-le", "utf-16-be"]),
)
def test_payload_bytes_survive_whatever_they_are(text, blanks, encoding):
    escaped = text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    escaped = "".join(c for c in escaped if c not in "\ufffe\uffff")
    inner = f'<Invoice xmlns="{INVOICE}"{" " * blanks}>{escaped}<!-- {blanks} --></Invoice >'
    mark = "" if encoding == "utf-8" else "\ufeff"
    data = enveloped((mark + inner).encode(encoding))
    assert extracted(data)[1] == inner.encode()


@settings(max_examples=200)
@given(st.integers(0, len(WHOLE.encode()) - 1), st.integers(0, 255))
def test_damaged_envelopes_are_read_or_refused(position, value):
    data = bytearray(WHOLE.encode())
    data[position] = value
    for call in (read, read_header):
        try:
            outcome = call(io.BytesIO(bytes(data))).country_c1
        except PeerAs4Error as error:
            outcome = error.code
        assert len(outcome) == 2 or outcome.startswith("SBDH-")


@settings(max_examples=60)
@given(st.integers(0, len(WHOLE.encode()) - 1))
def test_truncated_envelopes_are_refused(end):
    assert refusal(WHOLE.encode()[:end]).startswith("SBDH-")
