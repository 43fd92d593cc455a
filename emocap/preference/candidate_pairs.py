"""The pairs that can be judged: all that captioners have in common, or those of a table."""

# Tested in tests/preference/test_run.py.

from collections import defaultdict
from collections.abc import Iterator, Sequence

from emocap.preference.active_sampling import Candidates, Models
from emocap.preference.comparison_data import ComparisonData
from emocap.preference.pairs import Pair, drawn_order, every_pair


class AllPairs:
    """Each two captioners on every input that both have described, in an order that is as good as drawn."""

    def __init__(self, data: ComparisonData, seed: int) -> None:
        self._data, self._seed = data, seed
        self.captioners = sorted(data.descriptions)

    def __iter__(self) -> Iterator[Pair]:
        """Input by input."""
        for name in self._data.names():
            there = [captioner for captioner in self.captioners if name in self._data.descriptions[captioner]]
            yield from (self.at(models, name) for models in every_pair(there))

    def at(self, models: Models, name: str) -> Pair:
        """Two captioners, in the order of the alphabet, on one input."""
        return drawn_order(self._seed, self._data.pair(name, *models))

    def candidates(self) -> Candidates:
        """All of them."""
        inputs = {models: list(self._data.shared(*models)) for models in every_pair(self.captioners)}
        return Candidates(inputs, self._seed)


class GivenPairs:
    """The pairs of a table, each once and as it stands there first."""

    def __init__(self, pairs: Sequence[Pair], seed: int) -> None:
        once: dict[str, Pair] = {}
        for pair in pairs:
            once.setdefault(pair.key, pair)
        self._pairs = list(once.values())
        self._seed = seed
        self.captioners = sorted({model for pair in self._pairs for model in pair.models or ()})

    def __iter__(self) -> Iterator[Pair]:
        return iter(self._pairs)

    def at(self, models: Models, name: str) -> Pair:
        """Two captioners, in the order of the alphabet, on one input: the first such pair."""
        wanted = sorted(models)
        return next(pair for pair in self._pairs if pair.name == name and sorted(pair.models or ()) == wanted)

    def candidates(self) -> Candidates:
        """Those whose authors are known."""
        inputs: dict[Models, list[str]] = defaultdict(list)
        for pair in self._pairs:
            if pair.models:
                first, second = sorted(pair.models)
                inputs[first, second].append(pair.name)
        return Candidates(inputs, self._seed)


Pool = AllPairs | GivenPairs
