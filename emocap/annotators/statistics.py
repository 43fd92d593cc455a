"""All numbers of a task, of its items or of any resample of them."""

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import numpy.typing as npt

from emocap.annotators.accuracy import Confusions, Consensus
from emocap.annotators.agreement import Alpha, PairTables, kappa
from emocap.annotators.explanations import Cosines
from emocap.annotators.mds import Fit, Map, complete, draw_map, fit
from emocap.annotators.scale import Scale
from emocap.annotators.structure import Normalize, at_worst, correlation, dic, shuffled, square
from emocap.metrics.arrays import Labels, Numbers
from emocap.metrics.classification import macro_f1, war, weighted_f1


@dataclass(frozen=True)
class Comparing:
    """How two structures are compared."""

    normalize: Normalize = "none"
    off_diagonal_only: bool = False
    clip_negative: bool = False
    """Whether κ below 0 counts as 0, as in SimLabel."""


@dataclass(frozen=True)
class AlignedMaps:
    """The maps of two structures, laid upon each other."""

    kept_K: Labels
    """The annotators on them."""
    truth: Map
    model: Map
    fit: Fit


class AgreementStatistics:
    """The numbers of one task.

    Names of scalars: alpha, kappa_mean, dic, dic_worst, bae, bae_spearman, bae_pearson, accuracy_mean, macro_f1_mean,
    weighted_f1_mean, consensus. Of pairs: kappa; predicted, explained and the κ of the labels on the same items,
    truth_predicted, truth_explained; difference and difference_worst, of the labels from the predictions. Of
    annotators: kappa_with_others, accuracy, macro_f1, weighted_f1.
    """

    def __init__(
        self,
        given_NA: Labels,
        scale: Scale,
        predicted_NA: Labels | None = None,
        vector_NAD: npt.NDArray[np.floating] | None = None,
        comparing: Comparing | None = None,
    ) -> None:
        classes = len(scale.value_C)
        self.items, self.annotators = given_NA.shape
        self.comparing = comparing or Comparing()
        self._scale = scale
        self._alpha = Alpha(given_NA, scale)
        self._tables = {"kappa": PairTables(given_NA, classes)}
        self._confusions: Confusions | None = None
        self._cosines: Cosines | None = None
        if predicted_NA is not None:
            both_NA = (given_NA >= 0) & (predicted_NA >= 0)
            self._tables["truth_predicted"] = PairTables(np.where(both_NA, given_NA, -1), classes)
            self._tables["predicted"] = PairTables(np.where(both_NA, predicted_NA, -1), classes)
            self._confusions = Confusions(given_NA, predicted_NA, classes)
            self.consensus = Consensus(given_NA, predicted_NA, classes)
        if vector_NAD is not None:
            explained_N = (~np.isnan(vector_NAD).any(2)).any(1)
            self._tables["truth_explained"] = PairTables(np.where(explained_N[:, None], given_NA, -1), classes)
            self._cosines = Cosines(vector_NAD)
        self.point = self.at(np.ones(self.items))
        if self.explained_map:
            self.point["bae"] = np.array(1 - self.explained_map.fit.disparity)

    def at(self, weight_N: Numbers) -> dict[str, Numbers]:
        """All numbers but those of maps. weight_N: how often each item counts."""
        numbers: dict[str, Numbers] = {"alpha": np.array(self._alpha.at(weight_N))}
        numbers |= {name: kappa(tables.at(weight_N), self._scale) for name, tables in self._tables.items()}
        numbers["kappa_mean"] = mean(numbers["kappa"])
        numbers["kappa_with_others"] = mean(square(numbers["kappa"], self.annotators, np.nan), axis=1)
        if self._confusions:
            truth_P, predicted_P = self.structures(numbers, "predicted")
            for name, model_P in (("", predicted_P), ("_worst", at_worst(predicted_P))):
                numbers |= {f"difference{name}": truth_P - model_P, f"dic{name}": np.array(self.dic(truth_P, model_P))}
            count_ACC = self._confusions.at(weight_N)
            rates = {"accuracy": war, "macro_f1": macro_f1, "weighted_f1": weighted_f1}
            numbers |= {name: rate(count_ACC) for name, rate in rates.items()}
            numbers |= {f"{name}_mean": mean(numbers[name]) for name in rates}
            numbers["consensus"] = np.array(self.consensus.at(weight_N))
        if self._cosines:
            numbers["explained"] = self._cosines.at(weight_N)
            structures = self.structures(numbers, "explained")
            numbers["bae_spearman"] = np.array(correlation(*structures, ranks=True))
            numbers["bae_pearson"] = np.array(correlation(*structures, ranks=False))
        return numbers

    def dic(self, truth_P: Numbers, model_P: Numbers) -> float:
        """DIC as it was asked for."""
        comparing = self.comparing
        return dic(truth_P, model_P, self.annotators, comparing.normalize, comparing.off_diagonal_only)

    def shared(self, structure: str) -> Labels:
        """P: how many items the value of each pair is of."""
        if structure == "explained" and self._cosines:
            return self._cosines.shared()
        return self._tables[structure].shared()

    def structures(self, numbers: dict[str, Numbers], kind: str) -> tuple[Numbers, Numbers]:
        """The labels' structure and that of ``kind``, predicted or explained, as they are compared."""
        truth_P, model_P = numbers[f"truth_{kind}"], numbers[kind]
        if self.comparing.clip_negative:
            truth_P, model_P = np.maximum(truth_P, 0), model_P if kind == "explained" else np.maximum(model_P, 0)
        return truth_P, model_P

    def shuffled(self) -> dict[str, float]:
        """What measures of a structure would be if annotators were in any other order; NaN where it says nothing."""
        others = {}
        if self._confusions:
            truth_P, predicted_P = self.structures(self.point, "predicted")
            for name, model_P in (("dic", predicted_P), ("dic_worst", at_worst(predicted_P))):
                others[name] = shuffled(model_P, self.annotators, lambda order_P: self.dic(truth_P, order_P))
        if self.explained_map:
            others["bae"] = 1 - self.explained_map.fit.shuffled
        return others

    def bae(self, numbers: dict[str, Numbers]) -> float:
        """BAE of the numbers of a resample; NaN where it has no maps.

        They start from where those of all items ended, so that what differs is the labels and not the start.
        """
        aligned = self.explained_map
        if aligned is None:
            return float("nan")
        inner = np.ix_(aligned.kept_K, aligned.kept_K)
        truth_AA, model_AA = (square(value_P, self.annotators) for value_P in self.structures(numbers, "explained"))
        fitted = fit(
            draw_map(truth_AA[inner], aligned.truth.point_K2), draw_map(model_AA[inner], aligned.model.point_K2)
        )
        return 1 - fitted.disparity if fitted else float("nan")

    @cached_property
    def own_map(self) -> tuple[Labels, Map] | None:
        """The map of the labels' structure, and the annotators on it; None where it has none."""
        similarity_AA = square(self.point["kappa"], self.annotators)
        kept_K = complete(similarity_AA)
        drawn = draw_map(similarity_AA[np.ix_(kept_K, kept_K)])
        return (kept_K, drawn) if drawn else None

    @cached_property
    def predicted_map(self) -> AlignedMaps | None:
        """The maps of labels and predictions; None where there are none."""
        return self._aligned("predicted") if self._confusions else None

    @cached_property
    def explained_map(self) -> AlignedMaps | None:
        """The maps of labels and explanations; None where there are none."""
        return self._aligned("explained") if self._cosines else None

    def _aligned(self, kind: str) -> AlignedMaps | None:
        truth_AA, model_AA = (square(value_P, self.annotators) for value_P in self.structures(self.point, kind))
        kept_K = complete(truth_AA, model_AA)
        inner = np.ix_(kept_K, kept_K)
        truth, other = draw_map(truth_AA[inner]), draw_map(model_AA[inner])
        fitted = fit(truth, other, shuffle=True)
        return AlignedMaps(kept_K, truth, other, fitted) if truth and other and fitted else None


def mean(values: Numbers, axis: int | None = None) -> Numbers:
    """Over what is a number; NaN where nothing is."""
    known = ~np.isnan(values)
    total, count = np.where(known, values, 0.0).sum(axis), known.sum(axis)
    return np.asarray(np.divide(total, count, out=np.full(np.shape(total), np.nan), where=count > 0))
