"""Hostile documents: a clear answer within two seconds and a hundred megabytes, each.

Those of the third-party corpus and our own: what breaks parsers, readers of PDF and of envelopes.
Measured in a process of their own, started like the gateway's workers. That such a process is
ended when a rule never ends, and the next document served, is shown with the gateway's pool.
"""

import io
import json
import subprocess
import sys
import zlib
from base64 import b64encode
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest

pytestmark = pytest.mark.corpus

HERE = Path(__file__).resolve().parent
CORPUS = HERE.parents[2] / "shared" / "corpus"
MAX_SECONDS = 2.0
MAX_GROWTH_MB = 100.0
MEGA = 1024 * 1024

UBL = "urn:oasis:names:specification:ubl:schema:xsd"
OPEN = (
    f'<Invoice xmlns="{UBL}:Invoice-2" xmlns:cbc="{UBL}:CommonBasicComponents-2" '
    f'xmlns:cac="{UBL}:CommonAggregateComponents-2">'
    "<cbc:CustomizationID>urn:cen.eu:en16931:2017</cbc:CustomizationID>"
)
SMALL = f"{OPEN}<cbc:ID>1</cbc:ID></Invoice>"
SBDH = "http://www.unece.org/cefact/namespaces/StandardBusinessDocumentHeader"
REFUSED = ("unreadable",)
JUDGED = ("invalid", "undetermined", "unreadable")


def pdf_with(name: str, stream: bytes, **entries: Any) -> bytes:
    """A PDF with one embedded file whose stream is as given, filters and all."""
    document = pikepdf.new()
    document.add_blank_page()
    file = document.make_stream(stream, **entries)
    spec = document.make_indirect(
        pikepdf.Dictionary(
            Type=pikepdf.Name.Filespec,
            F=name,
            UF=name,
            EF=pikepdf.Dictionary(F=file, UF=file),
            AFRelationship=pikepdf.Name.Data,
        )
    )
    names = pikepdf.Array([pikepdf.String(name), spec])
    document.Root.Names = pikepdf.Dictionary(EmbeddedFiles=pikepdf.Dictionary(Names=names))
    document.Root.AF = pikepdf.Array([spec])
    out = io.BytesIO()
    document.save(out, stream_decode_level=pikepdf.StreamDecodeLevel.none, compress_streams=False)
    return out.getvalue()


