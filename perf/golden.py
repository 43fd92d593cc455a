"""The golden record: what small jobs come to under two commits, and every difference between them.

    python perf/golden.py OLD NEW                          # commits, or folders of worktrees; exit code 1: they differ
    python perf/golden.py record COMMIT --out FOLDER       # one of them
    python perf/golden.py compare FOLDER FOLDER            # two records
    python perf/golden.py record HEAD --out FOLDER --only shards,weights
    python perf/golden.py record HEAD --out FOLDER --photos ../shared/data/photos --weights ../shared/models/scrfd

Both records must be made on one machine with one interpreter, that of this script. Each commit's own code runs, from
a worktree of its own. What is recorded:

shards   of builds of every kind of source and with every captioner: the members of all tars, index, rejects, replies,
         manifest and statistics.
weights  after 40 steps of models/emocapclip-tiny.yaml: plain; killed and resumed; on two ranks. Their losses.
results  every number of results.jsonl over drawn benchmarks, of an encoder and of a model that writes; of rankings and
         of annotators. They are compared at four digits.

perf/golden.yaml says which commands, keys and values have other names in the newer commit, and what is not compared.
"""

import argparse
import contextlib
import csv
import hashlib
import io
import json
import math
import os
import random
import re
import shlex
import shutil
import signal
import subprocess
import sys
import tarfile
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq
import yaml
from PIL import Image
from safetensors.numpy import load_file

REPOSITORY = Path(__file__).resolve().parents[1]
TABLE: dict[str, Any] = yaml.safe_load(Path(__file__).with_suffix(".yaml").read_text(encoding="utf-8"))
GROUPS = ("shards", "weights", "results")
STEPS, BATCH, TRAIN, TEST = 40, 32, 160, 40
"""Of the training; how many faces are drawn for it, and for the test."""
PHOTOS = 12
"""At most so many real photos are looked at."""
DIGITS = 4
"""After the point, of results."""
SLACK = 0.5 * 10**-DIGITS + 1e-9
"""A number and what it was before it was rounded differ by so much at most."""
SLACK_OF_MEANS = 20 * SLACK
"""The same of a mean over folds, which was computed from rounded numbers; Student's factor of two folds is 12.7."""

LOCAL = re.compile(r"http://127\.0\.0\.1:\d+(?:/v1)?")
"""The address of a mock server, whose port differs from run to run."""
BUSY, TRIES = "timed out during startup", 8
"""What Ray says on a machine that is too busy to start it, and how often a command is tried then."""

Json = Any
Recipe = dict[str, Any]


