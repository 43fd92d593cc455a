import shutil
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from emocap.core.errors import UserError
from emocap.methods.clip.datasets import open_dataset
from emocap.schema.shards import read_index, read_shard


@pytest.fixture
def build(labelled_build: Path, tmp_path: Path) -> Path:
    """A copy that a test may spoil."""
    shutil.copytree(labelled_build, tmp_path / "build")
    return tmp_path / "build"


def test_a_sample_is_read_as_it_stands_in_its_shard(labelled_build: Path) -> None:
    dataset = open_dataset(labelled_build, None)
    stored = [sample for tar in sorted((labelled_build / "shards").glob("*.tar")) for sample in read_shard(tar)]
    assert len(dataset) == sum(dataset.shards()) == len(stored) == 120
    for number in reversed(range(120)):
        jpeg, text = dataset.read(number)
        assert jpeg == stored[number].jpeg
        assert text == stored[number].record.to_json()


def test_only_a_split_is_kept_and_read_from_the_same_places(divided_build: Path) -> None:
    whole = {key.as_py(): number for number, key in enumerate(open_dataset(divided_build, None).key_S)}
    test = open_dataset(divided_build, "test")
    splits = read_index(divided_build / "index")["split"].to_pylist()
    assert len(test) == splits.count("test") > 0
    for number, key in enumerate(test.key_S.to_pylist()):
        assert test.read(number) == open_dataset(divided_build, None).read(whole[key])


def test_a_tar_that_is_gone_or_cut_short_is_told(build: Path) -> None:
    tar = sorted((build / "shards").glob("*.tar"))[-1]
    with tar.open("r+b") as file:
        file.truncate(20_000)
    with pytest.raises(UserError, match=r"emocap-\d+\.tar is not as its index says at [0-9a-f]+-0-0; emocap inspect"):
        open_dataset(build, None)
    tar.unlink()
    with pytest.raises(UserError, match=r"emocap-\d+\.tar cannot be read \(No such file"):
        open_dataset(build, None)


def test_a_tar_that_is_another_is_told(build: Path) -> None:
    dataset = open_dataset(build, None)
    first, second, *_ = sorted((build / "shards").glob("*.tar"))
    shutil.copyfile(second, first)
    with pytest.raises(UserError, match=rf"{first}: {dataset.key_S[0]}: there is no {dataset.key_S[0]}.jpg at byte 0"):
        dataset.read(0)


def test_samples_without_captions_are_told(build: Path) -> None:
    index = sorted((build / "index").glob("*.parquet"))[0]
    table = pq.read_table(index)
    column = table.schema.get_field_index("caption_words")
    pq.write_table(table.set_column(column, table.schema.field(column), pa.nulls(len(table), pa.int32())), index)
    with pytest.raises(UserError, match=rf"{len(table)} samples of .* have no caption"):
        open_dataset(build, None)


def test_a_shard_that_the_index_has_lost_is_told(build: Path) -> None:
    index = sorted((build / "index").glob("*.parquet"))[1]
    index.unlink()
    with pytest.raises(UserError, match=rf"index has no {index.stem}.parquet, which its manifest.json lists"):
        open_dataset(build, None)
    (build / "manifest.json").write_text("{")
    with pytest.raises(UserError, match=r"manifest.json cannot be read; build it again"):
        open_dataset(build, None)


def test_an_index_of_another_version_is_told(build: Path) -> None:
    for index in (build / "index").glob("*.parquet"):
        pq.write_table(pq.read_table(index).drop_columns(["offset"]), index)
    with pytest.raises(UserError, match="was written by another version of emocap"):
        open_dataset(build, None)
