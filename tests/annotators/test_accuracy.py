import numpy as np
import pytest
from sklearn.metrics import accuracy_score, confusion_matrix, f1_score

from emocap import metrics
from emocap.annotators.accuracy import TIED, Confusions, Consensus, majority


def test_accuracy_and_f1_of_each_annotator_are_scikit_learns() -> None:
    random = np.random.default_rng(0)
    given_NA, told_NA = random.integers(-1, 4, (80, 3)), random.integers(-1, 4, (80, 3))
    weight_N = random.integers(0, 3, 80).astype(float)
    count_ACC = Confusions(given_NA, told_NA, 4).at(weight_N)
    for who in range(3):
        known = (given_NA[:, who] >= 0) & (told_NA[:, who] >= 0)
        of = (given_NA[known, who], told_NA[known, who])
        assert (count_ACC[who] == confusion_matrix(*of, labels=range(4), sample_weight=weight_N[known])).all()
        assert metrics.war(count_ACC[who]) == pytest.approx(accuracy_score(*of, sample_weight=weight_N[known]))
        assert metrics.macro_f1(count_ACC[who]) == pytest.approx(
            f1_score(*of, average="macro", sample_weight=weight_N[known])
        )
        assert metrics.weighted_f1(count_ACC[who]) == pytest.approx(
            f1_score(*of, average="weighted", sample_weight=weight_N[known])
        )


def test_the_majority_has_most_votes_or_is_tied() -> None:
    label_NA = np.array([[1, 1, 0], [0, 1, 2], [0, 0, 1], [-1, 2, -1], [-1, -1, -1], [1, 0, -1]])
    assert majority(label_NA, 3).tolist() == [1, TIED, 0, 2, -1, TIED]


def test_consensus_counts_where_labels_have_a_majority() -> None:
    given_NA = np.array([[1, 1, 0], [0, 0, 1], [0, 1, -1], [2, 2, 2], [1, 1, -1]])
    told_NA = np.array([[1, 0, 1], [0, 1, 2], [0, 0, 0], [-1, 0, 0], [-1, -1, -1]])
    consensus = Consensus(given_NA, told_NA, 3)
    # Right, undecided and so wrong, without truth, wrong, without prediction.
    assert consensus.at(np.ones(5)) == pytest.approx(1 / 3)
    assert (consensus.without_truth, consensus.undecided) == (1, 1)
    assert consensus.at(np.array([2.0, 0, 5, 1, 9])) == pytest.approx(2 / 3)
    assert np.isnan(consensus.at(np.array([0.0, 0, 1, 0, 1])))
