from pathlib import Path
from typing import Any

import open_clip
import pytest
import torch
from hypothesis import example, given, settings
from hypothesis import strategies as st

from emocap.methods.clip.recipe import ModelRecipe
from emocap.methods.clip.towers import Tokens, create
from tests.conftest import TINY


@pytest.fixture(scope="module")
def both(tmp_path_factory: pytest.TempPathFactory) -> tuple[Tokens, Any]:
    """Ours and open_clip's."""
    folder = tmp_path_factory.mktemp("model")
    create(ModelRecipe(config=TINY), folder)
    return Tokens(folder), open_clip.get_tokenizer(f"local-dir:{folder}")


WORDS = st.sampled_from(["the brow's", "It'S", "don't", "<start_of_text>", "<end_of_text>x", "AU12", "3.5", "--", "…"])
TEXTS = st.lists(st.one_of(WORDS, st.text(max_size=12), st.text(st.characters(codec="ascii"), max_size=12)))


@settings(max_examples=150, deadline=None)
@given(TEXTS)
@example(["a &amp; b", "a&#39;b"])
@example(["\x1b[31mred\x1b[0m", "a\tb\nc", "\x00"])
@example(["“curly” — naïve", "ﬁne"])
@example(["word"] * 300)
@example(["   "])
def test_texts_get_the_numbers_of_open_clips_tokenizer(both: tuple[Tokens, Any], parts: list[str]) -> None:
    tokens, tokenizer = both
    for text in (" ".join(parts), "".join(parts)):
        assert torch.equal(tokens([text, text]), tokenizer([text, text]))


@pytest.mark.parametrize("options", [{"clean": "whitespace"}, {"clean": "canonicalize"}, {"reduction_mask": "simple"}])
def test_other_ways_to_clean_and_to_cut_are_kept(
    tiny_config: dict[str, Any], tmp_path: Path, options: dict[str, str]
) -> None:
    text = {**tiny_config["text_cfg"], "tokenizer_kwargs": options}
    create(ModelRecipe(config={**tiny_config, "text_cfg": text}), tmp_path)
    texts = ["The Brow's, inner_end -- rises: 3.5!", "CALM", "-- ."]
    assert torch.equal(Tokens(tmp_path)(texts), open_clip.get_tokenizer(f"local-dir:{tmp_path}")(texts))
