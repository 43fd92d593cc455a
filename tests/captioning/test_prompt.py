"""Prompts and their versions."""

import hashlib
from pathlib import Path

import pytest

from emocap.captioning.prompt import load_prompt
from emocap.core.errors import UserError
from emocap.schema.captions import Caption, LocalCaption


def test_the_built_in_prompt_lists_every_field_as_the_schema_describes_it() -> None:
    prompt = load_prompt("emocap-1")
    assert prompt.version == "emocap-1"
    assert "{fields}" not in prompt.text
    for model in (Caption, LocalCaption):
        for name, field in model.model_fields.items():
            assert f"- {field.alias or name}: {field.description}" in prompt.text


def test_it_asks_for_what_the_sample_of_the_paper_has_and_forbids_claims_about_the_person() -> None:
    text = " ".join(load_prompt("emocap-1").text.split())
    for wanted in ("at least three", "18 to 26 words", "about 40 words", "Never say or guess who the person is"):
        assert wanted in text
    for forbidden in ("age", "ethnicity", "sex", "name"):
        assert forbidden in text.split("Never say or guess")[1]


def test_a_file_of_ones_own_is_known_by_its_name_and_content(tmp_path: Path) -> None:
    path = tmp_path / "mine.txt"
    path.write_text('Write {"global": ...} with\n{fields}\n')
    prompt = load_prompt(str(path))
    assert prompt.version == f"mine-{hashlib.sha256(path.read_bytes()).hexdigest()[:8]}"
    assert prompt.text.startswith('Write {"global": ...} with\n- global: ')
    path.write_text("Write.")
    assert load_prompt(str(path)).version != prompt.version


@pytest.mark.parametrize(
    ("content", "told"),
    [(None, "there is no file .*emocap-1"), (b" \n", "is empty"), (b"\xff\xfe\x00", "not text in UTF-8")],
)
def test_what_is_no_prompt_is_said(tmp_path: Path, content: bytes | None, told: str) -> None:
    path = tmp_path / "mine.txt"
    if content is not None:
        path.write_bytes(content)
    with pytest.raises(UserError, match=told):
        load_prompt(str(path))
