"""One thing to be measured on: its pictures, wherever they lie, and what is known of it."""

# Tested in tests/benchmarks/readers/test_unbc.py.

from collections.abc import Mapping
from dataclasses import dataclass, field

from emocap.io.media import Media
from emocap.schema.captions import Caption


@dataclass(frozen=True, slots=True)
class Question:
    """A question with options of which one is right."""

    text: str
    options: tuple[str, ...]
    answer: int
    """Place of the right option, counted from 0."""


@dataclass(frozen=True, slots=True)
class Example:
    """One picture or clip with what is known of it; what a benchmark does not annotate is None."""

    name: str
    """Unique within the benchmark, and the same on every machine: a path below the data, or a key."""
    media: Media
    splits: tuple[str, ...] = ("test",)
    """train, val, test, or "" for none of them: one per official fold; a single one where there are no folds."""
    label: str | None = None
    """A class of the card once :func:`emocap.benchmarks.loading.read` has seen it; a reader gives what the annotation
    says."""
    units: Mapping[int, float] | None = None
    """FACS number → intensity 0 to 5, 0 where it is annotated as absent. A unit that was not coded is not there."""
    values: Mapping[str, float] | None = None
    """What is rated on a scale, such as valence, arousal or pspi."""
    question: Question | None = None
    subject: str | None = None
    """Who is seen; folds keep a person together."""
    groups: Mapping[str, str] = field(default_factory=dict)
    """What the data says of the person, such as gender, or of the question: subgroups are measured apart."""
    caption: Caption | None = None
    """Only where the card's task is retrieval."""
    labels: tuple[str, ...] | None = None
    """Several labels or free words for what is shown, where the benchmark has those."""
    options: tuple[str, ...] = ()
    """The labels that may be chosen from, where examples differ in that."""
    text: str | None = None
    """Words that belong to what is shown, such as the caption of a post or what is said in a clip."""
    clue: str | None = None
    """What a judge reads beside the pictures, such as a description of the voice."""
    reference: str | None = None
    """A text about it that counts as right."""
    rubric: tuple[str, ...] = ()
    """Points that a reasoned answer must make, each worth as much as any other."""
    perception: tuple[Question, ...] = ()
    """Questions about what is plainly to be seen or heard."""
