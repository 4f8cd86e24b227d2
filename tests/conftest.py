"""A fresh, migrated database for every test that asks, on SQLite and on PostgreSQL.

The schema is built once per process and database; each test gets a copy of it: SQLite copies a
file, PostgreSQL clones a template database. The PostgreSQL server is the one named by
``GATEWAY_TEST_POSTGRES_URL`` (a role that may create databases), else a throw-away cluster made
with ``initdb``; where neither is at hand those variants are skipped, visibly.
"""

import asyncio
import fcntl
import gc
import importlib
import importlib.util
import logging
import os
import pwd
import secrets
import shutil
import socket
import ssl
import subprocess
import tempfile
import uuid
from collections import Counter, defaultdict
from collections.abc import AsyncIterator, Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import AbstractContextManager, contextmanager, suppress
from functools import cache
from itertools import chain
from pathlib import Path
from typing import Any, NoReturn

import psycopg
import pytest
import structlog
from psycopg import sql
from sqlalchemy import URL, make_url
from sqlalchemy.dialects.postgresql.psycopg import PGDialectAsync_psycopg
from sqlalchemy.dialects.sqlite.aiosqlite import SQLiteDialect_aiosqlite
from sqlalchemy.util import LRUCache

from gateway.core import outgoing, schema
from gateway.core.database import Database
from gateway.core.settings import RuleSettings
from gateway.validation.rule_sources import Fetcher
from gateway.validation.rule_sync import SyncResult, synchronise
from schematron import registry
from schematron.store import RuleStore

CHECKOUT = Path(__file__).resolve().parents[1]

MOST_WORKERS = 8
SERVER_VARIABLE = "GATEWAY_TEST_POSTGRES_URL"
SERVER_TOOLS = ("initdb", "pg_ctl")
TABLE_MODULES = (
    "gateway.core.tables",
    "gateway.core.alarms",
    "gateway.core.jobs.tables",
    "gateway.access.tables",
    "gateway.access.webhook_tables",
    "gateway.network.tables",
    "gateway.network.trust_tables",
    "gateway.network.lookup_tables",
    "gateway.validation.tables",
    "gateway.validation.rule_tables",
    "gateway.exchange.tables",
    "gateway.exchange.delivery_tables",
    "gateway.exchange.answer_tables",
    "gateway.exchange.statistics.tables",
    "gateway.receivables.tables",
    "gateway.payments.tables",
    "gateway.dunning.tables",
    "gateway.dispatch.tables",
    "gateway.authoring.tables",
)


