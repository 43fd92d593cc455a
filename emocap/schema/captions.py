"""The caption schema: one model that is the JSON Schema, the field list of a prompt, and the first check of a caption.

A caption has the three parts of EmoCap100K (arXiv 2507.21015, Fig. 1): ``global``, the overall affective state with
its intensity; ``local``, one entry per visible region; ``summary``, the conclusion with its evidence. The exact JSON
form of the paper is not published: this one is our reading.
"""

import re
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from emocap.schema.facs import UNITS, split_code
from emocap.schema.facs import mirror as mirror_units

SCHEMA_VERSION = 1

Text = Annotated[str, StringConstraints(strip_whitespace=True, min_length=1)]
Region = Literal["forehead", "eyebrows", "eyes", "nose", "cheeks", "mouth", "chin", "head"]


def _known_code(code: str) -> str:
    code = code.removeprefix("AU")  # as models write it out of habit
    split_code(code)
    return code


_CODES = [f"{side}{number}" for number in UNITS for side in ("", "L", "R")]
Code = Annotated[str, AfterValidator(_known_code), Field(json_schema_extra={"enum": _CODES})]


class LocalCaption(BaseModel):
    """What one region of the face does."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    region: Region = Field(description="the part of the face that the sentence is about")
    text: Text = Field(description="one sentence: what is seen there, how strongly, and what it suggests")
    action_units: list[Code] = Field(default=[], description="FACS action units seen there, such as 4 or L12")
    intensity: float | None = Field(
        default=None, ge=0, le=5, description="FACS intensity of the strongest of them, 0 to 5"
    )


class Caption(BaseModel):
    """A structured facial-emotion caption, schema version 1. In JSON the first part is called ``global``."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True)

    global_: Text = Field(alias="global", description="the overall affective state and its intensity, in one sentence")
    local: list[LocalCaption] = Field(min_length=1, description="one entry per visible region of the face")
    summary: Text = Field(description="the emotion concluded from the regions, naming the evidence")
    emotions: list[Text] | None = Field(default=None, description="emotion words, the strongest first")
    valence: float | None = Field(default=None, ge=-1, le=1, description="unpleasant −1 to pleasant 1")
    arousal: float | None = Field(default=None, ge=-1, le=1, description="calm −1 to excited 1")

    def texts(self) -> list[str]:
        """Every sentence of the caption: global, each local one, summary."""
        return [self.global_, *(entry.text for entry in self.local), self.summary]


_KEYWORDS = ("type", "description", "enum", "items", "anyOf")


def json_schema() -> dict[str, Any]:
    """The JSON Schema of a caption in the strict form of ``response_format``: every property is required, no others
    are allowed, and there are no references, defaults, ranges or lengths, which not every server understands;
    :class:`Caption` checks those when the reply comes back.
    """
    whole = Caption.model_json_schema()
    definitions = whole.get("$defs", {})

    def strict(node: dict[str, Any]) -> dict[str, Any]:
        if "$ref" in node:
            return strict(definitions[node["$ref"].rsplit("/", 1)[1]] | {k: v for k, v in node.items() if k != "$ref"})
        kept = {keyword: node[keyword] for keyword in _KEYWORDS if keyword in node}
        if "items" in kept:
            kept["items"] = strict(kept["items"])
        if "anyOf" in kept:
            kept["anyOf"] = [strict(choice) for choice in kept["anyOf"]]
        if "properties" in node:
            properties = {name: strict(inner) for name, inner in node["properties"].items()}
            return {
                "type": "object",
                "properties": properties,
                "required": list(properties),
                "additionalProperties": False,
            }
        return kept

    return strict(whole)


def field_list(schema: dict[str, Any] | None = None, indent: str = "") -> str:
    """The fields of a caption as a list for a prompt, one line each: name, meaning, and the words to choose from."""
    lines = []
    for name, node in (schema or json_schema())["properties"].items():
        words = node.get("enum", ())
        optional = {"type": "null"} in node.get("anyOf", ())
        notes = [node["description"], *([f"one of {', '.join(words)}"] if words else []), *(["or null"] * optional)]
        lines.append(f"{indent}- {name}: {'; '.join(notes)}")
        if "properties" in node.get("items", {}):
            lines.append(field_list(node["items"], indent + "  "))
    return "\n".join(lines)


