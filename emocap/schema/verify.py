"""Whether a finished build is what its manifest and index say."""

# Tested in tests/test_publish.py.

import io
import itertools
import json
import os
import zlib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from PIL import Image

from emocap.core.files import sha256
from emocap.schema.shards import INDEX_SCHEMA, index_row, parse_record, read_members


def verify(build: Path) -> list[str]:
    """Everything that is wrong with a finished build folder, one line each; empty when all agrees.

    Every tar is compared with the manifest (size and sha256) and with its index, column by column; every record with
    its schema; every JPEG must decode at the recipe's size. What is damaged is named: shard, key and member. The tars
    of ``faces/``, where they were kept, are held against their own index in the same way. In memory: an index per CPU.
    """
    if not (build / "recipe.yaml").is_file():
        return ["recipe.yaml is missing"]
    manifest = json.loads((build / "manifest.json").read_text(encoding="utf-8"))
    size = yaml.safe_load((build / "recipe.yaml").read_text(encoding="utf-8"))["faces"]["size"]
    promised = {shard["name"]: shard for shard in manifest["shards"]}
    tars = {path.stem: path for path in sorted((build / "shards").glob("*.tar"))}
    indices = {path.stem for path in (build / "index").glob("*.parquet")}
    problems = []
    if (total := sum(shard["samples"] for shard in promised.values())) != manifest["counts"]["samples"]:
        problems.append(f"the manifest counts {manifest['counts']['samples']} samples, its shards have {total}")
    problems += [f"shards/{name}.tar is missing" for name in promised if name not in tars]
    problems += [f"shards/{name}.tar is not in the manifest" for name in tars if name not in promised]
    problems += [f"index/{name}.parquet is not in the manifest" for name in sorted(indices - promised.keys())]
    todo = [tar for name, tar in tars.items() if name in promised] + sorted((build / "faces").glob("*.tar"))
    with ThreadPoolExecutor(os.cpu_count()) as pool:
        for found in pool.map(lambda tar: _check(tar, promised.get(tar.stem), size), todo):
            problems += found
    return problems


def _check(tar: Path, promised: dict[str, Any] | None, size: int) -> list[str]:
    """What is wrong with one tar and its index. ``promised``: its entry in the manifest, which faces have none in."""
    folder = tar.parents[1] / "index" if promised else tar.parent
    name, index = f"{tar.parent.name}/{tar.name}", f"{folder.name}/{tar.stem}.parquet"
    try:
        table = pq.read_table(folder / f"{tar.stem}.parquet")
    except FileNotFoundError:
        return [f"{index} is missing"]
    except (OSError, pa.ArrowException) as error:
        return [f"{index} cannot be read: {' '.join(str(error).split())[:200]}"]
    if table.schema.names != INDEX_SCHEMA.names:
        return [f"{index} was written by another version of emocap"]
    rows = table.to_pylist()
    if promised and promised["samples"] != len(rows):
        return [f"{index} has {len(rows)} rows, the manifest says {promised['samples']}"]
    problems = []
    try:
        with tar.open("rb") as file:
            for place, (member, row) in enumerate(itertools.zip_longest(read_members(file, name), rows)):
                if member is None:
                    problems.append(f"{name} ends before {row['key']}: {place} of {len(rows)} samples")
                    break
                if row is None or member[1] != row["key"]:
                    where = f"stands where {index} has {row['key']}" if row else f"is not in {index}"
                    problems.append(f"{name}: {member[1]} {where}")
                    break
                if wrong := _compare(tar.stem, member, row, size):
                    problems.append(f"{name}: {member[1]}{wrong}")
    except ValueError as error:
        problems.append(str(error))
    if promised and not problems and sha256(tar) != promised["sha256"]:
        length = tar.stat().st_size
        sizes = f"{length} bytes, not {promised['bytes']}, and " if length != promised["bytes"] else ""
        problems.append(f"{name} has {sizes}another sha256 than the manifest says, though its samples are whole")
    return problems


def _compare(shard: str, member: tuple[int, str, bytes, bytes], row: dict[str, Any], size: int) -> str | None:
    """What is wrong with one sample, in words that follow its key."""
    offset, _, jpeg, text = member
    if zlib.crc32(jpeg) != row["jpg_crc32"]:
        return ".jpg is not the picture that was written"
    if zlib.crc32(text) != row["json_crc32"]:
        return ".json is not the record that was written"
    try:
        expected = index_row(shard, offset, parse_record(text, ""), jpeg, text)
    except ValueError as error:
        return str(error)
    if different := [column for column, value in expected.items() if row[column] != value]:
        return f": the index has another {', '.join(different)}"
    try:
        with Image.open(io.BytesIO(jpeg)) as picture:
            if picture.size != (size, size):
                return f".jpg has {picture.width} x {picture.height} pixels, not {size} x {size}"
            picture.load()
    except (OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        return f".jpg does not decode: {error}"
    return None
