"""Zero-shot by prompts: classes, action units and the options of questions, by the cosine of picture and sentences.

The logits of all prompts of a class are averaged (Exp-CLIP).
"""

from collections.abc import Mapping, Sequence
from random import Random
from typing import TYPE_CHECKING

import numpy as np
import numpy.typing as npt

from emocap.benchmarks.cards import Card
from emocap.benchmarks.examples import Question
from emocap.core.errors import UserError
from emocap.evaluation.protocols.base import Protocol
from emocap.schema.facs import UNITS

if TYPE_CHECKING:
    from emocap.encoders import Encoder, Matrix

UNIT_PROMPTS = ("a face with {c}", "The face shows {c}.", "a photo of a person with {c}")
"""Of action units, where a card has none: ours."""
OPTION_PROMPTS = ("{c}", "a photo of a face with an expression of {c}.", "The face shows {c}.")
"""Of a question's options, where a card has none: ours, after Exp-CLIP."""
DESCRIPTIONS = "descriptions"
"""In place of a template: the sentences about how a class looks."""

Sentences = dict[str, list[str]]


def prompts(card: Card, templates: Sequence[str] | None = None) -> Sentences:
    """Class → every sentence that stands for it: each template with each of its words; of a compound its parts'.

    ``templates`` None: the card's; where it has none, the descriptions.
    """
    chosen = card.prompts if templates is None else templates
    if not chosen:
        return _descriptions(card)
    return {
        name: [prompt.replace("{c}", word) for prompt in chosen for word in one.components or one.words]
        for name, one in card.classes.items()
    }


def variants(card: Card) -> dict[str, Sentences]:
    """Each template alone, and where every class has some, the descriptions."""
    alone = {template: prompts(card, [template]) for template in card.prompts}
    described = all(one.descriptions for one in card.classes.values())
    return alone | ({DESCRIPTIONS: _descriptions(card)} if described else {})


def _descriptions(card: Card) -> Sentences:
    lacking = [name for name, one in card.classes.items() if not one.descriptions]
    if lacking:
        raise UserError(f"{card.title} has no prompts, and no descriptions of {', '.join(lacking)}")
    return {name: list(one.descriptions) for name, one in card.classes.items()}


def logits(encoder: "Encoder", sentences: Mapping[str, Sequence[str]], matrix: "Matrix") -> npt.NDArray[np.float32]:
    """Rows × classes: the mean cosine with a class's sentences.

    Of a compound emotion they are those of its parts, so that its embedding is the mean of theirs (EmoCLIP). Raises
    UserError for an encoder without a text tower, and for a class without sentences.
    """
    if empty := [name for name, own in sentences.items() if not own]:
        raise UserError(f"no words stand for {', '.join(empty)} in prompts")
    # The mean of logits is the logit of the mean embedding, which therefore is not normalised again.
    classes = [_embed(encoder, own).mean(0) for own in sentences.values()]
    return np.asarray(_unit(matrix) @ np.stack(classes).T)


def unit_sentences(card: Card) -> dict[int, tuple[list[str], list[str]]]:
    """Action unit → sentences that say it is there, and that it is not: its FACS name in the prompts, or "no"."""
    templates = card.prompts or UNIT_PROMPTS
    if unknown := [number for number in card.action_units if number not in UNITS]:
        raise UserError(f"{card.title}: no name is known for action unit {unknown[0]}; zero-shot needs one")
    return {
        number: (
            [template.replace("{c}", UNITS[number].name) for template in templates],
            [template.replace("{c}", f"no {UNITS[number].name}") for template in templates],
        )
        for number in card.action_units
    }


def unit_margins(encoder: "Encoder", card: Card, matrix: "Matrix") -> npt.NDArray[np.float32]:
    """Rows × units: by how much the sentences that a unit is there are nearer than those that it is not.

    Above 0 it counts as present: our reading of paired prompts, without a threshold that has seen labels.
    """
    pairs = unit_sentences(card).values()
    there, absent = (np.stack([_embed(encoder, pair[side]).mean(0) for pair in pairs]) for side in (0, 1))
    return np.asarray(_unit(matrix) @ (there - absent).T)


def shuffled(name: str, question: Question) -> list[int]:
    """Places of the options in an order that only the example's name decides: stored answers may always be first."""
    order = list(range(len(question.options)))
    Random(name).shuffle(order)
    return order


def choose(
    encoder: "Encoder", card: Card, names: Sequence[str], questions: Sequence[Question], matrix: "Matrix"
) -> tuple[npt.NDArray[np.int64], npt.NDArray[np.float32]]:
    """Of each question the place of the option that is nearest to the picture, and its cosine.

    An option stands in the card's prompts as a class does; of equals the first of the shuffled order is taken.
    """
    templates = card.prompts or OPTION_PROMPTS
    options = list(dict.fromkeys(option for question in questions for option in question.options))
    sentences = [template.replace("{c}", option) for option in options for template in templates]
    embedded = _embed(encoder, sentences).reshape(len(options), len(templates), -1).mean(1)
    number = {option: place for place, option in enumerate(options)}
    picked, cosines = [], []
    for name, question, row in zip(names, questions, _unit(matrix), strict=True):
        order = shuffled(name, question)
        cosine = embedded[[number[question.options[place]] for place in order]] @ row
        picked.append(order[int(cosine.argmax())])
        cosines.append(cosine.max())
    return np.array(picked), np.array(cosines, dtype=np.float32)


def _embed(encoder: "Encoder", sentences: Sequence[str]) -> "Matrix":
    if encoder.texts is None:
        raise UserError(f"{encoder.name} has no text tower: probe can measure it, zeroshot cannot")
    return encoder.texts(sentences).float().cpu().numpy()


def _unit(matrix: "Matrix") -> "Matrix":
    return np.asarray(matrix / np.linalg.norm(matrix, axis=1, keepdims=True))


PROTOCOL = Protocol("zeroshot", "zero-shot", 10, reads_texts=True)
