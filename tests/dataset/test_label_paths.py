import pytest

from emocap.dataset.label_paths import after_folder, loose, names_of, plain


@pytest.mark.parametrize(
    ("path", "told"),
    [
        ("a/b.jpg", "a/b.jpg"),
        ("./a/./b.jpg", "a/b.jpg"),
        ("a\\b.jpg", "a/b.jpg"),
        ("a//b.jpg", "a/b.jpg"),
        ("/a/b.jpg", "/a/b.jpg"),
        ("x.tar::a/b.jpg", "x.tar/a/b.jpg"),
        ("Zoe\u0308.jpg", "Zo\u00eb.jpg"),
    ],
)
def test_a_path_is_compared_in_one_form(path: str, told: str) -> None:
    assert plain(path) == told
    assert plain(told) == told


def test_what_comes_after_the_folder() -> None:
    assert after_folder("/data/pics/a/pics/b.jpg", "pics") == ["a/pics/b.jpg", "b.jpg"]
    assert after_folder("pics", "pics") == []
    assert after_folder("a/b.jpg", "") == []


def test_names_of_an_input() -> None:
    assert names_of("a/b.c.jpg") == ["a/b.c.jpg", "a/b.c"]
    assert names_of("a/b") == ["a/b"]
    assert names_of("a/.jpg") == ["a/.jpg"]
    assert names_of("a/b.c.jpg", "d/x.tar") == ["d/x.tar/a/b.c.jpg", "a/b.c.jpg", "d/x.tar/a/b", "a/b"]


def test_case_and_suffix_make_no_difference_to_a_loose_path() -> None:
    assert loose("A/b.JPG") == loose("a/B.png")
    assert loose("a/b.jpg") != loose("b.jpg")
