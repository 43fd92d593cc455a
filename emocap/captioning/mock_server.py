"""A mock endpoint whose replies are made-up captions of faces.

    emocap mock-server --port 8000 --latency 0.5 --faults 0.3

It tries out a build, an evaluation or a ranking before a model is paid for.
"""

import json
import random
from functools import lru_cache
from typing import Any

from emocap.captioning import annotations
from emocap.llm.mock_server import MockServer, Plan, base_url, random_faults
from emocap.schema.facs import EMOTIONS
from emocap.schema.samples import Labels


@lru_cache(maxsize=100_000)
def caption(picture: str) -> str:
    """The JSON of a made-up caption, the same for the same sha256 of a picture."""
    chance = random.Random(picture)
    names = chance.sample(EMOTIONS, chance.choice((1, 1, 2)))
    weights = [chance.uniform(0.3, 1) for _ in names]
    labels = Labels(
        emotions={name: weight / sum(weights) for name, weight in zip(names, weights, strict=True)},
        intensity=chance.uniform(0.2, 1),
        valence=chance.uniform(-1, 1),
        arousal=chance.uniform(-1, 1),
    )
    made, _ = annotations.caption(labels, picture)
    return json.dumps(made.model_dump(by_alias=True), ensure_ascii=False)


def mock_captioner(plan: Plan = lambda number: None, **settings: Any) -> MockServer:
    """A :class:`emocap.llm.mock_server.MockServer` that writes captions; ``settings`` are its own."""
    return MockServer(plan, caption=caption, **settings)


async def serve(port: int, latency: float, faults: float, seed: int, honour_idempotency: bool) -> None:
    """Serve until the task is cancelled, and print the address first; port 0: any that is free."""
    plan = random_faults(faults, seed)
    server = await mock_captioner(plan, latency=latency, honour_idempotency=honour_idempotency).serve(port)
    print(base_url(server), flush=True)
    await server.serve_forever()
