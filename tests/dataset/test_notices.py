from typing import Any

import pytest

from emocap.dataset.notices import notices


def manifest(backend: str = "annotations", **counts: Any) -> dict[str, Any]:
    return {"counts": {"faces": 5, "samples": 5, **counts}, "captioner": {"backend": backend}}


def test_a_build_without_oddities_has_none() -> None:
    assert notices(manifest()) == []
    assert notices(manifest("none", samples=0)) == []


def test_what_was_passed_over_is_told() -> None:
    assert notices(manifest(passed_over={".mod": 2})) == ["files passed over: 2 .mod"]


@pytest.mark.parametrize(
    ("backend", "faces", "told"),
    [
        ("annotations", 5, "none of 5 faces has labels to make a caption of: give sources labels"),
        ("annotations", 0, "no face was kept"),
        ("openai", 5, "none of 5 faces got a caption"),
    ],
)
def test_no_sample_at_all_comes_with_what_to_do(backend: str, faces: int, told: str) -> None:
    (line,) = notices(manifest(backend, faces=faces, samples=0))
    assert told in line
