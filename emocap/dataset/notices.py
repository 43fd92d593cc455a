"""What a person should know of a finished build beside its counts, in words: for the screen and the page."""

from typing import Any

from emocap.captioning.registry import CAPTIONERS
from emocap.dataset.label_matches import in_words
from emocap.dataset.passed_over import PassedOver


def notices(manifest: dict[str, Any]) -> list[str]:
    """A line for each thing: files that were passed over, label rows and inputs without the other, no samples at all.

    Builds of earlier versions have nothing to say of files and rows.
    """
    counts = manifest["counts"]
    lines = [line for result in manifest.get("labels", []) for line in in_words(result)]
    if passed := counts.get("passed_over"):
        lines.append(f"files passed over: {PassedOver(passed).in_words()}")
    backend = manifest["captioner"]["backend"]
    wanted = backend in CAPTIONERS and CAPTIONERS[backend].make is not None
    if wanted and counts["samples"] == 0:
        lines.append(_no_samples(counts, CAPTIONERS[backend].from_labels))
    return lines


def _no_samples(counts: dict[str, Any], from_labels: bool) -> str:
    if not counts["faces"]:
        return "no sample, because no face was kept: the rejects say why of each input"
    if from_labels:
        return (
            f"no sample, because none of {counts['faces']:,} faces has labels to make a caption of: give sources "
            "labels or a pattern, or choose captioner.backend none (crops alone) or openai, with another out"
        )
    return f"no sample, because none of {counts['faces']:,} faces got a caption: the rejects say why"