def flate_bomb(size: int, rounds: int = 1) -> bytes:
    packer = zlib.compressobj(9)
    block = b" " * MEGA
    data = b"".join(packer.compress(block) for _ in range(size // MEGA)) + packer.flush()
    for _ in range(rounds - 1):
        data = zlib.compress(data, 9)
    return data


def _object(number: int) -> bytes:
    first = {
        1: b"<</Type/Catalog/Pages 2 0 R>>",
        2: b"<</Type/Pages/Kids[3 0 R]/Count 1>>",
        3: b"<</Type/Page/Parent 2 0 R/MediaBox[0 0 9 9]>>",
    }
    return first.get(number, b"<</A[1 0 R]>>")


def many_objects() -> bytes:
    """A hundred thousand objects, written by hand: small, and all of them in the table."""
    out, offsets = bytearray(b"%PDF-1.7\n"), []
    count = 100_000
    for number in range(1, count + 1):
        offsets.append(len(out))
        body = _object(number)
        out += b"%d 0 obj %s endobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (count + 1)
    out += b"".join(b"%010d 00000 n \n" % offset for offset in offsets)
    out += b"trailer <</Size %d/Root 1 0 R>>\nstartxref\n%d\n%%%%EOF" % (count + 1, start)
    return bytes(out)


def lzw(megabytes: int) -> bytes:
    """Pack zeros so that every code stands for one byte more than the code before."""
    out, held, bits, total = bytearray(), 0, 0, 0

    def put(code: int, width: int) -> None:
        nonlocal held, bits
        held, bits = (held << width) | code, bits + width
        while bits >= 8:
            bits -= 8
            out.append((held >> bits) & 0xFF)
            held &= (1 << bits) - 1

    while total < megabytes * MEGA:
        put(256, 12 if total else 9)
        put(0, 9)
        for code in range(258, 4094):
            put(code, min(12, max(9, (code + 1).bit_length())))
            total += code - 256
    put(257, 12)
    put(0, 7)
    return bytes(out)


def table_of(filter_name: bytes, packed: bytes) -> bytes:
    """A PDF whose table of objects, unpacked by whoever opens the file, is as given."""
    head = b"%PDF-1.7\n"
    entry = b"1 0 obj <</Type/XRef/W[1 2 1]/Size 9000000/Root 2 0 R/Filter/%s/Length %d>>" % (
        filter_name,
        len(packed),
    )
    return head + entry + b"stream\n" + packed + b"\nendstream endobj\nstartxref\n9\n%%EOF"


def chained_tables() -> bytes:
    """Fifty tables of objects, each naming the one before and unpacking to megabytes."""
    packed = zlib.compress(b"\x01\x00\x09\x00" * 260_000, 9)
    out, before = bytearray(b"%PDF-1.7\n"), 0
    for number in range(1, 50):
        start = len(out)
        previous = b"/Prev %d" % before if before else b""
        out += b"%d 0 obj <</Type/XRef/W[1 2 1]/Size 260000/Root 2 0 R%s" % (number, previous)
        out += b"/Filter/FlateDecode/Length %d>>stream\n" % len(packed)
        out += packed + b"\nendstream endobj\n"
        before = start
    return bytes(out + b"startxref\n%d\n%%%%EOF" % before)


def circular_names() -> bytes:
    document = pikepdf.new()
    document.add_blank_page()
    node = document.make_indirect(pikepdf.Dictionary())
    node.Kids = pikepdf.Array([node, node])
    document.Root.Names = pikepdf.Dictionary(EmbeddedFiles=node)
    out = io.BytesIO()
    document.save(out)
    return out.getvalue()


def encrypted() -> bytes:
    document = pikepdf.open(io.BytesIO(pdf_with("factur-x.xml", SMALL.encode())))
    out = io.BytesIO()
    document.save(out, encryption=pikepdf.Encryption(owner="o", user="u"))
    return out.getvalue()


def wrapped(inner: str, times: int) -> str:
    for _ in range(times):
        inner = (
            f'<s:StandardBusinessDocument xmlns:s="{SBDH}"><s:StandardBusinessDocumentHeader/>'
            f"{inner}</s:StandardBusinessDocument>"
        )
    return inner


def packed(data: bytes) -> str:
    text = b64encode(data).decode("ascii")
    name = "http://peppol.eu/xsd/ticc/envelope/1.0"
    return wrapped(f'<BinaryContent xmlns="{name}" mimeType="x/y">{text}</BinaryContent>', 1)


def packed_in_packed(times: int) -> bytes:
    data = SMALL.encode()
    for _ in range(times):
        data = packed(data).encode()
    return data


# Each says how it is made, and which verdicts are right.
OWN: dict[str, tuple[Callable[[], str | bytes], tuple[str, ...]]] = {
    "spaces-100-mb": (lambda: b" " * (100 * MEGA), REFUSED),
    "zeros-50-mb": (lambda: b"\0" * (50 * MEGA), REFUSED),
    "open-tags": (lambda: b"<a>" * 1_000_000, REFUSED),
    "deep-nesting": (
        lambda: OPEN + "<cbc:Note>" * 20_000 + "</cbc:Note>" * 20_000 + "</Invoice>",
        REFUSED,
    ),
    "deep-nesting-large": (
        lambda: OPEN + "<cbc:Note>" * 3000 + "x" * 11 * MEGA + "</cbc:Note>" * 3000 + "</Invoice>",
        REFUSED,
    ),
    "million-attributes": (
        lambda: SMALL.replace(
            "<cbc:ID>", "<cbc:ID " + "".join(f'a{n}="" ' for n in range(10**6)) + ">"
        ),
        REFUSED,
    ),
    "same-attribute-twice": (
        lambda: SMALL.replace("<cbc:ID>", '<cbc:ID a="1" a="2">'),
        REFUSED,
    ),
    "many-namespaces": (
        lambda: (
            OPEN + "".join(f'<n{n}:x xmlns:n{n}="urn:{n}"/>' for n in range(20_000)) + "</Invoice>"
        ),
        JUDGED,
    ),
    "schema-faults": (lambda: OPEN + "<cbc:Nope/>" * 100_000 + "</Invoice>", JUDGED),
    "long-comment": (
        lambda: f"<!--{'x' * (8 * MEGA)}-->{SMALL}",
        JUDGED,
    ),
    "long-name": (lambda: f"<{'x' * (4 * MEGA)}/>", (*REFUSED, "undetermined")),
    "utf-7": (lambda: b"+ADw?xml version=+ACI-1.0+ACI?+AD4APA-a/+AD4-", REFUSED),
    "utf-7-declared": (lambda: b'<?xml version="1.0" encoding="UTF-7"?><a/>', REFUSED),
    "utf-32": (lambda: SMALL.encode("utf-32"), REFUSED),
    "ebcdic": (lambda: f'<?xml version="1.0" encoding="cp037"?>{SMALL}'.encode("cp037"), REFUSED),
    "lying-utf-16": (
        lambda: f'<?xml version="1.0" encoding="UTF-16"?>{SMALL}',
        REFUSED,
    ),
    "lying-utf-8": (
        lambda: (
            b'<?xml version="1.0" encoding="UTF-8"?>'
            + SMALL.replace(">1<", ">\xe9<").encode("latin-1")
        ),
        REFUSED,
    ),
    "nul-bytes": (lambda: SMALL.replace(">1<", ">\x00<"), REFUSED),
    "parameter-entities": (
        lambda: b'<!DOCTYPE a [<!ENTITY % x SYSTEM "file:///etc/passwd">%x;]><a/>',
        REFUSED,
    ),
    "xinclude": (
        lambda: SMALL.replace(
            "<cbc:ID>1</cbc:ID>",
            '<x:include xmlns:x="http://www.w3.org/2001/XInclude" href="file:///etc/passwd" '
            'parse="text"/>',
        ),
        JUDGED,
    ),
    "xml-stylesheet": (
        lambda: '<?xml-stylesheet href="http://127.0.0.1:9/x.xsl"?>' + SMALL,
        JUDGED,
    ),
    "sbdh-in-sbdh-in-sbdh": (lambda: wrapped(SMALL, 40), REFUSED),
    "base64-in-base64": (lambda: packed_in_packed(8), REFUSED),
    "base64-nonsense": (lambda: packed(b"x").replace("eA==", "e==A"), REFUSED),
    "base64-large": (lambda: packed(b" " * (20 * MEGA)), REFUSED),
    "pdf-in-sbdh-bomb": (
        lambda: packed(
            pdf_with("factur-x.xml", flate_bomb(1000 * MEGA), Filter=pikepdf.Name.FlateDecode)
        ),
        REFUSED,
    ),
    "pdf-bomb": (
        lambda: pdf_with("factur-x.xml", flate_bomb(1000 * MEGA), Filter=pikepdf.Name.FlateDecode),
        REFUSED,
    ),
    "pdf-bomb-in-bomb": (
        lambda: pdf_with(
            "factur-x.xml",
            flate_bomb(1000 * MEGA, 2),
            Filter=pikepdf.Array([pikepdf.Name.FlateDecode] * 2),
        ),
        REFUSED,
    ),
    "pdf-objects": (many_objects, REFUSED),
    "pdf-table-lzw": (lambda: table_of(b"LZWDecode", lzw(1000)), REFUSED),
    "pdf-table-lzw-escaped": (lambda: table_of(b"LZ#57Decode", lzw(1000)), REFUSED),
    "pdf-table-flate": (lambda: table_of(b"FlateDecode", flate_bomb(1000 * MEGA)), REFUSED),
    "pdf-table-entries": (
        lambda: table_of(b"FlateDecode", zlib.compress(b"\x01\x00\x09\x00" * 520_000)),
        REFUSED,
    ),
    "pdf-tables-chained": (chained_tables, REFUSED),
    "pdf-circle": (circular_names, REFUSED),
    "pdf-encrypted": (encrypted, REFUSED),
    "pdf-cut": (lambda: pdf_with("factur-x.xml", SMALL.encode())[:-200], REFUSED),
    "pdf-header-only": (lambda: b"%PDF-1.7", REFUSED),
    "zip-bomb": (lambda: b"PK\x03\x04" + flate_bomb(1000 * MEGA), REFUSED),
}


def corpus_cases() -> dict[str, dict[str, Any]]:
    index = CORPUS / "index.jsonl"
    if not index.is_file():
        pytest.skip("the third-party corpus is not beside the checkout (../shared/corpus)")
    lines = map(json.loads, index.read_text(encoding="utf-8").splitlines())
    return {case["id"].partition("/")[2]: case for case in lines if case["suite"] == "hostile"}


def measured(store: str, warm: Path, files: list[Path]) -> dict[str, dict[str, Any]]:
    if not Path("/proc/self/clear_refs").exists():
        pytest.skip("this system does not tell a process its peak of memory (/proc)")
    command = [sys.executable, str(HERE / "hostile_probe.py"), store, str(warm), *map(str, files)]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=300)
    assert done.returncode == 0, done.stderr[-2000:]
    results = map(json.loads, done.stdout.splitlines())
    return {result["name"]: result for result in results}


def test_every_hostile_document_is_answered(tmp_path: Path, tell: Any) -> None:
    cases = corpus_cases()
    files = [CORPUS / case["file"] for case in cases.values()]
    for name, (make, _) in OWN.items():
        made = make()
        (tmp_path / f"{name}.bin").write_bytes(made.encode() if isinstance(made, str) else made)
        files.append(tmp_path / f"{name}.bin")
    warm = CORPUS / cases["cdata"]["file"]
    results = measured("", warm, files)
    faults = []
    for name, result in results.items():
        tell(
            "hostile",
            name,
            f"{name:26} {result['verdict']:13} {result['seconds']:6.3f} s "
            f"{result['growth_mb']:6.1f} MB  {', '.join(result['rules'])}",
        )
        expected = _expected(name, cases)
        if result["verdict"] not in expected:
            faults.append(f"{name}: {result['verdict']} {result['rules']}, expected {expected}")
        if result["growth_mb"] > MAX_GROWTH_MB or result["seconds"] > MAX_SECONDS:
            faults.append(f"{name}: {result['seconds']} s, {result['growth_mb']} MB more")
    assert faults == []
    assert len(results) == len(cases) + len(OWN)


def _expected(name: str, cases: dict[str, dict[str, Any]]) -> tuple[str, ...]:
    if name in OWN:
        return OWN[name][1]
    expected = cases[name]["expected"]
    if expected.get("reject"):
        return REFUSED
    if expected.get("undetermined"):
        return ("undetermined",)
    return ("valid",) if expected["valid"] else ("invalid",)
