"""The documents say what the product does: addresses, bodies, commands, settings, figures."""

import contextlib
import functools
import importlib.metadata
import io
import json
import re
import shlex
import tomllib
from dataclasses import dataclass
from pathlib import Path

import jsonschema
import pytest
from packaging.requirements import Requirement
from pydantic import BaseModel, SecretStr

from gateway.access.roles import SCOPES
from gateway.app import all_routes
from gateway.cli import main
from gateway.core.settings import Settings
from gateway.web import openapi

ROOT = Path(__file__).parents[1]
README = ROOT / "README.md"
PAGES = sorted(
    [
        *ROOT.glob("*.md"),
        *(ROOT / "docs").glob("*.md"),
        *(ROOT / "docs" / "adr").glob("*.md"),
        ROOT / "bench" / "README.md",
    ]
)
SHIPPED = ("gateway", "ubl", "schematron", "reminders", "config")
PLACEHOLDER = re.compile(r"\{[^{}]*\}")
VERBS = ("GET", "POST", "PUT", "PATCH", "DELETE")
NAMED = re.compile(
    rf"(?P<verbs>(?:{'|'.join(VERBS)})(?:(?:`?, `?|/|`? and `?)(?:{'|'.join(VERBS)}))*)\s+"
    r"(?P<path>(?:/v1|/smp|…|\.\.\.)/[^\s`\"')|,;]*)"
)
BARE = re.compile(r"(?<![\w.…])/v1/[^\s`\"')|,;]*")


@dataclass(frozen=True, slots=True)
class Address:
    """An address as a document writes it; ``verb`` is empty where it names none."""

    page: str
    verb: str
    path: str
    query: tuple[str, ...]


@functools.cache
def described():
    return openapi.document(all_routes())


def text_of(page: Path) -> str:
    return page.read_text(encoding="utf-8")


def sections(text: str) -> list[str]:
    """A page cut before every heading that stands outside of an example."""
    parts, fenced = [""], False
    for line in text.splitlines(keepends=True):
        fenced ^= line.startswith("```")
        if line.startswith("#") and not fenced:
            parts.append("")
        parts[-1] += line
    return parts


