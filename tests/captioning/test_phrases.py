"""The phrase book: every phrase tells its units, no phrase tells another one, and a broken book is refused."""

import copy
import re
from functools import cache
from typing import Any

import pytest

from emocap.captioning import phrases
from emocap.captioning.phrases import Movement, load, units_of
from emocap.core.errors import UserError
from emocap.schema.captions import named_emotions
from emocap.schema.facs import UNITS

_BROWS = r"(?:whole|entire) (?:\w+ )?(?:eye)?brow|raised (?:eye)?brows|raise of both eyebrows|whole length"
TELLS = {
    1: (rf"inner|{_BROWS}", rf"inner (?:\w+ )?(?:brow|corner|end|part)|{_BROWS}"),
    2: (rf"outer|{_BROWS}", rf"outer (?!corners of the eyes)|{_BROWS}"),
    4: (r"frown|knit|furrow|together|toward each other", r"frown|knit\b|furrow|(?:drawn|come|pulled) together"),
    5: (
        r"upper (?:eye)?lid|upper-lid|widened",
        r"widened|upper[- ]lid raise|\bstar(?:e|ing)\b|raise.* upper (?:eye)?lid",
    ),
    6: (r"cheek", r"cheeks? (?:\w+ ){0,3}(?:rais|lift|push|ris|move)|lift of the (?:\w+ )?cheek|crow's|cheek-rais"),
    7: (
        r"tighten|narrow|tens",
        r"lids? (?:\w+ ){0,3}(?:tight|tens)|tight\w* (?:\w+ ){0,3}(?:eye)?lid|narrow\w* .*eye",
    ),
    9: (r"wrinkl|scrunch|crinkl", r"nose (?:\w+ ){0,3}(?:wrinkl|scrunch|crinkl)|wrinkl\w* (?:\w+ ){0,4}nose|nose-wr"),
    10: (r"upper[- ]lip\b", r"upper[- ]lip\b"),
    11: (r"nasolabial|fold", r"nasolabial|folds? (?:on|beside|from)"),
    12: (r"smil|upturned", r"smil|upturned|grin|smirk"),
    13: (r"sharp", r"sharp (?:pull|angle|lip)"),
    14: (r"dimpl", r"dimpl"),
    15: (
        r"down|lower",
        r"downturned|turn(?:s|ed)? down at|corners? (?:\w+ ){0,5}(?:pulled|drawn|turn) down|lowered (?:lip )?corner",
    ),
    16: (r"lower[- ]lip", r"lower lip (?:\w+ ){0,2}(?:pulled|drawn|lowered)|lowered lower lip|lower-lip lowering"),
    17: (r"chin", r"chin (?:boss|moves)|chin (?:\w+ ){0,3}(?:pushed|raised|bunched)|push (?:\w+ )?of the chin|chin-r"),
    18: (r"pucker", r"pucker"),
    20: (r"stretch", r"sideways|stretched (?:lips|back|to the sides|toward)"),
    22: (r"funnel", r"funnel"),
    23: (r"tighten", r"lips? (?:\w+ ){0,3}tighten|tighten\w* (?:of the |the )?lips|lip-tight|thinned"),
    24: (r"\bpress|-press", r"\bpress(?!ing hollows)|lip-press"),
    25: (r"part", r"parted|lips part\b|parting|parts the lips|move apart"),
    26: (r"jaw", r"jaw (?:\w+ ){0,3}(?:drop|lowered|hang)|drop\w* (?:of the )?jaw|lowered jaw|jaw drop"),
    27: (r"stretch", r"stretch\w* (?:the mouth |\w+ )?open|stretch (?:pulls the mouth|opens)|opening stretch"),
    28: (r"suck", r"suck"),
    43: (r"clos", r"eyes? (?:\w+ ){0,4}closed|closed (?:eyes|over)|eye closure|closing (?:them|it|the eyes)"),
    45: (r"blink", r"blink"),
    46: (r"wink", r"\bwink"),
    51: (r"left", r"head (?:\w+ ){0,5}(?:turn|rotat)\w* (?:\w+ ){0,3}to the left|leftward head turn"),
    52: (r"right", r"head (?:\w+ ){0,5}(?:turn|rotat)\w* (?:\w+ ){0,3}to the right|rightward head turn"),
    53: (r"rais|back", r"head (?:\w+ ){0,3}(?:raise|lifted|tipped back)|raises the head|raised head|backward tip"),
    54: (r"lower|bow|forward", r"head (?:\w+ ){0,3}(?:lower|bow)|lowers the head|lowered head|forward tip"),
    55: (r"tilt.*left|left.*tilt", r"tilt\w* (?:\w+ ){0,5}to(?:ward)? the left|leftward head tilt"),
    56: (r"tilt.*right|right.*tilt", r"tilt\w* (?:\w+ ){0,5}to(?:ward)? the right|rightward head tilt"),
    61: (r"left", r"(?:gaze|eyes?|irises) (?:\w+ ){0,5}to the left|leftward gaze|eyes \w+ turned left"),
    62: (r"right", r"(?:gaze|eyes?|irises) (?:\w+ ){0,5}to the right|rightward gaze|eyes \w+ turned right"),
    63: (r"\bup", r"upward gaze|(?:gaze|eyes?|irises) (?:(?!and)\w+ ){0,5}upward|turned up and|look up\b"),
    64: (
        r"down|lowered",
        r"downward gaze|(?:gaze|eyes?|irises) (?:(?!and)\w+ ){0,5}downward|gaze is lowered|turned down and|look down",
    ),
}
"""Unit → what one of its phrases must match, within a text about its region; what no text without the unit may."""


