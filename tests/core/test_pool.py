"""Real processes: what comes back, and what happens when one hangs, swells or dies."""

import asyncio
import importlib
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

from gateway.core.errors import GatewayError
from gateway.core.pool import ComputePool

TASKS = """
import os, signal, time
from pathlib import Path
from gateway.core.errors import ErrorKind, GatewayError

def prepare(word):
    if word == "broken":
        raise ValueError("secret")
    return {"word": word, "calls": 0, "ballast": None}

def work(state, order, value=None):
    state["calls"] += 1
    if order == "greet":
        return state["word"], value, state["calls"], os.getpid()
    if order == "sleep":
        Path(value).write_text(str(os.getpid()))
        time.sleep(60)
    if order == "wait":
        while not Path(value).exists():
            time.sleep(0.005)
        return "seen"
    if order == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    if order == "die once":
        if not Path(value).exists():
            Path(value).touch()
            os.kill(os.getpid(), signal.SIGKILL)
        return "second try"
    if order == "swell":
        state["ballast"] = b"x" * (400 << 20)
        time.sleep(60)
    if order == "keep":
        state["ballast"] = b"x" * (value << 20)
        return os.getpid()
    if order == "refuse":
        raise GatewayError(ErrorKind("TEST-NO", "No", 400), "That is refused.", row=7)
    if order == "stumble":
        raise ValueError("secret")
"""


@pytest.fixture(scope="module")
def tasks(tmp_path_factory: pytest.TempPathFactory) -> Any:
    folder = tmp_path_factory.mktemp("tasks")
    (folder / "pool_tasks.py").write_text(TASKS)
    sys.path.insert(0, str(folder))
    yield importlib.import_module("pool_tasks")
    sys.path.remove(str(folder))
    del sys.modules["pool_tasks"]


@asynccontextmanager
async def pool_of(tasks: ModuleType, **settings: Any) -> AsyncIterator[ComputePool[Any]]:
    options = {
        "initial": ("hello",),
        "workers": 1,
        "timeout_s": 30.0,
        "rss_limit_mb": 500,
        "queue_limit": 8,
        **settings,
    }
    pool: ComputePool[Any] = ComputePool(tasks.prepare, tasks.work, **options)
    try:
        yield pool
    finally:
        await pool.close()


async def code_of(pool: ComputePool[Any], *order: Any) -> str:
    with pytest.raises(GatewayError) as caught:
        await pool.run(*order)
    assert "secret" not in str(caught.value)
    return caught.value.code


def alive(pid: int) -> bool:
    """Whether a process is there; one that has ended and was not yet collected is not."""
    try:
        return "State:\tZ" not in Path(f"/proc/{pid}/status").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False


async def test_a_task_gets_the_state_its_process_prepared(tasks: ModuleType) -> None:
    async with pool_of(tasks) as pool:
        assert not pool.ready
        word, value, calls, first = await pool.run("greet", b"\x00")
        assert (word, value, calls) == ("hello", b"\x00", 1)
        assert pool.ready
        assert (await pool.run("greet"))[2:] == (2, first)
    assert not alive(first)


async def test_errors_cross_over_and_leave_the_process_alive(tasks: ModuleType) -> None:
    async with pool_of(tasks) as pool:
        with pytest.raises(GatewayError, match="That is refused") as caught:
            await pool.run("refuse")
        assert (caught.value.code, caught.value.facts) == ("TEST-NO", {"row": 7})
        assert await code_of(pool, "stumble") == "POOL-FAILED"
        assert (await pool.run("greet"))[2] == 3


async def test_a_task_that_hangs_is_killed(tasks: ModuleType, tmp_path: Path) -> None:
    async with pool_of(tasks) as pool:
        hanging = (await pool.run("greet"))[3]
        pool._timeout_s = 0.5
        assert await code_of(pool, "sleep", tmp_path / "pid") == "POOL-TIMEOUT"
        assert not alive(hanging)
        pool._timeout_s = 60
        assert (await pool.run("greet"))[2] == 1


