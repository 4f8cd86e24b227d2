"""A PostgreSQL server for the length of a benchmark.

The one named by ``GATEWAY_TEST_POSTGRES_URL`` (a role that may create databases), else a
throw-away cluster made with ``initdb``, with its durability switched on as it comes.
"""

import os
import pwd
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

import psycopg
from psycopg import sql
from sqlalchemy import make_url

from gateway.core.ids import new_id

__all__ = ["fresh_database", "server"]

_VARIABLE: Final = "GATEWAY_TEST_POSTGRES_URL"
_TOOLS: Final = ("initdb", "pg_ctl")


@contextmanager
def server() -> Iterator[str | None]:
    """The URL of a server that may be filled, or None where this machine has none."""
    given = os.environ.get(_VARIABLE)
    if given is not None or not all(map(shutil.which, _TOOLS)):
        yield given
        return
    folder = Path(tempfile.mkdtemp(prefix="gateway-bench-pg-"))
    data = folder / "data"
    # PostgreSQL refuses to run as root, so root borrows the account that Debian made for it.
    account = ["runuser", "-u", "postgres", "--"] if os.getuid() == 0 else []
    if account:
        os.chown(folder, pwd.getpwnam("postgres").pw_uid, -1)
    try:
        _run(folder, [*account, "initdb", "-D", data, "-U", "postgres", "-A", "trust"])
        options = f"-c listen_addresses='' -c unix_socket_directories={folder}"
        log: list[str | Path] = ["-l", folder / "log"]
        _run(folder, [*account, "pg_ctl", "start", "-w", "-D", data, *log, "-o", options])
        try:
            yield f"postgresql://postgres@/postgres?host={folder}"
        finally:
            _run(folder, [*account, "pg_ctl", "stop", "-w", "-m", "fast", "-D", data])
    finally:
        shutil.rmtree(folder, ignore_errors=True)


@contextmanager
def fresh_database(url: str) -> Iterator[str]:
    """An empty database on the server, dropped on leaving."""
    name = f"gateway_bench_{new_id().hex}"
    identifier = sql.Identifier(name)
    with psycopg.connect(url, autocommit=True) as admin:
        admin.execute(sql.SQL("CREATE DATABASE {}").format(identifier))
        try:
            yield make_url(url).set(database=name).render_as_string(hide_password=False)
        finally:
            admin.execute(sql.SQL("DROP DATABASE {} WITH (FORCE)").format(identifier))


def _run(folder: Path, command: list[str | Path]) -> None:
    done = subprocess.run(
        list(map(str, command)),
        cwd=folder,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{command[-1]} failed: {done.stderr}")
