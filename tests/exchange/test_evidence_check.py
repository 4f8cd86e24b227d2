"""A bundle holds until somebody touches it; a bundle that is none is said to be none."""

import gzip
import hashlib
import json
import warnings
from collections.abc import Callable
from io import BytesIO
from typing import Any
from zipfile import ZIP_DEFLATED, ZipFile

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from gateway.exchange.evidence_check import check_evidence


def unzip(bundle: bytes) -> dict[str, bytes]:
    with ZipFile(BytesIO(bundle)) as packed:
        return {name: packed.read(name) for name in packed.namelist()}


def zipped(files: dict[str, bytes]) -> bytes:
    out = BytesIO()
    with ZipFile(out, "w", ZIP_DEFLATED) as packed:
        for name, content in files.items():
            packed.writestr(name, content)
    return out.getvalue()


def manifest_peers(files: dict[str, bytes]) -> list[str]:
    """The certificates of the other side."""
    return [one["peer_certificate"] for one in json.loads(files["manifest.json"])["messages"]]


def broken(bundle: bytes) -> list[str]:
    return [one.statement for one in check_evidence(bundle) if not one.holds]


def forged(bundle: bytes, change: Callable[[dict[str, bytes], dict[str, Any]], None]) -> bytes:
    """Change files and manifest, and make the manifest's digests right again."""
    files = unzip(bundle)
    manifest = json.loads(files["manifest.json"])
    change(files, manifest)
    for name in [one for one in manifest["files"] if one not in files]:
        del manifest["files"][name]
    files.pop("SHA256SUMS")
    sums = {name: hashlib.sha256(one).hexdigest() for name, one in files.items()}
    del sums["manifest.json"]
    listed = "".join(f"{digest}  {name}\n" for name, digest in sums.items())
    files["SHA256SUMS"] = listed.encode()
    sums["SHA256SUMS"] = hashlib.sha256(files["SHA256SUMS"]).hexdigest()
    for name, digest in sums.items():
        manifest["files"].setdefault(name, {})["sha256"] = digest
    files["manifest.json"] = json.dumps(manifest).encode()
    return zipped(files)


def test_an_untouched_bundle_holds(bundles):
    for bundle in (bundles.sent, bundles.received):
        checks = check_evidence(bundle)
        assert all(one.holds for one in checks), checks
        assert len(checks) > 20


def test_the_bundle_holds_both_ways_of_the_conversation(bundles):
    manifest = json.loads(unzip(bundles.sent)["manifest.json"])
    assert [one["direction"] for one in manifest["messages"]] == ["out"]
    assert sorted(one["kind"] for one in manifest["answers"]) == ["invoice-response", "mls"]
    assert unzip(bundles.sent)["document.xml"] == bundles.document


