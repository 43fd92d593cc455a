"""Against a real server: ``transformers serve`` with a tiny random vision-language model."""

import io
import os
import socket
import subprocess
import sys
import time
import urllib.request
from collections.abc import Iterator
from contextlib import closing
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path

import pytest
from PIL import Image

from emocap.captioning.base import NoCaption
from emocap.core.errors import UserError
from emocap.schema.samples import Sample
from tests.support import tiny_model
from tests.support.mocking import captioner, faces, ledger, reasons, recipe

pytestmark = pytest.mark.slow


def pictures(count: int) -> list[Sample]:
    samples = []
    for number, sample in enumerate(faces(count)):
        file = io.BytesIO()
        Image.effect_noise((64, 64), 40 + number).convert("RGB").save(file, "JPEG")
        samples.append(replace(sample, jpeg=file.getvalue()))
    return samples


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """base_url and name of the model."""
    if any(find_spec(package) is None for package in ("transformers", "fastapi", "uvicorn")):
        pytest.skip("transformers[serving] is not installed")
    folder = tmp_path_factory.mktemp("tiny")
    subprocess.run([sys.executable, str(Path(tiny_model.__file__)), str(folder)], check=True)
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    command = [str(Path(sys.executable).parent / "transformers"), "serve", str(folder), "--device", "cpu"]
    with (folder / "log").open("w") as log:
        server = subprocess.Popen(
            [*command, "--host", "127.0.0.1", "--port", str(port)],
            env={**os.environ, "HF_HUB_OFFLINE": "1"},
            stdout=log,
            stderr=log,
        )
    try:
        while not answers(f"http://127.0.0.1:{port}/health"):
            assert server.poll() is None, (folder / "log").read_text()
            time.sleep(0.2)
        yield f"http://127.0.0.1:{port}/v1", str(folder)
    finally:
        server.terminate()
        server.wait()


def answers(address: str) -> bool:
    try:
        with urllib.request.urlopen(address, timeout=5):
            return True
    except OSError:
        return False


@pytest.mark.parametrize("structured", ["json_schema", "json_object", "none"])
def test_a_real_server_takes_the_request_and_its_reply_is_kept(
    served: tuple[str, str], tmp_path: Path, structured: str
) -> None:
    url, model = served
    asked = recipe(url, model=model, asks=2, max_tokens=16, structured=structured, concurrency=2)
    with closing(captioner(asked, tmp_path)) as made:
        outcomes = made.caption(pictures(2), "one")
    assert set(reasons(outcomes)) <= {"cut", "not_json", "empty"}  # a random model babbles
    replies = ledger(tmp_path)
    assert sorted((reply.key, reply.ask) for reply in replies) == [
        (f"face-{n}", ask) for n in (0, 1) for ask in (1, 2)
    ]
    assert all(reply.prompt_tokens > 1000 and 0 < reply.completion_tokens <= 16 for reply in replies)
    for outcome in outcomes:
        assert isinstance(outcome, NoCaption)
        assert outcome.text in {reply.text for reply in replies if reply.ask == 2}


def test_a_model_that_is_not_served_is_said(served: tuple[str, str], tmp_path: Path) -> None:
    url, model = served
    with (
        closing(captioner(recipe(url, model="another"), tmp_path)) as made,
        pytest.raises(UserError, match=f"endpoint {url} .*pinned to '{model}'"),
    ):
        made.caption(pictures(1), "one")


def test_a_broken_picture_is_rejected_and_the_others_are_answered(served: tuple[str, str], tmp_path: Path) -> None:
    url, model = served
    samples = pictures(3)
    samples[0] = replace(samples[0], jpeg=b"no picture")
    asked = recipe(url, model=model, asks=1, tries=2, max_tokens=8, concurrency=1)
    with closing(captioner(asked, tmp_path)) as made:
        first, *others = made.caption(samples, "one")
    assert isinstance(first, NoCaption)
    assert first.reason in ("bad_request", "endpoint_failed")
    assert set(reasons(others)) <= {"cut", "not_json", "empty"}
