"""What the benchmark submits: the provider's own example, by each of some keys in turn."""

import json
from collections.abc import Iterable
from typing import Final

from bench.load import request_bytes
from bench.processes import HOST

_PATH: Final = "/v1/jobs/submit"
_BODY: Final = json.dumps(
    {
        "model": "kling/kling-2.6-pro/text-to-video",
        "input": {
            "prompt": "A golden retriever running through a sunlit meadow",
            "aspect_ratio": "16:9",
            "duration": "5",
            "has_sound": "true",
        },
    }
).encode()


def submits(keys: Iterable[str]) -> tuple[bytes, ...]:
    """One request for each key."""
    return tuple(request_bytes(HOST, _PATH, key, _BODY) for key in keys)