_FAMILIES = {
    "happiness": r"happ(?:y|i\w+)|joy(?!less)\w*|cheer\w*|delight\w*|amus\w+|pleas(?:ed|ure)|content(?:ed|ment)?"
    r"|elat\w+|glad\w*",
    "sadness": r"sad\w*|sorrow\w*|grie[fv]\w*|unhapp\w+|melanchol\w+|deject\w+|despair\w*|gloom\w*",
    "anger": r"ang(?:er|ry|rily)|fur(?:y|ious)|rag(?:e|ing)|irritat\w+|annoy\w+|hostil\w+|resent\w+",
    "fear": r"fear(?!less)\w*|afraid|scared|fright\w*|terr(?:or|ified)|anxi\w+|alarm\w*|apprehens\w+|panic\w*",
    "disgust": r"disgust\w*|revuls\w+|revolted|repuls\w+|repelled|distaste",
    "surprise": r"surpris\w+|astonish\w+|amaz\w+|startl\w+|shock\w*|stunned",
    "contempt": r"contempt\w*|scorn\w*|disdain\w*",
    "neutral": r"neutral|impassive|expressionless|composed(?! of)",
}
FAMILIES = tuple(_FAMILIES)
"""The emotions that a text can be found to name."""
_FAMILY = {name: re.compile(rf"\b(?:{words})\b", re.IGNORECASE) for name, words in _FAMILIES.items()}
_NEGATED = re.compile(
    r"\b(?:no|not|without|rather than|neither|nor|free of|absence of)\s+"
    r"(?:(?:an?|any|the|at|all|in|of|very|clear|real|visible|particular|particularly|especially|signs?|traces?|hints?"
    r"|touch|evidence|suggestion)\s+){0,4}\w+(?:\s+or\s+\w+)*",
    re.IGNORECASE,
)
"""A negation reaches over the small words that follow it to one word of substance, and to what ``or`` adds to that."""
_REFUSAL = re.compile(
    r"\b(?:i(?:'m| am) (?:sorry|unable)|i (?:cannot|can't|can not|won't)|as an ai|unable to (?:assist|help|identify))",
    re.IGNORECASE,
)
_IDENTITY = re.compile(
    r"\b(?:(?i:caucasian|african[- ]american|asian|hispanic|latin[oax]"
    r"|(?:black|white) (?:man|woman|person|male|female)"
    r"|(?:young|old|elderly|middle[- ]aged) (?:man|woman|person|boy|girl|lady)|\d+[- ]years?[- ]old"
    r"|celebrity|famous|known as|christian|muslim|jewish)|(?:named|called) [A-Z]\w+)\b"
)


def named_emotions(text: str) -> set[str]:
    """The emotion families that a text names and does not negate, for example ``{"happiness"}``."""
    affirmed = _NEGATED.sub(" ", text)
    return {name for name, pattern in _FAMILY.items() if pattern.search(affirmed)}


def refuses(text: str) -> bool:
    """Whether a text turns the task down instead of describing a face."""
    return _REFUSAL.search(text) is not None


def lint(caption: Caption, *, min_regions: int = 3, max_words: int = 90) -> list[str]:
    """What a well-formed caption may still have wrong, one clause each; empty when it is fit to train on.

    Checked: at least ``min_regions`` different regions, 3 to ``max_words`` words in every text, no refusals, no claims
    about who a person is (identity, age, ethnicity), and no contradiction between the emotions that the global part
    and the summary name. The list of checks is our reading of the paper's quality control, which is not published.
    """
    problems = []
    regions = {entry.region for entry in caption.local}
    if len(regions) < min_regions:
        problems.append(f"{len(regions)} regions described, at least {min_regions} wanted")
    for text in caption.texts():
        words = len(text.split())
        if not 3 <= words <= max_words:
            problems.append(f"a text of {words} words, 3 to {max_words} wanted: {text[:60]!r}")
        if refuses(text):
            problems.append(f"a refusal: {text[:60]!r}")
        if claim := _IDENTITY.search(text):
            problems.append(f"a claim about who the person is: {claim[0]!r}")
    said, concluded = named_emotions(caption.global_), named_emotions(caption.summary)
    if said and concluded and not said & concluded:
        problems.append(f"global says {', '.join(sorted(said))}, summary says {', '.join(sorted(concluded))}")
    return problems


_SIDE = re.compile(r"\b(left|right)(?=\b|-hand|most|ward)", re.IGNORECASE)


def mirror_text(text: str) -> str:
    """The sentence for the picture flipped left to right: the words left and right change places."""

    def swap(match: re.Match[str]) -> str:
        other = "right" if match[0].lower() == "left" else "left"
        return other.upper() if match[0].isupper() else other.capitalize() if match[0][0].isupper() else other

    return _SIDE.sub(swap, text)


def mirror(caption: Caption) -> Caption:
    """The caption of the picture flipped left to right: sides swap in the words and in the action units."""
    return caption.model_copy(
        update={
            "global_": mirror_text(caption.global_),
            "summary": mirror_text(caption.summary),
            "local": [
                entry.model_copy(
                    update={
                        "text": mirror_text(entry.text),
                        "action_units": list(mirror_units(dict.fromkeys(entry.action_units, 1.0))),
                    }
                )
                for entry in caption.local
            ],
        }
    )