def worded(movement: Movement, *, name: bool = True) -> list[str]:
    """The phrases that a unit can be told by, with their slots struck out."""
    texts = [
        phrase.text
        for part in (movement.both, movement.one, movement.cited, movement.cited_one, movement.added)
        for phrase in part
    ]
    if name and isinstance(movement, phrases.UnitWords):
        texts.append(movement.name)
    return [plain(text) for text in texts]


def plain(text: str) -> str:
    return " ".join(re.sub(r"\{side\}", "left", re.sub(r"\{(?!side)\w+\}", "clearly", text)).split())


def movements() -> list[tuple[frozenset[int], Movement]]:
    book = load()
    single = [(frozenset({number}), words) for number, words in book.units.items()]
    parts = [*book.combinations.items(), *book.forehead.items()]
    return [*single, *((units_of(key), words) for key, words in parts)]


def test_the_table_knows_every_unit() -> None:
    assert TELLS.keys() == UNITS.keys()


@pytest.mark.parametrize(
    ("numbers", "words"),
    movements(),
    ids=lambda value: "" if isinstance(value, Movement) else "+".join(map(str, sorted(value))),
)
def test_every_phrase_tells_its_units_and_no_others(numbers: frozenset[int], words: Movement) -> None:
    for text in worded(words):
        missed = [number for number in numbers if not re.search(TELLS[number][0], text)]
        assert not missed, f"{text!r} does not tell {missed}"
    everything = [*worded(words), *(plain(text) for text in words.texts())]
    for text in everything:
        invented = [number for number in UNITS if number not in numbers and re.search(TELLS[number][1], text)]
        assert not invented, f"{text!r} tells {invented}"


def test_no_other_part_of_the_book_tells_a_unit() -> None:
    book = load()
    rest = [text for entry in book.rest.values() for text in (*entry.says, *entry.aside)]
    frames = [text for part in (book.global_, book.summary) for kind in part.values() for text in kind]
    for text in (*rest, *book.rest_means, *frames, *book.typical, *book.while_):
        told = [number for number in UNITS if re.search(TELLS[number][1], text)]
        assert not told, f"{text!r} tells {told}"


def test_no_sentence_frame_or_evidence_names_an_emotion() -> None:
    book = load()
    evidence = [text for _, words in movements() for text in worded(words)]
    frames = [text for part in (book.global_, book.summary) for kind in part.values() for text in kind]
    asides = [text for entry in book.rest.values() for text in entry.aside]
    for text in (*evidence, *frames, *asides):
        assert not named_emotions(text), text


def test_suggestions_for_one_side_speak_of_no_pair() -> None:
    pair = re.compile(r"\b(?:eyes|brows|eyebrows|cheeks|lids|eyelids|corners)\b")
    for numbers, words in movements():
        if words.one:
            for text in words.means.get("any", ()):
                assert not pair.search(text), f"{sorted(numbers)}: {text!r}"


def test_suggestions_without_a_known_emotion_name_none() -> None:
    for _, words in movements():
        for key, texts in words.means.items():
            for text in texts:
                assert named_emotions(text) <= set(key.split()), text


read = cache(phrases.read)


def broken(path: str, value: Any) -> dict[str, Any]:
    book = copy.deepcopy(read())
    inside: Any = book
    *parents, last = path.split("/")
    for key in parents:
        inside = inside[int(key) if key.isdigit() and int(key) in inside else key]
    if value is None:
        del inside[int(last) if last.isdigit() else last]
    else:
        inside[int(last) if last.isdigit() else last] = value
    return book


@pytest.mark.parametrize(
    ("path", "value", "complaint"),
    [
        ("units/12", None, "units \\[12\\]"),
        ("units/12/both", ["the lip corners are up"], "units.12"),
        ("units/12/both", ["the lip corners are {strongly} up"], "not a slot"),
        ("units/12/both", ["The lip corners are {ly} raised"], "no capital"),
        ("units/12/both", ["the lip corners are {ly} raised."], "no point"),
        ("units/12/both", ["the {side} lip corner is {ly} raised"], "belongs into phrases for one side"),
        ("units/12/both", ["the left lip corner is {ly} raised"], "write \\{side\\}"),
        ("units/12/degrees", "volume", "no set of degrees 'volume'"),
        ("units/12/means", {"bliss": ["as in bliss"]}, "bliss is neither"),
        ("units/12/smell", "sweet", "smell"),
        ("combinations/12+25/both", ["a(n) {adj12} smile"], "12\\+25"),
        ("combinations/12+25/both", ["a(n) {adj12} smile with {ly25} parted, {ly26} opened lips"], "12\\+25"),
        ("degrees/movement/ly/A", ["slightly"], "each its own"),
        ("degrees/movement/ly/E", [], "every letter"),
        ("emotions/anger/noun/low", ["joy"], "'joy' is not known as a word for anger"),
        ("emotions/fear", None, "emotions are"),
        ("global/feeling", ["the face shows {joy}"], "other slots"),
        ("summary/feeling", ["the face shows {feeling}"], "other slots"),
        ("summary/hidden", None, "kinds of frames"),
        ("touches/two", None, "touches are"),
        ("uneven", ["more so there"], "uneven: 'more so there' has other slots than side"),
        ("emotions/anger/noun/mid", None, "mid always"),
    ],
)  # fmt: skip
def test_a_broken_book_is_refused(path: str, value: Any, complaint: str) -> None:
    with pytest.raises(UserError, match=complaint):
        phrases.check(broken(path, value))
