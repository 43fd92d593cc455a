"""ASVspoof 2019, logical access: real voices, and those of systems that speak or convert speech."""

from collections.abc import Iterator
from pathlib import Path
from typing import Literal

from emocap.benchmarks.examples import Example
from emocap.benchmarks.readers.base import Layout, within
from emocap.core.errors import UserError
from emocap.io.media import Sound
from emocap.io.text import numbered_lines

_PROTOCOL = "ASVspoof2019_LA_cm_protocols/ASVspoof2019.LA.cm.eval.trl.txt"


class ASVspoof(Layout):
    """Lines ``LA_0039 LA_E_2834763 - A11 spoof`` of the protocol of the evaluation half (speaker, recording, nothing,
    attack or -, bonafide or spoof), and ``ASVspoof2019_LA_eval/flac``; both in ``LA``, or in the data itself. The
    attack is a group; real voices have none.
    """

    reader: Literal["asvspoof2019-la"]

    def read(self, root: Path) -> Iterator[Example]:
        """In the order of the protocol."""
        below = "LA/" if (root / "LA").is_dir() else ""
        for number, line in numbered_lines(root / below / _PROTOCOL):
            where = f"{root / below / _PROTOCOL}, line {number}"
            if len(parts := line.split()) != 5:
                raise UserError(
                    f"{where}: {line!r} is not a speaker, a recording, -, an attack, and bonafide or spoof"
                )
            speaker, recording, _, attack, key = parts
            yield Example(
                name=recording,
                media=Sound(within(root, f"{below}ASVspoof2019_LA_eval/flac/{recording}.flac", where)),
                label=key,
                subject=speaker,
                groups={} if attack == "-" else {"attack": attack},
            )


READER = ASVspoof