def fences(text: str) -> list[tuple[str, str]]:
    """Every fenced example: what it says it is, and its lines."""
    return re.findall(r"^```(\w*)\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def split_address(page: str, verb: str, written: str) -> Address:
    path, _, query = written.rstrip(".:").partition("?")
    names = tuple(one.partition("=")[0] for one in query.split("&") if re.match(r"\w", one))
    return Address(page, verb, path.rstrip("/"), names)


def commands_of_curl(text: str) -> list[list[str]]:
    joined = text.replace("\\\n", " ")
    found = [shlex.split(line) for line in joined.splitlines() if line.startswith("curl ")]
    return [[word for word in words if word] for words in found]


def verb_of_curl(words: list[str]) -> str:
    if "-X" in words:
        return words[words.index("-X") + 1]
    return "POST" if {"-d", "-F", "--data-binary"} & set(words) else "GET"


def curls() -> list[tuple[Address, list[str]]]:
    found = []
    for page in PAGES:
        for _, example in fences(text_of(page)):
            for words in commands_of_curl(example):
                url = next(one for one in words if one.startswith("http"))
                path = re.sub(r"^https?://[^/]+", "", url)
                verb = verb_of_curl(words)
                found.append((split_address(page.name, verb, path.replace("$ID", "{id}")), words))
    return found


def named(text: str, page: str) -> list[Address]:
    """Addresses in words and examples, those with their methods first."""
    found = []
    for one in NAMED.finditer(text):
        for verb in re.findall("|".join(VERBS), one["verbs"]):
            found.append(split_address(page, verb, one["path"]))
    for one in BARE.finditer(text):
        if not re.match(r"/v1/?[.`)]?$", one[0]):
            found.append(split_address(page, "", one[0]))
    return found


def fits(written: str, path: str) -> bool:
    """Whether an address of a document is this one of the product.

    What a document writes in braces, or as an example where the product has a placeholder, fits;
    what begins with an ellipsis fits by its end.
    """
    parts, own = written.split("/"), path.split("/")
    if parts[0] in ("…", "..."):
        parts, own = parts[1:], own[-len(parts[1:]) :]
    return len(parts) == len(own) and all(
        theirs == ours or bool(PLACEHOLDER.fullmatch(ours))
        for theirs, ours in zip(parts, own, strict=True)
    )


def operations_for(address: Address) -> list[dict]:
    return [
        operation
        for path, methods in described()["paths"].items()
        if fits(address.path, path)
        for verb, operation in methods.items()
        if address.verb in ("", verb.upper())
    ]


def test_every_address_that_is_named_is_served():
    addresses = [one for page in PAGES for one in named(text_of(page), page.name)]
    addresses += [one for one, _ in curls()]
    assert len(addresses) > 150
    assert [str(one) for one in addresses if not operations_for(one)] == []


def test_every_query_that_is_named_is_taken():
    wrong, seen = [], 0
    addresses = [one for page in PAGES for one in named(text_of(page), page.name)]
    for address in [*addresses, *(one for one, _ in curls())]:
        taken = {
            parameter["name"]
            for operation in operations_for(address)
            for parameter in operation.get("parameters", ())
        }
        seen += len(address.query)
        wrong += [(address, name) for name in address.query if name not in taken]
    assert seen > 20
    assert wrong == [], "\n".join(map(str, wrong))


def bodies(operation: dict) -> list[dict]:
    """The schemas of the JSON that an operation takes."""
    content = operation.get("requestBody", {}).get("content", {})
    kept = content.get("application/json", {})
    return [kept["schema"]] if "schema" in kept else []


def is_taken(value: object, operations: list[dict]) -> list[str]:
    """What keeps every operation from taking a body; empty where one takes it."""
    components = described()["components"]
    faults = []
    for operation in operations:
        for schema in bodies(operation):
            try:
                jsonschema.validate(value, {**schema, "components": components})
            except jsonschema.ValidationError as error:
                faults.append(f"{operation['operationId']}: {error.message}")
            else:
                return []
    return faults or ["no operation of this section takes JSON"]


def json_in_words(text: str) -> list[object]:
    """Every JSON object between backticks that is written out in full."""
    found = []
    for one in re.findall(r"`(\{\"[^`]*\})`", text):
        with contextlib.suppress(json.JSONDecodeError):
            found.append(json.loads(one))
    return found


def test_bodies_that_documents_show_are_taken():
    wrong, seen = [], 0
    for page in PAGES:
        for section in sections(text_of(page)):
            operations = [
                operation
                for address in named(section, page.name)
                if address.verb in ("POST", "PUT", "PATCH", "")
                for operation in operations_for(address)
            ]
            for value in json_in_words(section) if operations else ():
                seen += 1
                wrong += [(page.name, value, fault) for fault in is_taken(value, operations)]
    for address, words in curls():
        if "-d" in words and words[words.index("-d") + 1].startswith("{"):
            seen += 1
            value = json.loads(words[words.index("-d") + 1])
            wrong += [(address, fault) for fault in is_taken(value, operations_for(address))]
    assert seen > 5
    assert wrong == [], "\n".join(map(str, wrong))


def test_the_invoice_that_documents_begin_with_is_one(tmp_path, capsys):
    """What a new user sends first: it is whole, and the rules of Peppol have nothing against it."""
    made = tmp_path / "invoice.xml"
    example = ROOT / "docs" / "examples" / "invoice.json"
    assert main(["convert", str(example), "--to", "peppol-bis-3", "--out", str(made)]) == 0
    assert "valid" in capsys.readouterr().err
    shown = [
        json.loads(re.sub(r"\A[^{]*", "", example))
        for _, example in fences(text_of(ROOT / "docs" / "api.md"))
        if '"kind": "invoice"' in example
    ]
    assert shown == [json.loads(example.read_text(encoding="utf-8"))]
    assert b"<cbc:ID>2026-0042</cbc:ID>" in made.read_bytes()


def in_code() -> list[tuple[str, str]]:
    """What documents set as code: lines of examples without their remarks, and pieces of text."""
    found = []
    for page in PAGES:
        text = text_of(page)
        for _, example in fences(text):
            joined = re.sub(r"\s*\\\n\s*", " ", example)
            found += [(page.name, re.split(r"\s#\s|\s{4,}", one)[0]) for one in joined.splitlines()]
        plain = re.sub(r"^```.*?^```", "", text, flags=re.MULTILINE | re.DOTALL)
        found += [(page.name, re.sub(r"\s+", " ", one)) for one in re.findall(r"`([^`]+)`", plain)]
    return found


def help_of(words: tuple[str, ...]) -> str | None:
    """What the product says about a command; nothing where it has none of that name."""
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(io.StringIO()):
        try:
            main([*words, "--help"])
        except SystemExit as end:
            return said.getvalue() if not end.code else None
    return None


@functools.cache
def command_of(words: tuple[str, ...]) -> tuple[int, str] | None:
    """How many words name a command, two at most, and its help."""
    for count in (2, 1):
        if len(words) >= count and re.fullmatch(r"[a-z][a-z-]*", words[count - 1]):
            text = help_of(words[:count])
            usage = "gateway " + " ".join(words[:count])
            if text is not None and re.match(rf"usage: {re.escape(usage)}(?![\w-])", text):
                return count, text
    return None


def test_every_command_and_option_that_is_named_is_taken():
    wrong, seen = [], 0
    for page, code in in_code():
        called = re.match(r"\s*(?:\$ )?gateway ((?!--only)[a-z].*)", code)
        if not called:
            continue
        seen += 1
        words = tuple(called[1].replace(" | ", "|").split())
        if "|" in words[-1] and len(words) == 2:
            names = [(words[0], one) for one in words[1].split("|")]
            wrong += [(page, code) for one in names if (command_of(one) or (0, ""))[0] != 2]
            continue
        known = command_of(words[:2])
        if known is None:
            wrong.append((page, code))
            continue
        for option in re.findall(r"(?<![\w-])--[a-z][a-z-]*", called[1]):
            if not re.search(rf"(?<![\w-]){option}(?![\w-])", known[1]):
                wrong.append((page, f"{code}: {option}"))
    assert seen > 50
    assert wrong == [], "\n".join(map(str, wrong))


def settings() -> dict[str, object]:
    """Every setting by its full name, with its default."""
    found: dict[str, object] = {}
    for name, field in Settings.model_fields.items():
        if isinstance(field.default, BaseModel):
            for inner in type(field.default).model_fields:
                found[f"{name}.{inner}"] = getattr(field.default, inner)
        else:
            found[name] = field.default
    return found


def test_every_setting_is_documented_and_every_documented_one_exists():
    known = settings()
    sections_of_settings = {one.partition(".")[0] for one in known if "." in one}
    code = in_code()
    told = {one for page, one in code if page == "operations.md"}
    assert [one for one in known if one not in told] == []
    pattern = re.compile(rf"(?:{'|'.join(sections_of_settings)})\.[a-z][a-z0-9_]*")
    named = {
        (page, one)
        for page, one in code
        if pattern.fullmatch(one)
        and not re.search(r"\.(?:py|toml|key|pem|json)$", one)
        and f'"{one}"' not in product_text()  # the name of an event
    }
    assert len(named) > 80
    assert [one for one in sorted(named) if one[1] not in known] == []
    variables = re.findall(r"GATEWAY__(\w+)", "".join(map(text_of, PAGES)))
    assert [one for one in variables if one.lower().replace("__", ".") not in known] == []


def test_defaults_that_are_documented_are_those_in_force():
    known, wrong, seen = settings(), [], 0
    for line in text_of(ROOT / "docs" / "operations.md").splitlines():
        cells = [one.strip() for one in line.strip("|").split(" | ")]
        names = [one for one in re.findall(r"`([^`]+)`", cells[0]) if one in known]
        if not line.startswith("| `") or not names or len(cells) != 3:
            continue
        values = [one.strip("` |") for one in re.split(r", (?![^(]*\))", cells[2].strip(" |"))]
        if len(values) != len(names):
            continue
        for name, value in zip(names, values, strict=True):
            default = known[name]
            if isinstance(default, bool) or not re.fullmatch(r"[\w.:/-]+", value):
                continue
            if isinstance(default, int | float) and not re.fullmatch(r"[\d.]+", value):
                continue
            if default in ("", None, ()) or isinstance(default, SecretStr):
                continue
            seen += 1
            number = isinstance(default, int | float)
            same = float(value) == default if number else value == str(default)
            wrong += [] if same else [(name, value, default)]
    assert seen > 40
    assert wrong == []


@functools.cache
def product_text() -> str:
    """All source and settings of the product."""
    kinds = ("*.py", "*.toml", "*.json", "*.sch", "*.html")
    return "".join(
        one.read_text(encoding="utf-8")
        for folder in SHIPPED
        for kind in kinds
        for one in sorted((ROOT / folder).rglob(kind))
    )


def test_every_code_that_is_named_is_given_by_the_product():
    code = re.compile(r"[A-Z][A-Z0-9]*(?:-[A-Z0-9]+)+")
    named = {(page, one) for page, one in in_code() if code.fullmatch(one) and page != "errors.md"}
    assert len(named) > 60
    text = product_text()
    assert [one for one in sorted(named) if f'"{one[1]}"' not in text] == []


def test_every_figure_that_is_named_is_measured_and_every_one_is_named():
    measured = {
        f"gateway_{name}" + ("_total" if kind == "counter" else "")
        for kind, name in re.findall(
            r"\.(counter|gauge|histogram)\(\s*\"([a-z_]+)\"", product_text()
        )
    }
    named = set(re.findall(r"`(gateway_[a-z_]+)`", "".join(map(text_of, PAGES))))
    assert len(measured) > 10
    assert named == measured


def test_scopes_and_events_are_those_of_the_product():
    api = text_of(ROOT / "docs" / "api.md")
    assert set(re.findall(r"`([a-z]+:[a-z]+)`", api)) == set(SCOPES)
    events = set(re.findall(r"\"((?:document|validation|webhook)\.[a-z-]+)\"", product_text()))
    told = set(re.findall(r"`((?:document|validation|webhook)\.[a-z-]+)`", api))
    told |= {f"document{one}" for one in re.findall(r"`(\.[a-z-]+)`", api)}
    assert [one for one in sorted(told) if one not in events] == []


def anchor_of(heading: str) -> str:
    """The name by which a heading is linked to."""
    return re.sub(r"[^\w\- ]", "", heading.strip().lower()).replace(" ", "-")


def test_every_link_leads_somewhere():
    seen, broken = 0, []
    for page in PAGES:
        for target in re.findall(r"\]\(([^)\s]+)\)", text_of(page)):
            if target.startswith("https://"):
                continue
            seen += 1
            path, _, anchor = target.partition("#")
            file = (page.parent / path) if path else page
            headings = re.findall(r"^#+ (.+)$", text_of(file), re.MULTILINE) if anchor else []
            if not file.exists() or (anchor and anchor not in map(anchor_of, headings)):
                broken.append((page.name, target))
    assert seen > 15
    assert broken == []


def test_every_file_that_is_named_is_there():
    """Modules the threat model and the decisions name, and files of the configuration."""
    named = {
        (page, one)
        for page, one in in_code()
        if re.fullmatch(r"[a-z][\w*]*(?:/[\w.*-]+)+\.(?:py|toml|md|json)", one)
        # What `make bench` writes is in no fresh clone.
        and not one.startswith(("done/", "data/", "rules/", "facturx/", "bench/results/"))
    }
    assert len(named) > 40
    missing = [
        one
        for one in sorted(named)
        if not any(list(base.glob(one[1])) for base in (ROOT, ROOT / "gateway", ROOT / "docs"))
    ]
    assert missing == []


def test_every_make_target_is_named_and_every_named_one_exists():
    targets = set(re.findall(r"^([a-z]+):", text_of(ROOT / "Makefile"), re.MULTILINE))
    named = {found[1] for _, one in in_code() if (found := re.match(r"make ([a-z]+)(?:\s|$)", one))}
    assert named == targets


def dependencies() -> set[str]:
    """What is installed with the product or one of its extras, but for what develops it."""
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))["project"]
    extras = project["optional-dependencies"]
    wanted = [*project["dependencies"]]
    wanted += [one for name, some in extras.items() if name != "dev" for one in some]
    return {Requirement(one).name for one in wanted}


