"""Templates, scripts and styles keep to the content security policy and the manifest."""

import hashlib
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

import gateway
from gateway.web.i18n import Catalogues
from gateway.web.render import PACKAGES, environment

SOURCE = Path(gateway.__file__).parent
TEMPLATES = sorted(SOURCE.glob("*/templates/*.html"))
STATIC = SOURCE / "web" / "static"


@pytest.mark.parametrize("file", TEMPLATES, ids=lambda one: f"{one.parts[-3]}/{one.name}")
def test_templates_compile_and_hold_no_inline_script_or_style(file: Path) -> None:
    environment().get_template(f"{file.parts[-3]}/{file.name}")
    text = file.read_text()
    assert not re.search(r"<script(?![^>]*\bsrc=)", text)
    assert not re.search(r"\sstyle=|\son[a-z]+=|javascript:|hx-on|js:", text)
    # The payer's page comes in one round trip; its policy names the style by its digest.
    assert "<style" not in text or file.name == "payer.html"
    assert "|safe" not in text.replace(" ", "")


def test_there_are_templates() -> None:
    assert len(TEMPLATES) > 10


@pytest.mark.parametrize(
    ("who", "shown"),
    [
        ("an@vuurtoren.example", "an@vuurtoren.example"),
        ("api-key 0193 (<Bookkeeping>)", "&lt;Bookkeeping&gt; (clé d’API)"),
        ("root (command line)", "root (ligne de commande)"),
        ("payer (payment link)", "Payeur (lien de paiement)"),
    ],
)
def test_whoever_acted_is_named_for_people(who: str, shown: str) -> None:
    french = Catalogues.of(PACKAGES).words(
        "fr", zone=ZoneInfo("Europe/Brussels"), now=datetime(2026, 11, 22, tzinfo=UTC)
    )
    source = '{% import "web/components.html" as ui with context %}{{ ui.actor(who) }}'
    text = environment().from_string(source).render(t=french, who=who)
    assert re.sub(r"<[^>]+>", "", text).strip() == shown


def test_third_party_files_are_those_of_the_manifest() -> None:
    folder = STATIC / "vendor"
    manifest = json.loads((folder / "manifest.json").read_text())
    present = {one.name for one in folder.iterdir()} - {"manifest.json"}
    assert present == set(manifest)
    for name, entry in manifest.items():
        assert hashlib.sha256((folder / name).read_bytes()).hexdigest() == entry["sha256"]
        assert entry["version"] in entry["source"]


def luminance(colour: str) -> float:
    digits = colour.lstrip("#")
    digits = "".join(one * 2 for one in digits) if len(digits) == 3 else digits
    channels = [int(digits[at : at + 2], 16) / 255 for at in (0, 2, 4)]
    red, green, blue = (
        one / 12.92 if one <= 0.04045 else ((one + 0.055) / 1.055) ** 2.4 for one in channels
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def contrast(one: str, other: str) -> float:
    light, dark = sorted((luminance(one), luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_colours_reach_contrast_aa(theme: str) -> None:
    css = (STATIC / "console.css").read_text()
    blocks = re.findall(r":root \{(.*?)\}", css, re.DOTALL)[:2]
    found = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{3,6})", blocks[theme == "dark"]))
    for status in ("green", "blue", "amber", "red", "violet", "grey"):
        assert contrast(found[status], found[f"{status}-ground"]) >= 4.5, status
        assert contrast(found[status], found["surface"]) >= 4.5, status
        assert contrast(found["ink"], found[f"{status}-ground"]) >= 4.5, status
    for text in ("ink", "quiet", "accent"):
        for ground in ("surface", "ground", "sunken"):
            assert contrast(found[text], found[ground]) >= 4.5, (text, ground)
    assert contrast(found["accent-ink"], found["accent"]) >= 4.5
