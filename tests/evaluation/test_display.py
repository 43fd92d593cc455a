import pytest

from emocap.evaluation.registry import display_of, displays, metric_display
from tests.support.leaderboard import row


@pytest.mark.parametrize(
    ("metric", "label"),
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
def test_metrics_have_the_names_of_the_field(metric: str, label: str) -> None:
    assert metric_display(metric).label == label


def test_metrics_of_texts_are_explained() -> None:
    assert metric_display("rea_s").meaning == "a judge's score of the steps before it, 0 where there are none"
    assert "the benchmark's own script counts" in (metric_display("rea_s_official").meaning or "")
    assert metric_display("uar").meaning is None


def test_of_errors_the_least_is_the_best() -> None:
    names = ("mae", "rmse_valence", "eer", "eer_scored", "gap", "gap_official", "uar", "ccc")
    assert [metric_display(name).lower_is_better for name in names] == [True] * 6 + [False] * 2
    assert [metric_display(name).has_unit for name in names] == [True] * 2 + [False] * 6


def test_emotions_have_a_table_for_pictures_clips_and_compound_ones() -> None:
    display = display_of("emotion")
    rows = [row(), row(media="clips"), row(media="sounds"), row(media="clips", compound=True)]
    assert [display.section(one) for one in rows] == ["static", "dynamic", "emotion", "compound"]


def test_a_task_without_a_display_is_shown_by_its_name() -> None:
    display = display_of("gaze_direction")
    assert (display.sections, display.section(row(task="gaze_direction"))) == (
        *({"gaze_direction": "Gaze direction"}, "gaze_direction"),
    )


def test_every_task_has_tables_of_its_own() -> None:
    keys = [key for display in displays() for key in display.sections]
    assert len(set(keys)) == len(keys)
    assert len({display.order for display in displays()}) == len(displays())


def test_wheels_that_are_not_the_authors_are_a_caveat() -> None:
    own = row(task="open_vocabulary", wheel="mine", wheel_is_the_authors=False)
    caveat = display_of("open_vocabulary").caveat(own)
    assert caveat
    assert caveat.text == "emotion wheels: mine"
    assert display_of("open_vocabulary").caveat(row(task="open_vocabulary", wheel_is_the_authors=True)) is None