class Cluster:
    """A PostgreSQL server of our own in a temporary folder, reached by a Unix socket."""

    def __init__(self) -> None:
        self._folder = Path(tempfile.mkdtemp(prefix="gateway-pg-"))
        # PostgreSQL refuses to run as root, so root borrows the account Debian made for it.
        self._as = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
        if self._as:
            account = pwd.getpwnam("postgres")
            os.chown(self._folder, account.pw_uid, account.pw_gid)
        data = self._folder / "data"
        self._run("initdb", "-D", data, "-U", "postgres", "-A", "trust", "-E", "UTF8", "--no-sync")
        # Tests kill our processes, never this server: what it wrote need not survive a power cut.
        self._run(
            "pg_ctl", "start", "-w", "-D", data, "-l", self._folder / "log", "-o",
            f"-c listen_addresses='' -c unix_socket_directories={self._folder}"
            " -c max_connections=200 -c fsync=off -c full_page_writes=off",
        )  # fmt: skip
        self.url = f"postgresql://postgres@/postgres?host={self._folder}"

    def stop(self) -> None:
        self._run("pg_ctl", "stop", "-w", "-m", "immediate", "-D", self._folder / "data")
        shutil.rmtree(self._folder)

    def _run(self, *command: str | Path) -> None:
        tool = shutil.which(str(command[0]))
        assert tool is not None
        done = subprocess.run(
            [*self._as, tool, *map(str, command[1:])],
            cwd=self._folder,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        if done.returncode:
            raise RuntimeError(f"{command[0]} failed:\n{done.stdout}{done.stderr}")


CLUSTER = pytest.StashKey[Cluster]()


def log_to_pytest() -> None:
    """Log lines go where pytest shows those of a failed test, and caplog finds them."""
    structlog.configure(
        processors=[structlog.contextvars.merge_contextvars, structlog.stdlib.render_to_log_kwargs],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
    )


@pytest.fixture(autouse=True)
def logging_as_before() -> Iterator[None]:
    """A command tried inside the test's own process sets logging up for that process."""
    root = logging.getLogger()
    level, before = root.level, structlog.get_config()["processors"]
    yield
    if structlog.get_config()["processors"] is not before:
        log_to_pytest()
        root.setLevel(level)
        for one in root.handlers[:]:
            if isinstance(one.formatter, structlog.stdlib.ProcessorFormatter):
                root.removeHandler(one)


def compile_statements_once() -> None:
    """Let every database of one kind use the statements that another has compiled.

    A gateway compiles each statement once in its life; here a life is one test, and compiling
    would be a quarter of it. What is remembered depends on the kind of database alone.
    """
    compiled = {one: LRUCache(5000) for one in (SQLiteDialect_aiosqlite, PGDialectAsync_psycopg)}
    for kind in compiled:
        # The dialect is part of the key under which a statement is remembered.
        kind.__eq__ = lambda self, other: type(self) is type(other)
        kind.__hash__ = lambda self: hash(type(self))
    open_database = Database.__init__

    def remembering(self: Database, url: str | URL) -> None:
        open_database(self, url)
        for engine in (self._writer, self._reader):
            engine.sync_engine._compiled_cache = compiled[type(engine.dialect)]

    Database.__init__ = remembering


def read_authorities_once() -> None:
    """Read the system's 150 TLS authorities once per process and not for every client."""
    profile = outgoing.tls_profile

    @cache
    def usual() -> ssl.SSLContext:
        return profile(None)

    outgoing.tls_profile = lambda further: usual() if further is None else profile(further)


def pytest_collection_finish() -> None:
    """What is loaded now stays; looking through it for garbage again and again finds nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(20_000, 20, 20)


@pytest.hookimpl(optionalhook=True)
def pytest_xdist_auto_num_workers() -> int:
    """Two per core: half of a test's time is disks, sockets and clocks. Each takes up to 2 GB."""
    return min(2 * (os.cpu_count() or 1), MOST_WORKERS)


def pytest_configure(config: pytest.Config) -> None:
    log_to_pytest()
    compile_statements_once()
    read_authorities_once()
    # Under pytest-xdist only the controller can start one server for all its workers.
    if getattr(config.option, "numprocesses", None) and not hasattr(config, "workerinput"):
        start_cluster(config)


def pytest_unconfigure(config: pytest.Config) -> None:
    cluster = config.stash.get(CLUSTER, None)
    if cluster is not None:
        del os.environ[SERVER_VARIABLE]
        cluster.stop()


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    """One line per database over all crash tests, whichever process ran them.

    Here, as the process that hands tests out to others reads no other file of this kind.
    """
    totals: dict[str, Counter[str]] = defaultdict(Counter)
    for report in chain.from_iterable(terminalreporter.stats.values()):
        # The teardown's report is the one that has what fixtures recorded on leaving.
        if getattr(report, "when", None) == "teardown":
            for name, value in report.user_properties:
                if name == "crash":
                    totals[value["kind"]].update(value["figures"])
    for kind, figures in totals.items():
        line = ", ".join(f"{name} {count}" for name, count in figures.items())
        terminalreporter.write_line(f"crash tests on {kind}: {line}")


def unavailable(tool: str, reason: str) -> NoReturn:
    """Skip a test whose tool this machine lacks, or fail it where the tool was promised.

    ``GATEWAY_REQUIRE`` lists the tools (comma-separated) that must be there, as in CI.
    """
    if tool in os.environ.get("GATEWAY_REQUIRE", "").split(","):
        pytest.fail(f"{tool} is required here: {reason}", pytrace=False)
    pytest.skip(reason)


def start_cluster(config: pytest.Config) -> None:
    """Start our own server unless there is one already or the machine cannot."""
    if SERVER_VARIABLE in os.environ or not all(map(shutil.which, SERVER_TOOLS)):
        return
    config.stash[CLUSTER] = Cluster()
    os.environ[SERVER_VARIABLE] = config.stash[CLUSTER].url


def build_schema(url: str) -> None:
    """Give an empty database the tables of this version."""
    for name in TABLE_MODULES:
        if importlib.util.find_spec(name) is not None:
            importlib.import_module(name)

    async def build() -> None:
        database = Database(url)
        await schema.upgrade(database)
        await database.close()

    # In a thread of its own: the loop of the test that came first is not ours to touch.
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, build()).result()


@pytest.fixture(scope="session")
def official_rules() -> Path:
    """A rule store with every official rule file that the manifest names.

    ``GATEWAY_RULES_DIR`` names it; without, it is ``.cache/rules`` of the checkout, filled once
    as ``gateway rules sync`` does. Skips where a file cannot be had.
    """
    folder = Path(os.environ.get("GATEWAY_RULES_DIR") or CHECKOUT / ".cache" / "rules")
    folder.mkdir(parents=True, exist_ok=True)

    async def fill() -> SyncResult:
        with tempfile.TemporaryDirectory() as work:
            fetcher = Fetcher(RuleSettings(), folder=Path(work), offline=False)
            shipped = registry.load(store=folder)
            return await synchronise(shipped, RuleStore(folder), fetcher, ask_for_newer=False)

    with (folder / ".lock").open("w") as lock, ThreadPoolExecutor(1) as thread:
        fcntl.flock(lock, fcntl.LOCK_EX)
        result = thread.submit(asyncio.run, fill()).result()
    missing = [row for row in result.rows if row.reason]
    if missing:
        listed = "; ".join(f"{row.id}: {row.reason}" for row in missing[:3])
        unavailable("official-rules", f"{len(missing)} official rule sets are missing: {listed}")
    return folder


