"""Rewards from emotion wheels: replies a second on one core, beside the formulas written out.

    python perf/wheel.py --wheel DIR >> perf/RESULTS.md

DIR holds the released wheels; without it, the small ones of our own are used. True and predicted sets have 2 to 6
words each, drawn from all forms that the wheels know; about one word in eight is unknown, as among the released labels
of OV-MERD.
"""

import argparse
import random
import time
from collections.abc import Callable, Sequence
from functools import cache
from pathlib import Path

import numpy as np
from machine import describe

from emocap.metrics.wheel.groups import groups
from emocap.metrics.wheel.resources import Wheels, load, small
from emocap.metrics.wheel.rewards import rewards

UNKNOWN = 1 / 8
LISTS = Sequence[list[str]]


def drawn(forms: Sequence[str], count: int, seed: int) -> list[list[str]]:
    lot = random.Random(seed)
    return [
        [f"unknown {lot.randrange(1000)}" if lot.random() < UNKNOWN else lot.choice(forms) for _ in range(size)]
        for size in (lot.randint(2, 6) for _ in range(count))
    ]


def plain(wheels: Wheels, true: LISTS, told: LISTS, place: Callable[[str, int], str | None]) -> list[float]:
    """Set by set, and on each wheel word by word, as the formulas say it."""
    found = []
    for labels, reply in zip(true, told, strict=True):
        own = []
        for wheel in range(len(wheels.wheels)):
            g = {group for label in labels if (group := place(label, wheel))}
            p = {group for label in reply if (group := place(label, wheel))}
            if not g:
                continue
            precision, recall = len(g & p) / len(p) if p else 0.0, len(g & p) / len(g)
            own.append(2 * precision * recall / (precision + recall) if precision + recall else 0.0)
        found.append(sum(own) / len(own) if own else 0.0)
    return found


def best(do: Callable[[], Sequence[float] | np.ndarray], rounds: int) -> tuple[float, np.ndarray]:
    """The least seconds of some rounds, and what came of it."""
    least, made = float("inf"), np.empty(0)
    for _ in range(rounds):
        begun = time.perf_counter()
        made = np.asarray(do())
        least = min(least, time.perf_counter() - begun)
    return least, made


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--wheel", type=Path, help="folder of the released wheels")
    parser.add_argument("--count", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=3)
    chosen = parser.parse_args()
    wheels = load(chosen.wheel) if chosen.wheel else small()
    forms = list(wheels.synonyms)
    true, told = drawn(forms, chosen.count, 0), drawn(forms, chosen.count, 1)
    texts = [str(labels) for labels in told]
    begun = time.perf_counter()
    ours = groups(wheels)
    ready = time.perf_counter() - begun

    remembered = cache(wheels.place)
    rows: list[tuple[str, Callable[[], Sequence[float] | np.ndarray]]] = [
        ("the formulas, word by word", lambda: plain(wheels, true, told, wheels.place)),
        ("the same, places of words remembered", lambda: plain(wheels, true, told, remembered)),
        ("emocap, predictions as text", lambda: rewards(ours, true, texts)),
        ("emocap, predictions as lists", lambda: rewards(ours, true, told)),
    ]
    times = [best(do, chosen.rounds) for _, do in rows]
    apart = max(float(np.abs(made - times[0][1]).max()) for _, made in times)
    print("## Rewards from emotion wheels\n")
    print(f"`python perf/wheel.py{' --wheel DIR' if chosen.wheel else ''}`: {chosen.count:,} pairs of a true and a")
    print(f"predicted set of 2 to 6 words, wheels {wheels.name} with {len(forms):,} forms, one process, one thread,")
    print(f"the least time of {chosen.rounds} rounds. Rewards differ by at most {apart:.0e}.\n")
    print("| | seconds | pairs a second | ratio |\n| --- | --- | --- | --- |")
    for (name, _), (seconds, _) in zip(rows, times, strict=True):
        print(f"| {name} | {seconds:.2f} | {chosen.count / seconds:,.0f} | {times[0][0] / seconds:.1f} × |")
    print(f"\nMaking the table of words once takes {ready:.2f} s.\n\n{describe('numpy')}\n")


if __name__ == "__main__":
    main()
