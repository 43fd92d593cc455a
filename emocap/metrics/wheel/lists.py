"""Labels out of a text."""

import re

_BETWEEN = re.compile("['\",]")


def string_to_list(text: str | float | None) -> list[str]:
    """The labels of a reply or of a cell such as ``[happy, relieved]`` or ``['happy', "relieved"]``.

    One bracket is taken off at either end, the rest is divided at quotes and commas, and what is blank is left out:
    AffectGPT's ``string_to_list``. Space around the brackets is no part of them (our reading; there, a line break
    behind the last one keeps it). None and nan, which are empty cells, give no labels.
    """
    if not isinstance(text, str):
        return []
    inner = text.strip().removeprefix("[").removesuffix("]")
    return [label for part in _BETWEEN.split(inner) if (label := part.strip())]
