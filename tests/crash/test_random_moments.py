"""Killed again and again at random moments while invoices flow: nothing lost, nothing doubled."""

import random
import time

from crash_houses import wait_until
from crash_stage import CrashStage

KILLS = 50
ROUND = 10
SEED = 20261122
LONGEST_LIFE_S = 1.5


def test_death_at_random_moments(stage: CrashStage) -> None:
    """Seeded choices; where in its work a death finds a process is chance none the less."""
    dice = random.Random(SEED)
    for kill in range(1, KILLS + 1):
        victim = (stage.sender, stage.receiver)[kill % 2]
        stage.hand_in(dice.randint(1, 4))
        # Most deaths are meant to interrupt work, a few the start of the process.
        if dice.random() < 0.8:
            wait_until(victim.listens, f"the {victim.actor.key} listens")
        time.sleep(dice.uniform(0, LONGEST_LIFE_S))
        victim.kill()
        stage.kills += 1
        victim.start()
        if kill % ROUND == 0 or kill == KILLS:
            stage.come_to_rest()
