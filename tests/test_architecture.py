"""What holds for the whole product: layers, sizes, names, and one meaning per error code."""

import importlib
import importlib.metadata
import os
import pkgutil
import subprocess
import sys
from collections import defaultdict
from pathlib import Path

import pytest

from gateway.core.errors import ErrorKind, Retry

ROOT = Path(__file__).parents[1]
PACKAGES = ("gateway", "ubl", "schematron", "reminders")
MAX_LINES = 600
ERRORS = ROOT / "docs" / "errors.md"
REWRITE = "GATEWAY_REWRITE_DOCS"


def modules() -> list[str]:
    """Every module of the product, but for what runs when it is imported."""
    found = []
    for package in PACKAGES:
        found.append(package)
        path = importlib.import_module(package).__path__
        for one in pkgutil.walk_packages(path, f"{package}."):
            parts = one.name.split(".")
            if "__main__" not in parts and "migrations" not in parts:
                found.append(one.name)
    return found


def error_kinds() -> dict[str, dict[int, tuple[ErrorKind, str]]]:
    """Every kind of error by its code, with the first module that names it."""
    found: dict[str, dict[int, tuple[ErrorKind, str]]] = defaultdict(dict)
    for name in modules():
        for value in vars(importlib.import_module(name)).values():
            if isinstance(value, ErrorKind):
                found[value.code].setdefault(id(value), (value, name))
    return found


def catalogue() -> str:
    """The page of error codes, generated from the product."""
    lines = [
        "# Error codes",
        "",
        "A code is a contract: it may be retired, but never gets another meaning. Every answer",
        "that carries one also says in a sentence what to do. *Again* means that the same attempt",
        "may succeed later without anybody changing anything. This page is generated:",
        f"`{REWRITE}=1 pytest tests/test_architecture.py`.",
        "",
        "| Code | Meaning | HTTP | Again |",
        "|---|---|---|---|",
    ]
    for code, kinds in sorted(error_kinds().items()):
        for kind, _ in kinds.values():
            again = "yes" if kind.retry is Retry.BACKOFF else "no"
            lines.append(f"| `{code}` | {kind.title} | {kind.status} | {again} |")
    return "\n".join(lines) + "\n"


def test_imports_go_down_only():
    """The contracts of pyproject.toml, by import-linter."""
    code = (
        "from importlinter.cli import lint_imports; raise SystemExit(lint_imports(no_cache=True))"
    )
    linted = subprocess.run(
        [sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert linted.returncode == 0, linted.stdout + linted.stderr
    assert " 0 broken" in linted.stdout


def test_no_module_is_too_long():
    sizes = {
        str(one.relative_to(ROOT)): len(one.read_text(encoding="utf-8").splitlines())
        for package in PACKAGES
        for one in (ROOT / package).rglob("*.py")
    }
    assert len(sizes) > 100
    assert {name: size for name, size in sizes.items() if size > MAX_LINES} == {}


def test_an_error_code_has_one_meaning_and_one_home():
    kinds = error_kinds()
    assert len(kinds) > 50
    twice = {
        code: [home for _, home in one.values()] for code, one in kinds.items() if len(one) > 1
    }
    assert twice == {}


@pytest.mark.parametrize("kind", [next(iter(one.values()))[0] for one in error_kinds().values()])
def test_an_error_kind_is_well_formed(kind):
    assert kind.code == kind.code.upper()
    assert set(kind.code) <= set("ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-")
    assert len(kind.code) <= 40  # the column of a job's error
    assert kind.title[0].isupper()
    assert not kind.title.endswith(".")
    assert 400 <= kind.status < 600
    assert kind.retry is Retry.NO or kind.status != 400


def test_the_page_of_error_codes_is_the_products():
    if os.environ.get(REWRITE):
        ERRORS.write_text(catalogue(), encoding="utf-8")
    assert ERRORS.read_text(encoding="utf-8") == catalogue()


def test_no_other_distribution_owns_our_names():
    owners = importlib.metadata.packages_distributions()
    for package in PACKAGES:
        assert set(owners.get(package, [])) <= {"peppol-gateway"}, package


def test_the_product_works_from_any_folder(tmp_path):
    code = (
        "import gateway.app, schematron.registry as registry;"
        "print(len(registry.load(None).rulesets), len(gateway.app.all_routes()))"
    )
    for command in (["-c", code], ["-m", "gateway", "--version"], ["-m", "gateway", "--help"]):
        done = subprocess.run(
            [sys.executable, *command], cwd=tmp_path, capture_output=True, text=True, check=False
        )
        assert done.returncode == 0, done.stderr
        assert done.stdout.strip()
    assert list(tmp_path.iterdir()) == []