def test_one_flipped_byte_is_found_in_every_file(bundles):
    for bundle in (bundles.sent, bundles.received):
        files = unzip(bundle)
        for name in files.keys() - {"manifest.json"}:
            content = bytearray(files[name])
            content[len(content) // 2] ^= 1
            assert broken(zipped({**files, name: bytes(content)})), name


def test_a_missing_and_an_added_file_are_found(bundles):
    files = unzip(bundles.sent)
    for name in files:
        rest = {one: content for one, content in files.items() if one != name}
        assert broken(zipped(rest)), name
    assert broken(zipped({**files, "extra.txt": b"x"})) == ["lists every file it holds"]


@pytest.mark.parametrize("part", ["request.mime", "receipt.xml", "envelope.xml", "payload.gz"])
def test_a_part_of_another_message_does_not_fit(bundles, part):
    """Even with a manifest made to fit: signatures tie the pieces together."""
    sent = unzip(bundles.received)
    other = next(sent[one] for one in sorted(sent) if "answer-" in one and one.endswith(part))

    def exchange(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
        files[f"message-01-sent/{part}"] = other

    assert broken(forged(bundles.sent, exchange))


def test_another_certificate_does_not_fit(bundles, pki):
    third = pki.seat("POP000303").certificate.public_bytes(Encoding.PEM)

    def exchange(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
        (name,) = (one for one in manifest_peers(files) if one.startswith("message-01"))
        files[name] = third

    (found,) = (one for one in check_evidence(forged(bundles.sent, exchange)) if not one.holds)
    assert found.reason.startswith("AS4-RECEIPT-SIGNER")
    assert broken(forged(bundles.received, exchange)) == [
        "the request is signed by the named sender"
    ]


def test_another_document_in_its_place_is_found(bundles):
    def exchange(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
        files["document.xml"] = files["document.xml"].replace(b"VT-1", b"VT-2")

    for bundle in (bundles.sent, bundles.received):
        assert broken(forged(bundle, exchange)) == ["the envelope carries the document"]


def test_another_answer_in_its_place_is_found(bundles):
    def exchange(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
        name = next(one for one in files if one.endswith("invoice-response/document.xml"))
        files[name] = files[name].replace(b">AP<", b">RE<")

    assert broken(forged(bundles.sent, exchange)) == ["the envelope carries the document"]


def test_another_encoding_is_the_same_document(bundles):
    def exchange(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
        text = files["document.xml"].decode().replace("UTF-8", "ISO-8859-1")
        files["document.xml"] = text.encode("iso-8859-1")

    assert broken(forged(bundles.sent, exchange)) == []


def test_a_bundle_without_a_receipt_says_so(bundles):
    def take(_files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        manifest["messages"][0]["receipt"] = None

    assert broken(forged(bundles.sent, take)) == ["a receipt is there"]


def test_a_message_that_was_given_up_for_another_needs_no_receipt(bundles):
    def add(_files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        manifest["messages"].insert(0, {**manifest["messages"][0], "receipt": None})

    assert broken(forged(bundles.sent, add)) == []


def test_digests_that_the_manifest_only_claims_are_found(bundles):
    def claim(_files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        manifest["messages"][0]["references"][0]["digest"] = "AAAA"

    assert "the request states the digests of the manifest" in broken(forged(bundles.sent, claim))


def test_a_payload_that_expands_without_end_is_not_unpacked(bundles):
    def bomb(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
        files["message-01-sent/payload.gz"] = gzip.compress(bytes(64 * 1024 * 1024))

    assert "the payload is the envelope" in broken(forged(bundles.sent, bomb))


def test_a_zip_that_claims_to_be_huge_is_not_unpacked(monkeypatch, bundles):
    monkeypatch.setattr("gateway.exchange.evidence_files._MAX_BUNDLE_BYTES", 4096)
    found = check_evidence(bundles.sent)
    assert [(one.statement, one.holds) for one in found] == [
        ("is a readable evidence bundle", False)
    ]
    assert "unpacks to more" in found[0].reason


def test_an_authority_that_did_not_issue_the_certificate_is_found(bundles):
    def exchange(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        (message,) = manifest["messages"]
        _, root = x509.load_pem_x509_certificates(files[message["peer_issuers"]])
        files[message["peer_issuers"]] = root.public_bytes(Encoding.PEM)

    for bundle in (bundles.sent, bundles.received):
        assert broken(forged(bundle, exchange)) == ["was issued by the authorities beside it"]


def test_a_certificate_that_was_not_valid_at_the_moment_is_found(bundles):
    def date_back(_files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        (message,) = manifest["messages"]
        message.update(receipt=None, delivered_at="2001-01-01T00:00:00+00:00")

    assert "was valid at that moment" in broken(forged(bundles.sent, date_back))


def test_another_address_than_the_smp_published_is_found(bundles):
    def move(_files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        manifest["messages"][0]["endpoint"] = "https://elsewhere.example/as4"

    assert broken(forged(bundles.sent, move)) == [
        "holds the SMP's signed answer with this address and certificate"
    ]


def test_a_received_payload_that_was_not_signed_is_found(bundles):
    def repack(files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        name = manifest["messages"][0]["payload"]
        files[name] = gzip.compress(gzip.decompress(files[name]), compresslevel=1)

    assert broken(forged(bundles.received, repack)) == ["the signed digest is that of the payload"]


def test_a_list_of_sums_that_differs_from_the_manifest_is_found(bundles):
    files = unzip(bundles.sent)
    sums = files["SHA256SUMS"].replace(b"document.xml", b"document.old")
    manifest = json.loads(files["manifest.json"])
    manifest["files"]["SHA256SUMS"]["sha256"] = hashlib.sha256(sums).hexdigest()
    changed = {**files, "SHA256SUMS": sums, "manifest.json": json.dumps(manifest).encode()}
    assert broken(zipped(changed)) == ["says the same as the manifest"]


def test_a_file_is_read_like_bytes_and_left_open(bundles):
    file = BytesIO(bundles.sent)
    assert check_evidence(file) == check_evidence(bundles.sent)
    assert not file.closed


def test_large_documents_are_compared_byte_by_byte(bundles, monkeypatch):
    monkeypatch.setattr("gateway.exchange.evidence_check._COMPARED", 0)
    for bundle in (bundles.sent, bundles.received):
        assert broken(bundle) == []

    def exchange(files: dict[str, bytes], _manifest: dict[str, Any]) -> None:
        files["document.xml"] = files["document.xml"].replace(b"</Invoice>", b"<!-- --></Invoice>")

    assert broken(forged(bundles.sent, exchange)) == ["the envelope carries the document"]


def test_two_files_of_one_name_are_no_evidence(bundles):
    out = BytesIO(bundles.sent)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # zipfile warns of what this test is about
        with ZipFile(out, "a") as packed:
            packed.writestr("document.xml", b"<other/>")
    assert "two files of one name" in check_evidence(out.getvalue())[0].reason


@pytest.mark.parametrize("content", [b"", b"PK", b"no zip at all", b"PK\x05\x06" + bytes(18)])
def test_what_is_no_bundle_is_said_to_be_none(content):
    assert broken(content) == ["is a readable evidence bundle"]


@pytest.mark.parametrize(
    "manifest",
    [b"", b"null", b"[]", b"7", b"\xff", b"{}", b"[" * 100_000, b'{"files": []}',
     b'{"files": {"a": 1}, "messages": [], "answers": []}',
     b'{"files": {}, "messages": {}, "answers": []}',
     b'{"files": {}, "messages": [7], "answers": []}',
     b'{"files": {}, "messages": [], "answers": [{}]}',
     b'{"files": {}, "messages": [], "answers": [{"messages": [], "file": 3}]}',
     b'{"files": {}, "messages": [], "answers": {"messages": []}}'],
)  # fmt: skip
def test_a_manifest_of_the_wrong_shape_is_no_bundle(manifest):
    assert broken(zipped({"manifest.json": manifest})) == ["is a readable evidence bundle"]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers(-9, 9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=4,
)


@given(field=st.integers(0, 40), value=json_values)
@settings(
    max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture]
)
def test_no_value_in_a_message_makes_the_check_fail_to_answer(bundles, field, value):
    def spoil(_files: dict[str, bytes], manifest: dict[str, Any]) -> None:
        messages = [*manifest["messages"], *manifest["answers"][0]["messages"]]
        message = messages[field % len(messages)]
        message[sorted(message)[field % len(message)]] = value

    assert check_evidence(forged(bundles.sent, spoil))