async def test_a_task_that_swells_is_killed(tasks: ModuleType) -> None:
    async with pool_of(tasks, rss_limit_mb=150) as pool:
        assert await code_of(pool, "swell") == "POOL-MEMORY"
        assert (await pool.run("greet"))[2] == 1


async def test_a_process_that_grew_is_replaced_after_its_task(tasks: ModuleType) -> None:
    async with pool_of(tasks, rss_limit_mb=150) as pool:
        grown = await pool.run("keep", 160)
        _, _, calls, other = await pool.run("greet")
        assert (calls, other != grown) == (1, True)


async def test_a_crash_is_tried_once_more(tasks: ModuleType, tmp_path: Path) -> None:
    async with pool_of(tasks) as pool:
        assert await pool.run("die once", tmp_path / "mark") == "second try"
        assert await code_of(pool, "die") == "POOL-CRASHED"
        assert (await pool.run("greet"))[2] == 1


async def test_a_full_queue_refuses(tasks: ModuleType, tmp_path: Path) -> None:
    async with pool_of(tasks, queue_limit=2) as pool:
        await pool.run("greet")
        running = [asyncio.create_task(pool.run("wait", tmp_path / "go")) for _ in range(3)]
        await asyncio.sleep(0)
        assert await code_of(pool, "greet") == "POOL-BUSY"
        (tmp_path / "go").touch()
        assert await asyncio.gather(*running) == ["seen"] * 3


async def test_two_processes_work_at_the_same_time(tasks: ModuleType, tmp_path: Path) -> None:
    async with pool_of(tasks, workers=2) as pool:
        waiting = asyncio.create_task(pool.run("wait", tmp_path / "go"))
        await pool.run("greet")
        (tmp_path / "go").touch()
        assert await waiting == "seen"


async def test_a_caller_that_goes_away_costs_no_process(tasks: ModuleType, tmp_path: Path) -> None:
    async with pool_of(tasks) as pool:
        pid = (await pool.run("greet"))[3]
        caller = asyncio.create_task(pool.run("wait", tmp_path / "go"))
        await asyncio.sleep(0.05)
        caller.cancel()
        (tmp_path / "go").touch()
        assert (await pool.run("greet"))[2:] == (3, pid)


async def test_a_process_that_cannot_start_says_so(tasks: ModuleType) -> None:
    async with pool_of(tasks, initial=("broken",)) as pool:
        assert await code_of(pool, "greet") == "POOL-FAILED"
        assert not pool.ready


async def test_closing_stops_running_and_waiting_tasks(tasks: ModuleType, tmp_path: Path) -> None:
    async with pool_of(tasks) as pool:
        running = asyncio.create_task(pool.run("sleep", tmp_path / "pid"))
        while not (tmp_path / "pid").exists():
            await asyncio.sleep(0.01)
        waiting = asyncio.create_task(pool.run("greet"))
        await asyncio.sleep(0)
        await pool.close()
        for task in (running, waiting):
            with pytest.raises(GatewayError, match="stopping"):
                await task
        assert await code_of(pool, "greet") == "POOL-BUSY"
        assert not alive(int((tmp_path / "pid").read_text()))


async def test_processes_end_when_their_parent_is_killed(tasks: ModuleType, tmp_path: Path) -> None:
    program = f"""
import asyncio, os, signal, sys
sys.path.insert(0, {str(Path(tasks.__file__ or "").parent)!r})
import pool_tasks
from gateway.core.pool import ComputePool

async def main():
    pool = ComputePool(pool_tasks.prepare, pool_tasks.work, initial=("hello",), workers=1,
                       timeout_s=30, rss_limit_mb=500, queue_limit=1)
    print((await pool.run("greet"))[3], flush=True)
    os.kill(os.getpid(), signal.SIGKILL)

if __name__ == "__main__":
    asyncio.run(main())
"""
    (tmp_path / "parent.py").write_text(program)
    parent = await asyncio.create_subprocess_exec(
        sys.executable, str(tmp_path / "parent.py"), stdout=asyncio.subprocess.PIPE, env=os.environ
    )
    out, _ = await parent.communicate()
    child = int(out)
    async with asyncio.timeout(60):
        while alive(child):
            await asyncio.sleep(0.02)
