"""Whether −1 is a rating of a table such as STREET's, or says that there is none."""

from collections.abc import Iterable

from emocap.annotators.annotations import Reading
from emocap.annotators.spelling import key_of, number
from emocap.core.errors import UserError

MINUS_ONE = "-1"


def is_missing(texts: Iterable[str], reading: Reading) -> bool:
    """Whether −1 stands for no label among these texts, the labels and predictions of all perspectives.

    STREET has two tables: the annotators' own with ratings −3, −2, −1, 1, 2, 3, and one with places 0 to 5, where
    SimLabel's code writes −1 for missing. So −1 is a rating where another number is negative, and missing beside
    numbers from 0 to more than 1, or beside words. What ``reading`` names decides before that.

    Raises UserError where it could be either, such as among −1, 0 and 1.
    """
    keys = {key_of(text) for text in texts} - {""}
    if MINUS_ONE not in keys or MINUS_ONE in {key_of(text) for text in reading.missing}:
        return False
    if reading.labels:
        return MINUS_ONE not in {key_of(text) for text in reading.labels}
    others = {number(key) for key in keys - {MINUS_ONE}} - {None}
    values = sorted(value for value in others if value is not None)
    if values and values[0] < 0:
        return False
    if not values or (values[0] == 0 and values[-1] > 1):
        return True
    named = ", ".join(f"{value:g}" for value in values)
    raise UserError(
        f"-1 can be a rating or stand for no label, and the other ratings ({named}) do not say which: "
        "name it among the labels, or as missing"
    )