@pytest.fixture(scope="session")
def sqlite_template(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("template") / "gateway.db"
    build_schema(f"sqlite:///{path}")
    return path


@pytest.fixture(scope="session")
def postgres_admin(request: pytest.FixtureRequest) -> Iterator[psycopg.Connection]:
    """A connection that may create databases; skips where there is no server."""
    start_cluster(request.config)
    server = os.environ.get(SERVER_VARIABLE)
    if server is None:
        unavailable(
            "postgresql", f"no PostgreSQL: set {SERVER_VARIABLE} or put initdb and pg_ctl on PATH"
        )
    with psycopg.connect(server, autocommit=True) as connection:
        yield connection


@pytest.fixture(scope="session")
def postgres_template(postgres_admin: psycopg.Connection) -> Iterator[str]:
    name = f"gateway_template_{uuid.uuid4().hex}"
    postgres_admin.execute(sql.SQL("CREATE DATABASE {}").format(sql.Identifier(name)))
    build_schema(postgres_url(name))
    yield name
    drop(postgres_admin, name)


def postgres_url(name: str) -> str:
    server = make_url(os.environ[SERVER_VARIABLE])
    return server.set(database=name).render_as_string(hide_password=False)


def drop(admin: psycopg.Connection, name: str) -> None:
    admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(sql.Identifier(name)))


@pytest.fixture
def sqlite_url(sqlite_template: Path, tmp_path: Path) -> str:
    """A fresh SQLite database of this version."""
    path = tmp_path / "gateway.db"
    shutil.copyfile(sqlite_template, path)
    return f"sqlite:///{path}"


@pytest.fixture
def postgresql_url(postgres_admin: psycopg.Connection, postgres_template: str) -> Iterator[str]:
    """A fresh PostgreSQL database of this version."""
    name = f"gateway_test_{uuid.uuid4().hex}"
    postgres_admin.execute(
        sql.SQL("CREATE DATABASE {} TEMPLATE {}").format(
            sql.Identifier(name), sql.Identifier(postgres_template)
        )
    )
    yield postgres_url(name)
    drop(postgres_admin, name)


@pytest.fixture
def full_tmpdir(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Callable[[], AbstractContextManager[Path]]:
    """Within the block temporary files lie on a disk without room; what they leave is in there."""
    made = {name: getattr(tempfile, name) for name in ("NamedTemporaryFile", "TemporaryFile")}

    def without_room(name: str, folder: Path) -> Callable[..., Any]:
        def make(*arguments: Any, **options: Any) -> Any:
            file = made[name](*arguments, **{**options, "dir": folder})
            full = os.open("/dev/full", os.O_RDWR)
            os.dup2(full, file.fileno())
            os.close(full)
            return file

        return make

    @contextmanager
    def full() -> Iterator[Path]:
        folder = tmp_path / "no-room"
        folder.mkdir(exist_ok=True)
        with monkeypatch.context() as patch:
            for name in made:
                patch.setattr(tempfile, name, without_room(name, folder))
            yield folder

    return full


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgres)])
def database_url(request: pytest.FixtureRequest) -> str:
    """The URL of a fresh database; the test runs once on each kind."""
    url: str = request.getfixturevalue(f"{request.param}_url")
    return url


@pytest.fixture
async def database(database_url: str) -> AsyncIterator[Database]:
    """A fresh database of this version; the test runs once on each kind."""
    database = Database(database_url)
    yield database
    await database.close()


@pytest.fixture
async def pass_time() -> Callable[[float], None]:
    """Let so many seconds pass for the event loop at once: whoever waits no longer, gives up now.

    Time-outs can so be long enough for a busy machine, and a test of one need not wait for it.
    """
    loop = asyncio.get_running_loop()
    machine, ahead = loop.time, [0.0]
    loop.time = lambda: machine() + sum(ahead)
    return ahead.append


@pytest.fixture(scope="session")
def free_port() -> Callable[[], int]:
    """Name a port that nobody has; it lies where the system looks for none by itself.

    A port the system chose, and got back, is soon given to somebody else on a busy machine.
    """

    def choose() -> int:
        while True:
            port = 12_000 + secrets.randbelow(20_000)
            with suppress(OSError), socket.create_server(("127.0.0.1", port)):
                return port

    return choose


@pytest.fixture
def unused_tcp_port(free_port: Callable[[], int]) -> int:
    return free_port()