def test_every_library_is_named_with_its_reason():
    decisions = "".join(text_of(one) for one in sorted((ROOT / "docs" / "adr").glob("*.md")))
    plain = re.sub(r"[-_ ]", "", decisions.lower())
    missing = [
        one for one in sorted(dependencies()) if re.sub(r"[-_]", "", one.lower()) not in plain
    ]
    assert missing == []


def licence_of(name: str) -> str | None:
    """What a distribution says of its licence; nothing where it is not installed here."""
    try:
        about = importlib.metadata.metadata(name)
    except importlib.metadata.PackageNotFoundError:
        return None
    classified = [
        one.rpartition("::")[2].strip()
        for one in about.get_all("Classifier", [])
        if one.startswith("License ::")
    ]
    return about.get("License-Expression") or "; ".join(classified) or about.get("License", "")


def required(name: str, found: dict[str, str]) -> None:
    """Collect the licences of a distribution and of everything it needs to run."""
    licence = licence_of(name)
    if licence is None or name.lower() in found:
        return
    found[name.lower()] = licence
    for line in importlib.metadata.requires(name) or ():
        needed = Requirement(line)
        if needed.marker is None or needed.marker.evaluate({"extra": ""}):
            required(needed.name, found)


STRICT = re.compile(r"\b(?:A|)GPL|(?<!Lesser )(?<!Library )General Public", re.IGNORECASE)


