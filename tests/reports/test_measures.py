import math

import pytest

from emocap.reports.measures import called, fraction, has_unit, hundredfold, is_error, meaning, number


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("local_text_to_image_r5", "local, text → image: R@5"),
        ("uar", "UAR"),
        ("macro_f1", "macro F1"),
        ("ccc_valence", "valence: CCC"),
        ("grouped_accuracy", "grouped accuracy"),
        ("uar_official", "UAR, official denominator"),
        ("grouped_accuracy_official", "grouped accuracy, official denominator"),
        ("rouge_l", "ROUGE-L"),
        ("accuracy_official", "accuracy, official denominator"),
        ("eer", "EER"),
        ("eer_scored", "EER of what has a score"),
        ("cot_s", "CoT-S"),
        ("rec_s_official", "Rec-S, official denominator"),
        ("perception_accuracy", "perception accuracy"),
        ("novel", "novel"),
    ],
)
def test_metrics_are_called_as_the_field_does(metric: str, told: str) -> None:
    assert called(metric) == told


def test_measures_of_texts_are_explained() -> None:
    assert meaning("rea_s") == "a judge's score of the steps before it, 0 where there are none"
    assert "the benchmark's own script counts" in (meaning("rea_s_official") or "")
    assert meaning("uar") is None


def test_errors_are_no_fractions_but_some() -> None:
    names = ("mae", "rmse_valence", "eer", "eer_scored", "gap", "uar", "ccc")
    assert [is_error(metric) for metric in names] == [True, True, True, True, True, False, False]
    assert [has_unit(metric) for metric in names] == [True, True, False, False, False, False, False]
    assert hundredfold("gap", 0.171) == "17.1"
    assert (hundredfold("uar", 0.62849), hundredfold("mae", 0.62849)) == ("62.8", "0.628")
    assert hundredfold("eer", 0.0184) == "1.8"


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert (hundredfold("ccc", -0.0002), hundredfold("ccc", -0.052), fraction(-0.0002)) == ("0.0", "-5.2", "0.000")
    assert fraction(-0.052) == "−0.052"


def test_what_is_no_number_is_none() -> None:
    assert [number(value) for value in (math.nan, None, "0.5", 0.5, 1)] == [None, None, None, 0.5, 1.0]
