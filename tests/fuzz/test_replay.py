"""Everything fuzzing has found so far, and the published files, once through the targets."""

import random
import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import fuzz_seeds
import fuzz_targets

CORPUS = Path(__file__).parent / "corpus"


@pytest.mark.parametrize("target", sorted(fuzz_targets.TARGETS))
def test_the_seeds_are_accepted(target):
    run = fuzz_targets.TARGETS[target]
    accepted = [run(one) for one in fuzz_targets.OWN_SEEDS[target]()]
    assert all(accepted), accepted


@pytest.mark.parametrize("target", sorted(fuzz_targets.TARGETS))
def test_the_kept_corpus_is_read_or_refused(target):
    kept = sorted((CORPUS / target).glob("*"))
    assert kept, f"no corpus of {target} is kept in {CORPUS}"
    for one in kept:
        fuzz_targets.TARGETS[target](one.read_bytes())


@pytest.mark.parametrize("target", sorted(fuzz_targets.TARGETS))
def test_published_files_are_read_or_refused(target):
    found = list(fuzz_seeds.published(target))
    if not found:
        pytest.skip("the third-party vectors (../shared/vectors) are not on this machine")
    for one in found:
        fuzz_targets.TARGETS[target](one)


@pytest.mark.parametrize("target", sorted(fuzz_targets.TARGETS))
def test_a_few_hundred_mutations_are_read_or_refused(target):
    draw = random.Random(20261122)
    seeds = list(fuzz_targets.OWN_SEEDS[target]())
    for _ in range(200):
        data = bytearray(draw.choice(seeds))
        for _ in range(draw.randint(1, 4)):
            data[draw.randrange(len(data))] = draw.randrange(256)
        fuzz_targets.TARGETS[target](bytes(data))
