import math

import pytest

from emocap.reports.measures import called, fraction, hundredfold, is_error, number


@pytest.mark.parametrize(
    ("metric", "told"),
    [
        ("local_text_to_image_r5", "local, text → image: R@5"),
        ("uar", "UAR"),
        ("macro_f1", "macro F1"),
        ("ccc_valence", "valence: CCC"),
        ("grouped_accuracy", "grouped accuracy"),
        ("cot_s", "CoT-S"),
        ("rec_s_official", "Rec-S, official"),
        ("perception_accuracy", "perception accuracy"),
        ("novel", "novel"),
    ],
)
def test_metrics_are_called_as_the_field_does(metric: str, told: str) -> None:
    assert called(metric) == told


def test_errors_are_no_fractions() -> None:
    assert [is_error(metric) for metric in ("mae", "rmse_valence", "uar", "ccc")] == [True, True, False, False]
    assert (is_error("gap"), hundredfold("gap", 0.171)) == (True, "17.1")
    assert (hundredfold("uar", 0.62849), hundredfold("mae", 0.62849)) == ("62.8", "0.628")


def test_what_rounds_to_zero_has_no_sign() -> None:
    assert (hundredfold("ccc", -0.0002), hundredfold("ccc", -0.052), fraction(-0.0002)) == ("0.0", "-5.2", "0.000")
    assert fraction(-0.052) == "−0.052"


def test_what_is_no_number_is_none() -> None:
    assert [number(value) for value in (math.nan, None, "0.5", 0.5, 1)] == [None, None, None, 0.5, 1.0]
