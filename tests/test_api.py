import doctest
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import torch
from PIL import Image

import emocap
from emocap.losses.contrast import contrast
from emocap.methods.clip.recipe import ClipRecipe


def test_importing_emocap_imports_nothing_heavy() -> None:
    code = (
        "import sys, emocap; emocap.__version__\n"
        "print(sorted({'torch', 'ray', 'numpy', 'pyarrow', 'pydantic', 'PIL', 'cv2'} & set(sys.modules)))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_all_that_is_exported_is_there() -> None:
    for name in emocap.__all__:
        assert getattr(emocap, name) is not None, name
    with pytest.raises(AttributeError, match="has no attribute 'bild'"):
        emocap.bild  # noqa: B018


def test_a_dataset_is_a_sequence_that_can_be_filtered_and_searched(labelled_build: Path) -> None:
    dataset = emocap.open_dataset(labelled_build)
    assert len(dataset) == 120
    face = dataset[-1]
    assert face.image.mode == "RGB"
    assert face.caption is not None
    happy = dataset.filter(emotion="happiness")
    assert 0 < len(happy) < 120
    assert {one.record.labels.emotion for one in happy if one.record.labels} == {"happiness"}
    assert len(dataset[10:20]) == 10
    word = face.caption.summary.split()[1]
    found = dataset.search(word.upper())
    assert face.record.key in {one.record.key for one in found}
    assert all(word.casefold() in " ".join(one.caption.texts()).casefold() for one in found if one.caption is not None)
    with pytest.raises(IndexError):
        dataset[120]
    with pytest.raises(emocap.UserError, match="there is no column mood"):
        dataset.filter(mood="good")
    with pytest.raises(emocap.UserError, match="is not a finished build"):
        emocap.open_dataset(labelled_build / "shards")


def test_faces_are_found_in_a_picture(package_photos: dict[str, Path], tmp_path: Path) -> None:
    path = package_photos["astronaut"]
    faces = emocap.detect_faces(path, "cascade")
    assert any(face.contains(220, 110) for face in faces)
    assert emocap.detect_faces(Image.open(path), "cascade") == faces
    with pytest.raises(emocap.UserError, match="did you mean cascade"):
        emocap.detect_faces(path, "cascada")
    (tmp_path / "text.jpg").write_text("no picture")
    with pytest.raises(emocap.UserError, match=r"text\.jpg"):
        emocap.detect_faces(tmp_path / "text.jpg", "cascade")


def test_a_caption_is_made_of_labels() -> None:
    made = emocap.caption({"emotion": "happiness", "intensity": 0.8})
    assert made == emocap.caption({"emotion": "happiness", "intensity": 0.8})
    assert made != emocap.caption({"emotion": "happiness", "intensity": 0.8}, key="another")
    assert made.emotions == ["happiness"]
    with pytest.raises(emocap.UserError, match="no caption can be made of this face"):
        emocap.caption({})


def test_a_dict_is_a_recipe(tiny_recipe: ClipRecipe, tmp_path: Path) -> None:
    content = tiny_recipe.model_dump()
    run = emocap.train(content, tmp_path / "run", epochs=0.4, data={"sentences": 1}, tensorboard=False)
    assert [row["step"] for row in run.metrics] == [1, 2]
    assert "sentences: 1" in (tmp_path / "run" / "recipe.yaml").read_text()
    encoder = emocap.load_encoder(run.model, "cpu")
    assert encoder.texts is not None
    with pytest.raises(emocap.UserError, match="recipe: epoch is not a key; did you mean epochs"):
        emocap.train(content, tmp_path / "other", epoch=1)


class Greys:
    """An encoder of somebody else's, which knows colours alone."""

    def encode_images(self, images: Sequence[Image.Image]) -> Any:
        return np.array([np.asarray(image).mean((0, 1)) for image in images])

    def encode_texts(self, texts: Sequence[str]) -> torch.Tensor:
        return torch.tensor([[len(text), 1.0, 2.0] for text in texts])


def test_any_object_can_be_measured(drawn_build: Path, tmp_path: Path) -> None:
    results = emocap.evaluate(
        Greys(), "synthetic-emotions", drawn_build, tmp_path, ["zeroshot", "probe"], allow_counts=True
    )
    assert results.failures == []
    table = results.to_dataframe()
    assert set(table["protocol"]) == {"zeroshot", "probe"}
    assert set(table["model"]) == {"Greys"}
    assert table.loc[table["metric"] == "uar", "value"].between(0, 1).all()
    benchmark = emocap.load_benchmark("synthetic-emotions", drawn_build)
    assert benchmark.card.title
    assert len(benchmark.examples) > 100
    with pytest.raises(TypeError, match="object has no encode_images"):
        emocap.evaluate(object(), "synthetic-emotions", drawn_build, tmp_path)  # type: ignore[arg-type]


@pytest.mark.parametrize(("rule", "keys"), [("off", {}), ("transport", {}), ("cross", {"k": 2, "delta": 0.5})])
def test_the_loss_works_in_anybodys_loop(rule: str, keys: dict[str, Any]) -> None:
    torch.manual_seed(0)
    image, text = torch.randn(12, 8, requires_grad=True), torch.randn(12, 8, requires_grad=True)
    loss = emocap.losses.MinedContrastLoss(rule, **keys)
    value = loss(image, text)
    value.backward()
    assert torch.isfinite(value)
    assert image.grad is not None
    assert float(image.grad.abs().sum()) > 0
    if rule == "off":
        a, b = (torch.nn.functional.normalize(one, dim=-1) for one in (image, text))
        torch.testing.assert_close(value, contrast(a, b, loss.logit_scale.exp(), torch.eye(12), torch.eye(12)))
    with pytest.raises(emocap.UserError, match="rule"):
        emocap.losses.MinedContrastLoss("best")


@pytest.mark.usefixtures("ray_session")
def test_every_name_has_an_example_that_runs(
    package_photos: dict[str, Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "people.png").write_bytes(package_photos["astronaut"].read_bytes())
    order = (
        "build",
        "open_dataset",
        "train",
        "Run",
        "load_encoder",
        "load_benchmark",
        "Benchmark",
        "evaluate",
        "Results",
    )
    finder, runner = doctest.DocTestFinder(recurse=False), doctest.DocTestRunner(optionflags=doctest.ELLIPSIS)
    for name in dict.fromkeys([*order, *emocap.__all__]):
        if name == "__version__":
            continue
        (example,) = finder.find(getattr(emocap, name), f"emocap.{name}", globs={"emocap": emocap, "Path": Path})
        assert example.examples, f"emocap.{name} has no example"
        said: list[str] = []
        result = runner.run(example, out=said.append)
        assert result.failed == 0, "".join(said)


def test_metrics_take_plain_arrays() -> None:
    true, predicted = np.array([0, 0, 1, 1]), np.array([0, 1, 1, 1])
    assert emocap.metrics.uar(emocap.metrics.confusion(true, predicted, 2)) == pytest.approx(0.75)
