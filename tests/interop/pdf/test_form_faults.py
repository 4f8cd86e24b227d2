"""Every fault of PDF/A-3 that validation calls certain is one for veraPDF too."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pikepdf
import pytest

from schematron import pdf

pytestmark = pytest.mark.interop

GOOD = (
    Path(__file__).resolve().parents[4]
    / "shared/corpus/pdf-mustang/library_src_test_resources_MustangBeispiel20221026.pdf"
)


def _unembedded(document: pikepdf.Pdf) -> None:
    for one in document.objects:
        if isinstance(one, pikepdf.Dictionary):
            for name in ("/FontFile", "/FontFile2", "/FontFile3"):
                if name in one:
                    del one[name]


def _script(document: pikepdf.Pdf) -> None:
    document.Root.OpenAction = pikepdf.Dictionary(S=pikepdf.Name.JavaScript, JS="app.beep(0)")


def _trigger(document: pikepdf.Pdf) -> None:
    action = pikepdf.Dictionary(S=pikepdf.Name.URI, URI="https://example.org")
    document.Root.AA = pikepdf.Dictionary(WC=action)


def _page_trigger(document: pikepdf.Pdf) -> None:
    action = pikepdf.Dictionary(S=pikepdf.Name.URI, URI="https://example.org")
    document.pages[0].obj.AA = pikepdf.Dictionary(O=action)


def _form(document: pikepdf.Pdf) -> None:
    document.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(), NeedAppearances=True)


def _xfa(document: pikepdf.Pdf) -> None:
    stream = document.make_stream(b"<xdp/>")
    document.Root.AcroForm = pikepdf.Dictionary(Fields=pikepdf.Array(), XFA=stream)


def _one_name(document: pikepdf.Pdf) -> None:
    del document.Root.AF[0].F


def _no_type(document: pikepdf.Pdf) -> None:
    del document.Root.AF[0].EF.F.Subtype


BREAKERS: dict[str, tuple[Callable[[pikepdf.Pdf], Any], str]] = {
    "font": (_unembedded, "PDF-A-FONT"),
    "script": (_script, "PDF-A-ACTION"),
    "trigger": (_trigger, "PDF-A-TRIGGER"),
    "page-trigger": (_page_trigger, "PDF-A-TRIGGER"),
    "form": (_form, "PDF-A-FORM"),
    "xfa": (_xfa, "PDF-A-FORM"),
    "one-name": (_one_name, "PDF-A-FILE-NAME"),
    "no-type": (_no_type, "PDF-A-FILE-TYPE"),
}


@pytest.mark.skipif(not GOOD.exists(), reason="NOT CHECKED: needs ../shared/corpus")
def test_verapdf_agrees_with_every_fault(judge, tmp_path: Path) -> None:
    files = {"good": tmp_path / "good.pdf", "no-id": tmp_path / "no-id.pdf"}
    files["good"].write_bytes(GOOD.read_bytes())
    # Written without an identifier by nobody we could ask, so the key is made another one.
    files["no-id"].write_bytes(GOOD.read_bytes().replace(b"/ID", b"/IX"))
    for name, (breaker, _) in BREAKERS.items():
        files[name] = tmp_path / f"{name}.pdf"
        with pikepdf.open(GOOD) as document:
            breaker(document)
            document.save(files[name], linearize=False)
    said = judge(archived=list(files.values()))
    verdicts = {name: said[(f"{name}.pdf", "veraPDF PDF/A-3b")] for name in files}
    assert verdicts.pop("good").said == "PDF/A-3b"
    assert {name for name, one in verdicts.items() if one.said != "not PDF/A-3b"} == set()
    wanted = {name: code for name, (_, code) in BREAKERS.items()} | {"no-id": "PDF-A-ID"}
    for name, code in wanted.items():
        found = pdf.read(files[name].read_bytes()).faults
        assert [one.code for one in found or ()] == [code], name
