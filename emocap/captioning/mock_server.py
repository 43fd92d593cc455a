"""A mock endpoint whose replies are made-up captions of faces.

    python -m emocap.captioning.mock_server --port 8000 --latency 0.5 --faults 0.3

For trying a build, an evaluation or a ranking out before a model is paid for.
"""

import argparse
import asyncio
import contextlib
import json
import random
from functools import lru_cache
from typing import Any

from emocap.captioning import annotations
from emocap.llm.mock_server import MockServer, Plan, base_url, drawn
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


async def _main() -> None:
    parser = argparse.ArgumentParser(
        prog="python -m emocap.captioning.mock_server", description=(__doc__ or "").partition("\n")[0]
    )
    parser.add_argument("--port", type=int, default=0, help="0: any that is free")
    parser.add_argument("--latency", type=float, default=0.5, help="seconds that a reply takes")
    parser.add_argument("--faults", type=float, default=0.0, help="share of the requests that fail, of every kind")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--honour-idempotency", action="store_true")
    chosen = parser.parse_args()
    server = await mock_captioner(
        drawn(chosen.faults, chosen.seed), latency=chosen.latency, honour_idempotency=chosen.honour_idempotency
    ).serve(chosen.port)
    print(base_url(server), flush=True)
    await server.serve_forever()


if __name__ == "__main__":
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_main())