@dataclass(frozen=True)
class Bench:
    """A tree whose code runs, and the folder in which it does."""

    tree: Path
    work: Path
    photos: Path | None
    weights: Path | None
    cards: Sequence[str]
    miniatures: Path | None

    @property
    def edition(self) -> str:
        """Which column of the table of commands it takes."""
        return "new" if (self.tree / "emocap" / "dataset").is_dir() else "old"

    def words(self, command: str, **parts: str) -> list[str]:
        """The command line of the table."""
        commands = TABLE["commands"]
        line = {**commands["old"], **(commands["new"] if self.edition == "new" else {})}[command]
        return [sys.executable, *shlex.split(line.format_map(parts))]

    def environment(self) -> dict[str, str]:
        """One thread and nothing from outside, so that sums are added up in the same order."""
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("EMOCAP", "OPENAI", "RAY"))}
        cache = str(self.work / "cache")
        return {
            **kept,
            "PYTHONPATH": str(self.tree),
            "OMP_NUM_THREADS": "1",
            "CUDA_VISIBLE_DEVICES": "",
            "XDG_CACHE_HOME": cache,
        }

    def run(self, command: str, environment: Mapping[str, str] | None = None, **parts: str) -> str:
        """What a command of the table prints. The script ends where it fails."""
        words = self.words(command, **parts)
        told, begun = " ".join(words[1:]), time.monotonic()
        for again in reversed(range(TRIES)):
            done = subprocess.run(
                words, cwd=self.work, env={**self.environment(), **(environment or {})}, capture_output=True, text=True
            )
            if not again or not done.returncode or BUSY not in done.stderr:
                break
            print(f"       again, as the machine is busy: {told}", file=sys.stderr)
        if done.returncode:
            sys.exit(f"{told} (in {self.tree}) failed:\n{done.stdout[-2000:]}\n{done.stderr[-4000:]}")
        print(f"{time.monotonic() - begun:6.0f} s  {told}", file=sys.stderr)
        return done.stdout

    def recipe(self, name: str, content: Recipe) -> str:
        """The file of a recipe, in the words of the tree's edition."""
        return self.write_recipe(name, translated(content) if self.edition == "new" else content)

    def write_recipe(self, name: str, content: Recipe) -> str:
        """The file of a recipe, in a folder of its own: a pattern of cards takes every YAML file beside it."""
        path = self.work / "recipes" / f"{name}.yaml"
        path.parent.mkdir(exist_ok=True)
        path.write_text(yaml.safe_dump(content), encoding="utf-8")
        return f"recipes/{path.name}"

    @contextlib.contextmanager
    def mock_server(self) -> Iterator[str]:
        """The address of an endpoint of the tree that makes its replies up."""
        words = self.words("mock-server")
        with subprocess.Popen(
            words, cwd=self.work, env=self.environment(), stdout=subprocess.PIPE, text=True
        ) as server:
            try:
                assert server.stdout
                yield server.stdout.readline().strip()
            finally:
                server.kill()

    def clean(self, content: Json) -> Json:
        """The same without what is of this run alone: its folders and ports."""
        text = LOCAL.sub("ENDPOINT", json.dumps(content))
        return json.loads(text.replace(f"{self.work}/", "").replace(str(self.work), "WORK"))


def translated(content: Json, above: str = "") -> Json:
    """A recipe in the words of the new edition."""
    keys, values = TABLE["recipes"]["keys"], TABLE["recipes"]["values"]
    if isinstance(content, list):
        return [translated(item, above) for item in content]
    if not isinstance(content, dict):
        return values.get(above, {}).get(content, content) if isinstance(content, str) else content
    paths = {key: f"{above}.{key}".lstrip(".") for key in content}
    return {keys.get(paths[key], key): translated(value, paths[key]) for key, value in content.items()}


# Inputs -------------------------------------------------------------------------------------------------------------

BOX = {"x0": 29, "y0": 26, "x1": 71, "y1": 78}
"""Around a face in a picture of 96 pixels that was cut out closely."""


def drawn_recipe() -> Recipe:
    side = {"size": 96}
    return {
        "sources": [
            {"drawn": {**side, "count": TRAIN, "people": 40, "split": "train"}},
            {
                "drawn": {
                    **side,
                    "count": TEST,
                    "people": 20,
                    "seed": 1,
                    "split": "test",
                    "weights": {"happiness": 2, "fear": 1, "neutral": 1},
                }
            },
        ],
        "faces": {"detector": "given", "margin": 0.1, "min_size": 32, "size": 80},
        "shards": {"samples": 60},
    }


def members(tar: Path) -> Iterator[tuple[str, bytes]]:
    with tarfile.open(tar) as archive:
        for member in archive:
            file = archive.extractfile(member)
            yield member.name, file.read() if file else b""


