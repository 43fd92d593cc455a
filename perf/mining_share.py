"""How much of perfect mining's gain a rule keeps, and how well some seeds tell it.

    python perf/mining_share.py --local 0.756 0.789 0.761 --rule 0.805 0.792 0.786 --labels 0.847 0.815 0.815

The numbers are zero-shot UARs of perf/ablation.py, a seed each and in the same order: without mining, with the rule,
with positives by the labels. Seeds are drawn anew for the interval.
"""

import argparse

import numpy as np

ROUNDS = 10_000


def share(local_S: np.ndarray, rule_S: np.ndarray, labels_S: np.ndarray) -> np.ndarray:
    return np.asarray((rule_S.sum(-1) - local_S.sum(-1)) / (labels_S.sum(-1) - local_S.sum(-1)))


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name in ("local", "rule", "labels"):
        parser.add_argument(f"--{name}", type=float, nargs="+", required=True)
    chosen = parser.parse_args()
    rows = [np.array(one) for one in (chosen.local, chosen.rule, chosen.labels)]
    if len({len(row) for row in rows}) > 1:
        parser.error("as many seeds of each")
    for name, row in zip(("local", "rule", "labels"), rows, strict=True):
        print(f"{name}: {row.mean():.3f} ± {row.std(ddof=1):.3f}")
    drawn = np.random.default_rng(0).integers(0, len(rows[0]), (ROUNDS, len(rows[0])))
    low, high = np.quantile(share(*(row[drawn] for row in rows)), [0.025, 0.975])
    print(f"share: {share(*rows):.2f}, 95% of {ROUNDS:,} draws of the seeds: {low:.2f} to {high:.2f}")


if __name__ == "__main__":
    main()
