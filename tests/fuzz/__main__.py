"""Fuzz one target: ``python -m tests.fuzz TARGET --seconds N [--keep]``.

With atheris (``pip install 'peppol-gateway[fuzz]'``) the search follows coverage; without it
hypothesis mutates the seeds. A finding is written to ``tests/fuzz/corpus/TARGET`` and ends the
run; ``--keep`` adds the small inputs that reached new code.
"""

import argparse
import hashlib
import random
import subprocess
import sys
import tempfile
import time
from pathlib import Path

FOLDER = Path(__file__).parent
sys.path[:0] = [str(FOLDER), str(FOLDER.parents[1])]

KEPT_BYTES = 4096
KEPT_FILES = 150
SLOWEST_S = 10


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("target", choices=("mime", "sbdh", "ebms", "smp"))
    parser.add_argument("--seconds", type=int, default=60)
    parser.add_argument("--keep", action="store_true", help="keep what reached new code")
    parser.add_argument("--published", action="store_true", help="start from third-party files too")
    options = parser.parse_args()
    try:
        import atheris
    except ImportError:
        print("atheris is not installed: mutating without coverage")
        return mutate(options.target, options.seconds, published=options.published)
    return follow_coverage(atheris, options)


def write_seeds(target: str, folder: Path, *, published: bool) -> None:
    import fuzz_seeds
    import fuzz_targets

    found = [*fuzz_targets.OWN_SEEDS[target]()]
    found += [one.read_bytes() for one in sorted((FOLDER / "corpus" / target).glob("*"))]
    found += fuzz_seeds.published(target) if published else []
    for one in found:
        (folder / hashlib.sha256(one).hexdigest()[:16]).write_bytes(one)


def follow_coverage(atheris, options: argparse.Namespace) -> int:
    """Run libFuzzer in a child process, because it ends the process it runs in."""
    if "-inside" in sys.argv:
        raise AssertionError("the child does not come here")
    with tempfile.TemporaryDirectory() as place:
        seeds, found = Path(place) / "seeds", Path(place) / "found"
        seeds.mkdir()
        found.mkdir()
        write_seeds(options.target, seeds, published=options.published)
        words = Path(place) / "words"
        words.write_text(_dictionary(options.target))
        kept = FOLDER / "corpus" / options.target
        kept.mkdir(parents=True, exist_ok=True)
        command = [
            sys.executable,
            str(FOLDER / "fuzz_child.py"),
            options.target,
            str(found),
            str(seeds),
            f"-max_total_time={options.seconds}",
            f"-timeout={SLOWEST_S}",
            "-rss_limit_mb=1500",
            "-max_len=65536",
            "-print_final_stats=1",
            f"-dict={words}",
            f"-artifact_prefix={kept}/finding-",
        ]
        code = subprocess.run(command, check=False).returncode
        if options.keep:
            keep(found, kept)
        return code


def keep(found: Path, kept: Path) -> None:
    """Keep the smallest inputs that reached new code."""
    small = sorted(
        (one for one in found.iterdir() if one.stat().st_size <= KEPT_BYTES),
        key=lambda one: (one.stat().st_size, one.name),
    )
    for one in small[:KEPT_FILES]:
        (kept / one.name[:16]).write_bytes(one.read_bytes())


def _dictionary(target: str) -> str:
    import fuzz_targets

    words = []
    for word in fuzz_targets.WORDS[target]:
        text = "".join(
            chr(one) if 32 <= one < 127 and one not in b'"\\' else f"\\x{one:02x}" for one in word
        )
        words.append(f'"{text}"')
    return "\n".join(words) + "\n"


def mutate(target: str, seconds: int, *, published: bool) -> int:
    """The poor man's way: change seeds at random, for as long as asked."""
    import fuzz_seeds
    import fuzz_targets

    run = fuzz_targets.TARGETS[target]
    pool = [*fuzz_targets.OWN_SEEDS[target]()]
    pool += fuzz_seeds.published(target) if published else []
    draw = random.Random()
    deadline, count = time.monotonic() + seconds, 0
    while time.monotonic() < deadline:
        data = mutated(draw.choice(pool), fuzz_targets.WORDS[target], draw)
        began = time.monotonic()
        try:
            run(data)
            assert time.monotonic() - began < SLOWEST_S, "too slow"
        except Exception:
            name = f"finding-{hashlib.sha256(data).hexdigest()[:16]}"
            place = FOLDER / "corpus" / target
            place.mkdir(parents=True, exist_ok=True)
            (place / name).write_bytes(data)
            print(f"finding after {count} executions: {place / name}")
            raise
        count += 1
    print(f"{count} executions of {target}, no finding")
    return 0


def mutated(seed: bytes, words: tuple[bytes, ...], draw: random.Random) -> bytes:
    data = bytearray(seed)
    for _ in range(draw.randint(1, 6)):
        at = draw.randrange(len(data) + 1)
        match draw.randrange(5):
            case 0:
                data[at : at + 1] = bytes([draw.randrange(256)])
            case 1:
                del data[at : at + draw.randint(1, 64)]
            case 2:
                data[at:at] = draw.choice(words)
            case 3:
                data[at:at] = data[at : at + draw.randint(1, 256)]
            case _:
                end = at + draw.randint(1, 64)
                piece = data[at:end]
                del data[at:end]
                where = draw.randrange(len(data) + 1)
                data[where:where] = piece
    return bytes(data)


if __name__ == "__main__":
    sys.exit(main())