def draw_pictures(bench: Bench, inputs: Path) -> None:
    """Pictures, a table of labels, archives and films, made of the drawn faces and of a photo that skimage brings."""
    found = [
        (name, data)
        for tar in sorted((bench.work / "drawn" / "faces").glob("*.tar"))
        for name, data in members(tar)
        if name.endswith(".jpg")
    ][:32]
    faces = [np.asarray(Image.open(io.BytesIO(data)).resize((96, 96))) for _, data in found]
    encoded = [jpeg(face) for face in faces]
    (inputs / "pictures" / "below").mkdir(parents=True)
    for number, data in enumerate(encoded[:12]):
        (inputs / "pictures" / ("below" if number % 3 else "") / f"{number:02}.jpg").write_bytes(data)
    damaged = {"empty.jpg": b"", "cut.jpg": encoded[0][: len(encoded[0]) // 2], "text.jpg": b"no picture"}
    for name, data in {**damaged, "twice.jpg": encoded[0]}.items():
        (inputs / "pictures" / name).write_bytes(data)
    names = sorted(p.relative_to(inputs / "pictures").as_posix() for p in (inputs / "pictures").rglob("*.jpg"))
    write_labels(inputs / "pictures.csv", names)
    write_tar(inputs / "faces.tar", {f"{number:02}.jpg": data for number, data in enumerate(encoded[12:20])})
    write_labels(inputs / "tar.parquet", [f"{number:02}.jpg" for number in range(8)])
    write_rows(inputs / "rows.parquet", encoded[20:24])
    (inputs / "films").mkdir()
    write_film(inputs / "films" / "film.avi", faces[24:28])
    write_animation(inputs / "films" / "moving.gif", faces[28:32])
    write_labels(inputs / "films.csv", ["film.avi", "moving.gif"])
    write_photo(inputs / "people")


def jpeg(picture: np.ndarray) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(picture).save(buffer, "JPEG", quality=95)
    return buffer.getvalue()


def label(number: int) -> dict[str, str]:
    """Labels of every kind, by turns."""
    draw = random.Random(number)
    emotion = draw.choice(["happiness", "sadness", "surprise", "anger"])
    kinds = [
        {"emotion": emotion},
        {"emotions": f"{emotion}:0.7;fear:0.3", "valence": f"{draw.uniform(-1, 1):.2f}", "arousal": "0.25"},
        {"action_units": "1B+4C+L12D", "emotion": emotion, "intensity": "0.5"},
        {"action_units": "6D+12E+25B"},
    ]
    return {**kinds[number % len(kinds)], "subject": f"person {number // 2}", "camera": f"of {number}"}


def write_labels(path: Path, names: Sequence[str]) -> None:
    rows = [
        {"path": name, **label(number), **{k: str(v) for k, v in BOX.items()}} for number, name in enumerate(names)
    ]
    columns = list(dict.fromkeys(key for row in rows for key in row))
    if path.suffix == ".parquet":
        pq.write_table(pa.table({key: [row.get(key) for row in rows] for key in columns}), path)
        return
    with path.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)


def write_tar(path: Path, contents: Mapping[str, bytes]) -> None:
    with tarfile.open(path, "w", format=tarfile.USTAR_FORMAT) as archive:
        for name, data in contents.items():
            member = tarfile.TarInfo(name)
            member.size = len(data)
            archive.addfile(member, io.BytesIO(data))


def write_rows(path: Path, pictures: Sequence[bytes]) -> None:
    """As Hugging Face writes them, with labels beside the pictures, and a row without bytes."""
    cells = [{"bytes": data, "path": f"row-{number}.jpg"} for number, data in enumerate(pictures)]
    images = [*cells, {"bytes": photo_bytes(), "path": "photo.jpg"}, {"bytes": None, "path": "none.jpg"}]
    emotions = ["happiness" if number % 2 else "sadness" for number in range(len(images))]
    pq.write_table(pa.table({"image": images, "emotion": emotions}), path)


def write_film(path: Path, pictures: Sequence[np.ndarray]) -> None:
    """Every picture for a second; Motion JPEG in one thread gives the same bytes every time."""
    with av.open(str(path), "w", options={"fflags": "+bitexact"}) as container:
        stream = container.add_stream("mjpeg", rate=4)
        stream.width, stream.height, stream.pix_fmt, stream.thread_count = 96, 96, "yuvj420p", 1
        for number in range(4 * len(pictures)):
            frame = av.VideoFrame.from_ndarray(np.ascontiguousarray(pictures[number // 4]), format="rgb24")
            frame.pts, frame.time_base = number, Fraction(1, 4)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))


def write_animation(path: Path, pictures: Sequence[np.ndarray]) -> None:
    first, *others = [Image.fromarray(picture) for picture in pictures]
    first.save(path, save_all=True, append_images=others, duration=500, loop=0)


def photo() -> "Image.Image":
    """The one photo of a face that comes with a package."""
    from skimage import data

    return Image.fromarray(data.astronaut())


def photo_bytes() -> bytes:
    return jpeg(np.asarray(photo()))


def write_photo(folder: Path) -> None:
    """Variants of it, under the names of two emotions."""
    for name in ("smiling", "neutral"):
        (folder / name).mkdir(parents=True)
    whole = photo()
    variants = {
        "smiling/1.png": whole,
        "smiling/2.png": whole.transpose(Image.Transpose.FLIP_LEFT_RIGHT),
        "neutral/3.png": whole.crop((100, 0, 400, 300)).rotate(10),
        "neutral/4.png": whole.resize((300, 300)),
        "neutral/5.png": whole.resize((40, 40)),
    }
    for name, picture in variants.items():
        picture.save(folder / name)


# Builds -------------------------------------------------------------------------------------------------------------


def files_recipe() -> Recipe:
    """Every kind of file, with the boxes of label tables, captioned from the labels."""
    return {
        "sources": [
            {"path": "inputs/pictures", "labels": "inputs/pictures.csv"},
            {"path": "inputs/faces.tar", "labels": "inputs/tar.parquet", "rename": {"happiness": "joy"}},
            {"path": "inputs/films", "labels": "inputs/films.csv", "video": {"rate": 2, "best_of_track": True}},
        ],
        "faces": {"detector": "given", "min_size": 24, "size": 64, "block": 8, "duplicates": 8},
        "captioner": {"backend": "annotations"},
        "split": {"by": "subject", "test": 0.3},
        "shards": {"samples": 12},
    }


def found_recipe() -> Recipe:
    """Faces that are looked for, turned upright and filtered; they stop at the crops."""
    pattern = r"(?P<emotion>neutral|smiling)/(?P<subject>\d+)\.png"
    return {
        "sources": [
            {"path": "inputs/people/**/*.png", "pattern": pattern, "rename": {"smiling": "happiness"}},
            {"path": "inputs/people", "pattern": pattern},
            {"path": "inputs/rows.parquet"},
            {"path": "inputs/films/film.avi", "video": {"scenes": 27}},
        ],
        "faces": {"detector": "cascade", "min_sharpness": 5, "align": True, "size": 96, "margin": 0.5},
        "captioner": {"backend": "none"},
        "split": {"by": "source", "test": 0.5, "seed": 1},
    }


def asked_recipe(address: str) -> Recipe:
    """The faces of another build, captioned by a model."""
    return {
        "sources": [{"build": "files"}],
        "faces": {"detector": "given", "min_size": 24, "size": 64, "duplicates": 8},
        "captioner": {
            "backend": "openai",
            "model": "rehearsal",
            "endpoints": [{"base_url": address, "concurrency": 4}],
            "price": {"prompt": 1, "completion": 2},
        },
        "split": {"by": "source", "test": 0.3},
        "shards": {"samples": 12},
    }


def photos_recipe(weights: Path) -> Recipe:
    """Real photos with SCRFD."""
    return {
        "sources": [{"path": "inputs/photos"}],
        "faces": {"detector": "insightface", "weights": str(weights), "device": "cpu", "size": 112, "max_yaw": 60},
        "captioner": {"backend": "none"},
        "shards": {"samples": 10},
    }


def make(bench: Bench, name: str, recipe: Callable[[], Recipe]) -> Path:
    """The folder of a build, which is made where it is not there."""
    out = bench.work / name
    if not (out / "manifest.json").exists():
        bench.run("build", recipe=bench.recipe(name, recipe()), out=name)
    return out


def make_drawn(bench: Bench) -> Path:
    return make(bench, "drawn", drawn_recipe)


def make_files(bench: Bench) -> Path:
    make_drawn(bench)
    inputs = bench.work / "inputs"
    if not inputs.exists():
        inputs.mkdir()
        draw_pictures(bench, inputs)
    return make(bench, "files", files_recipe)


def make_asked(bench: Bench) -> Path:
    make_files(bench)
    with bench.mock_server() as address:
        return make(bench, "asked", lambda: asked_recipe(address))


def make_photos(bench: Bench) -> Path:
    assert bench.photos
    assert bench.weights
    weights = bench.weights
    target = bench.work / "inputs" / "photos"
    target.mkdir(exist_ok=True)
    suffixes = (".jpg", ".jpeg", ".png")
    found = sorted(path for path in bench.photos.rglob("*") if path.suffix.lower() in suffixes)
    for number, path in enumerate(found[:: max(1, math.ceil(len(found) / PHOTOS))]):
        shutil.copy(path, target / f"{number:02}{path.suffix.lower()}")
    return make(bench, "photos", lambda: photos_recipe(weights))


def record_shards(bench: Bench) -> Json:
    builds = [make_drawn(bench), make_files(bench), make(bench, "found", found_recipe), make_asked(bench)]
    if bench.photos:
        builds.append(make_photos(bench))
    return {out.name: record_build(bench, out) for out in builds}


def record_build(bench: Bench, out: Path) -> Json:
    tars = {path.relative_to(out).as_posix(): record_tar(path) for path in sorted(out.rglob("*.tar"))}
    tables = {path.relative_to(out).as_posix(): record_table(path) for path in sorted(out.rglob("*.parquet"))}
    replies = {path.name: record_replies(path) for path in sorted((out / "replies").glob("*.jsonl"))}
    manifest = json.loads((out / "manifest.json").read_text(encoding="utf-8"))
    statistics = json.loads(bench.run("inspect", out=out.name))
    return {"tars": tars, "tables": tables, "replies": replies, "manifest": manifest, "statistics": statistics}


def record_tar(path: Path) -> Json:
    """Its members in order, the content of those that are JSON, and the checksums of the others."""
    contents = dict(members(path))
    told = {name: json.loads(data) if name.endswith(".json") else digest(data) for name, data in contents.items()}
    return {"order": list(contents), "members": told}


def record_table(path: Path) -> Json:
    """The columns, notes and rows of a Parquet file, with the checksums of its pictures."""
    table = pq.read_table(path)
    rows = [{k: digest(v) if isinstance(v, bytes) else v for k, v in row.items()} for row in table.to_pylist()]
    # What Arrow itself notes is the schema again.
    noted = {key.decode(): value.decode() for key, value in (pq.read_metadata(path).metadata or {}).items()}
    notes = {key: value for key, value in noted.items() if key != "ARROW:schema"}
    return {"columns": {one.name: str(one.type) for one in table.schema}, "notes": notes, "rows": rows}


def record_replies(path: Path) -> Json:
    """In the order of their keys: which of them comes first is up to the network."""
    replies = [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]
    return sorted(replies, key=lambda reply: json.dumps(reply.get("key")))


def digest(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()


# Trainings ----------------------------------------------------------------------------------------------------------


def train_recipe(bench: Bench) -> Recipe:
    """models/emocapclip-tiny.yaml of the tree, which is in the words of its own edition already, and our changes."""
    recipe: Recipe = yaml.safe_load((bench.tree / "models" / "emocapclip-tiny.yaml").read_text(encoding="utf-8"))
    changes = {
        "data": {"builds": ["drawn"], "batch": BATCH},
        "objective": {"mining": {"warmup": STEPS // 2}},
        "epochs": STEPS * BATCH / TRAIN,
        "checkpoint_every": 10,
        "log_every": 5,
        "device": "cpu",
        "tensorboard": False,
    }
    return merged(recipe, translated(changes) if bench.edition == "new" else changes)


def merged(recipe: Recipe, changes: Recipe) -> Recipe:
    both = {key: merged(recipe[key], value) for key, value in changes.items() if isinstance(value, dict)}
    return {**recipe, **changes, **both}


def make_run(bench: Bench, name: str = "plain", command: str = "train") -> Path:
    make_drawn(bench)
    recipe = bench.write_recipe(name, train_recipe(bench))
    if not finished(bench.work / name):
        bench.run(command, recipe=recipe, out=name)
    return bench.work / name


def finished(out: Path) -> bool:
    """Whether a training has come to its end, where it writes the weights."""
    return any((out / "model").glob("*.safetensors"))


def make_killed(bench: Bench) -> Path:
    """A run that ends by SIGKILL after its first checkpoint, and is then gone on with."""
    make_drawn(bench)
    recipe = bench.write_recipe("killed", train_recipe(bench))
    words, out = bench.words("train", recipe=recipe, out="killed"), bench.work / "killed"
    if finished(out):
        return out
    process = subprocess.Popen(
        words,
        cwd=bench.work,
        env=bench.environment(),
        start_new_session=True,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    while process.poll() is None and not list((out / "checkpoints").glob("*.pt")):
        time.sleep(0.01)
    if process.poll() is None:
        os.killpg(process.pid, signal.SIGKILL)
    if process.wait() != -signal.SIGKILL or finished(out):
        sys.exit(f"the training in {bench.tree} was to be killed, and ended by itself with {process.returncode}")
    return make_run(bench, "killed")


def record_weights(bench: Bench) -> Json:
    runs = [make_run(bench), make_killed(bench), make_run(bench, "two-ranks", "two-ranks")]
    return {out.name: record_run(out) for out in runs}


def record_run(out: Path) -> Json:
    (file,) = (out / "model").glob("*.safetensors")
    tensors = {
        name: f"{tensor.dtype} {list(tensor.shape)} {digest(tensor.tobytes())}"
        for name, tensor in load_file(file).items()
    }
    rows = [json.loads(line) for line in (out / "metrics.jsonl").read_text(encoding="utf-8").splitlines()]
    return {"tensors": {name: tensors[name] for name in sorted(tensors)}, "metrics": rows}


# Results ------------------------------------------------------------------------------------------------------------


def record_results(bench: Bench) -> Json:
    run = make_run(bench)
    builds = f"{make_files(bench).name} {make_asked(bench).name}"
    cards = " ".join(map(shlex.quote, bench.cards))
    if bench.miniatures:
        (bench.work / "miniatures").unlink(missing_ok=True)
        (bench.work / "miniatures").symlink_to(bench.miniatures)
    else:
        bench.run("draw", out="miniatures")
    bench.run("eval", cards=cards, model=run.name, data="miniatures", out="encoder")
    with bench.mock_server() as address:
        asks = {"OPENAI_BASE_URL": address}
        bench.run("write", asks, cards=cards, data="miniatures", out="writer")
        bench.run("rank-model", asks, builds=builds, out="rank-model")
    bench.run("rank-wheel", builds=builds, out="rank-wheel")
    bench.run("simulate", out="simulated")
    bench.run("annotators", data="simulated", out="annotators")
    return {
        **{name: record_rows(bench.work / name / "results.jsonl") for name in ("encoder", "writer")},
        **{name: record_json(bench.work / name / "ranking.json") for name in ("rank-model", "rank-wheel")},
        "annotators": record_json(bench.work / "annotators" / "annotators.json"),
    }


def record_rows(path: Path) -> Json:
    """The rows by what they are of."""
    identity = ("benchmark", "protocol", "fold", "shots")
    rows = [json.loads(line) for line in path.read_text(encoding="utf-8").split("\n") if line]
    return {" ".join(str(row.get(part)) for part in identity): row for row in rows}


def record_json(path: Path) -> Json:
    return json.loads(path.read_text(encoding="utf-8"))


# Records ------------------------------------------------------------------------------------------------------------

RECORD: dict[str, Callable[[Bench], Json]] = {
    "shards": record_shards,
    "weights": record_weights,
    "results": record_results,
}


@contextlib.contextmanager
def worktree(commit: str) -> Iterator[Path]:
    """The folder of a commit's files; a folder is taken as it is."""
    if Path(commit).is_dir():
        yield Path(commit).resolve()
        return
    with tempfile.TemporaryDirectory(prefix="golden-") as scratch:
        tree = Path(scratch) / "tree"
        git("worktree", "add", "--detach", str(tree), commit)
        try:
            yield tree
        finally:
            git("worktree", "remove", "--force", str(tree))


def git(*words: str, folder: Path = REPOSITORY) -> str:
    return subprocess.run(["git", *words], cwd=folder, capture_output=True, text=True, check=True).stdout.strip()


@contextlib.contextmanager
def workplace(kept: Path | None, state: str) -> Iterator[Path]:
    """A folder for what the jobs make, which goes when the block ends, or one that is kept, and gone on with."""
    if kept is None:
        with tempfile.TemporaryDirectory(prefix="golden-") as scratch:
            yield Path(scratch).resolve()
        return
    kept.mkdir(parents=True, exist_ok=True)
    begun = kept / "state.txt"
    if any(kept.iterdir()) and not (begun.exists() and begun.read_text(encoding="utf-8") == state):
        sys.exit(f"{kept} holds something else than the jobs of these files; choose another --work")
    begun.write_text(state, encoding="utf-8")
    yield kept.resolve()


def state_of(tree: Path) -> str:
    """The commit, and a checksum of what was changed since."""
    changes = git("diff", "HEAD", folder=tree)
    return git("rev-parse", "HEAD", folder=tree) + (f" with changes {digest(changes.encode())}" if changes else "")


def record(commit: str, out: Path, given: argparse.Namespace) -> None:
    """Write the record of a commit to ``out``."""
    out.mkdir(parents=True, exist_ok=True)
    with worktree(commit) as tree:
        state = state_of(tree)
        with workplace(given.work and given.work / out.name, state) as work:
            bench = Bench(tree, work, given.photos, given.weights, given.cards.split(","), given.miniatures)
            write(out / "about.json", {"tree": state, "edition": bench.edition})
            for group in given.only:
                begun = time.monotonic()
                write(out / f"{group}.json", bench.clean(RECORD[group](bench)))
                print(f"{group} took {time.monotonic() - begun:.0f} s", file=sys.stderr)


def write(path: Path, content: Json) -> None:
    path.write_text(json.dumps(content, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")


# Comparing ----------------------------------------------------------------------------------------------------------


def flat(content: Json, above: str = "") -> Iterator[tuple[str, Json]]:
    """Path and value of everything that is no list and no dictionary, or an empty one."""
    if isinstance(content, dict) and content:
        for key, value in content.items():
            yield from flat(value, f"{above}/{key}")
    elif isinstance(content, list) and content:
        for number, value in enumerate(content):
            yield from flat(value, f"{above}/{number}")
    else:
        yield above.lstrip("/"), content


def renamed(path: str, value: Json) -> tuple[str, Json]:
    """An entry of the old edition under its new name."""
    table = TABLE["renamed"]
    parts = path.split("/")
    key = next((part for part in reversed(parts) if not part.isdigit()), "")
    if isinstance(value, str):
        value = table["values"].get(key, {}).get(value, value)
    path = "/".join(table["keys"].get(part, part) for part in parts)
    for pattern, new in table["paths"].items():
        path = re.sub(pattern, new, path)
    return path, value


def entries(folder: Path, group: str, rename: bool) -> dict[str, Json]:
    content = json.loads((folder / f"{group}.json").read_text(encoding="utf-8"))
    named = (renamed(path, value) if rename else (path, value) for path, value in flat(content))
    return {path: value for path, value in named if not any(fnmatchcase(f"/{path}", one) for one in TABLE["ignored"])}


def same(old: Json, new: Json, group: str, slack: float) -> bool:
    """Equal; of results, also a rounded number and what it was before."""
    if group == "results" and isinstance(old, float) and isinstance(new, (int, float)):
        return bool(abs(old - new) <= slack)
    return bool(old == new) and (old is None) == (new is None)


def compare(old: Path, new: Path) -> list[str]:
    """One line for each difference of two records."""
    editions = [json.loads((folder / "about.json").read_text(encoding="utf-8"))["edition"] for folder in (old, new)]
    found = []
    for group in GROUPS:
        there = [(folder / f"{group}.json").exists() for folder in (old, new)]
        if all(there):
            before, after = entries(old, group, editions == ["old", "new"]), entries(new, group, False)
            found += [f"{group}/{line}" for line in differences(before, after, group)]
        elif any(there):
            found.append(f"{group}: only {old if there[0] else new} has it")
    return found


def differences(old: Mapping[str, Json], new: Mapping[str, Json], group: str) -> Iterator[str]:
    if group == "results":  # a row names every field, also one that has nothing to say
        old, new = (
            {path: value for path, value in side.items() if value not in (None, [], {})} for side in (old, new)
        )
    for path in dict.fromkeys([*old, *new]):
        if path not in new:
            yield f"{path}: {short(old[path])} is gone"
        elif path not in old:
            yield f"{path}: {short(new[path])} is new"
        elif not same(old[path], new[path], group, SLACK_OF_MEANS if " mean " in path else SLACK):
            yield f"{path}: {short(old[path])} became {short(new[path])}"


def short(value: Json) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 160 else f"{text[:157]}..."


def report(old: Path, new: Path) -> int:
    """Print every difference; 1 where there are any."""
    found = compare(old, new)
    for line in found:
        print(line)
    print(f"{len(found)} differences between {old} and {new}" if found else "no difference")
    return int(bool(found))


# The command line ---------------------------------------------------------------------------------------------------


def groups(text: str) -> list[str]:
    chosen = text.split(",")
    if unknown := set(chosen) - set(GROUPS):
        raise argparse.ArgumentTypeError(f"{', '.join(unknown)} is none of {', '.join(GROUPS)}")
    return [group for group in GROUPS if group in chosen]


def folder(text: str) -> Path:
    return Path(text).resolve(strict=True)


def options(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--only", type=groups, default=list(GROUPS), help="groups of jobs, parted by commas")
    parser.add_argument("--photos", type=folder, help="folder of real photos; needs --weights")
    parser.add_argument("--weights", type=folder, help="folder of SCRFD's .onnx file")
    parser.add_argument("--work", type=Path, help="keep what the jobs make below here; the same again goes on")
    parser.add_argument("--miniatures", type=folder, help="what emocap benchmarks draw has made; the same for both")
    parser.add_argument("--cards", default="*", help="patterns of benchmarks, parted by commas, such as 'raf-*'")


def parse(words: Sequence[str]) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    verbs = parser.add_subparsers(dest="verb", required=True)
    recording = verbs.add_parser("record", help="write the record of a commit")
    recording.add_argument("commit", help="a commit, or the folder of a worktree")
    recording.add_argument("--out", type=Path, required=True)
    comparing = verbs.add_parser("compare", help="print the differences of two records")
    both = verbs.add_parser("both", help="record two commits and compare them; the verb may be left out")
    for one, kind in ((comparing, folder), (both, str)):
        one.add_argument("old", type=kind)
        one.add_argument("new", type=kind)
    options(recording)
    options(both)
    bare = bool(words) and not words[0].startswith("-") and words[0] not in verbs.choices
    given = parser.parse_args(["both", *words] if bare else words)
    if given.verb != "compare" and (given.photos is None) != (given.weights is None):
        parser.error("--photos and --weights go together")
    return given


def main() -> int:
    given = parse(sys.argv[1:])
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # so that no worktree is left behind
    if given.verb == "compare":
        return report(given.old, given.new)
    if given.verb == "record":
        record(given.commit, given.out, given)
        return 0
    with tempfile.TemporaryDirectory(prefix="golden-") as scratch:
        old, new = Path(scratch) / "old", Path(scratch) / "new"
        record(given.old, old, given)
        record(given.new, new, given)
        return report(old, new)


if __name__ == "__main__":
    sys.exit(main())