def is_strict(licence: str) -> bool:
    """Whether every licence offered demands that the whole product be under it."""
    return all(
        bool(STRICT.search(re.sub(r"LGPL[\w.+-]*", "", one))) for one in licence.split(" OR ")
    )


@pytest.mark.parametrize(
    ("licence", "strict"),
    [
        ("GPL-3.0-only", True),
        ("GNU Affero General Public License v3", True),
        ("AGPL-3.0-or-later", True),
        ("EPL-2.0 OR GPL-2.0-or-later", False),
        ("LGPL-3.0-only", False),
        ("GNU Lesser General Public License v2 or later (LGPLv2+)", False),
        ("MIT", False),
    ],
)
def test_strict_licences_are_recognised(licence, strict):
    assert is_strict(licence) is strict


def test_nothing_that_runs_demands_a_licence_of_the_whole():
    found: dict[str, str] = {}
    for name in dependencies():
        required(name, found)
    assert len(found) > 40
    assert {name: licence for name, licence in found.items() if is_strict(licence)} == {}


def test_the_layers_that_are_named_are_those_that_are_checked():
    project = tomllib.loads(text_of(ROOT / "pyproject.toml"))
    layers = next(
        one["layers"] for one in project["tool"]["importlinter"]["contracts"] if "layers" in one
    )
    checked = [
        sorted(name.strip().removeprefix("gateway.") for name in one.split("|"))
        for one in reversed(layers)
    ]
    for page in (ROOT / "CONTRIBUTING.md", ROOT / "docs" / "adr" / "001-the-house.md"):
        told = re.search(r"`(as4 < [^`]+)`", text_of(page))
        assert told
        assert [sorted(re.findall(r"\w+", one)) for one in told[1].split("<")] == checked, page.name
