"""The OpenAPI document against a running gateway: thousands of requests that it allows, and as many that it does not.

Nothing may be answered that the document does not say, and nothing may be a server error.
"""

import random
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, seed, settings
from hypothesis import strategies as st
from schemathesis.checks import not_a_server_error
from schemathesis.generation import GenerationMode
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    negative_data_rejection,
    response_schema_conformance,
    status_code_conformance,
    unsupported_method,
)

from tests.cli.serving import Served, ask, serving

CASES = 5_000
CHECKS = (
    not_a_server_error,
    status_code_conformance,
    content_type_conformance,
    response_schema_conformance,
    negative_data_rejection,
    unsupported_method,
)


@pytest.fixture
def served(tmp_path: Path) -> Iterator[Served]:
    with serving(tmp_path) as served:
        yield served


@pytest.mark.long
@pytest.mark.timeout(900)
def test_nothing_is_answered_that_the_document_does_not_say(served: Served) -> None:
    url, key = served.row("control plane"), (served.root / ".tollhouse" / "admin.key").read_text().strip()
    schema = schemathesis.openapi.from_url(f"{url}/openapi.json")
    real = {"team": "demo", "id": ask(f"{url}/admin/v1/keys", key)[1]["keys"][0]["id"]}
    operations = [found.ok() for found in schema.get_all_operations()]
    each = -(-CASES // (2 * len(operations)))
    chosen = random.getrandbits(32)
    print(f"\nseed {chosen}")
    counts: Counter[int] = Counter()
    for operation in operations:
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            _explore(operation, mode, each, chosen, url, key, real, counts)
    print(dict(counts.most_common()))
    assert sum(counts.values()) >= CASES
    assert counts[200] >= CASES // 20
    assert counts[201] >= 5
    assert counts[400] >= CASES // 20
    assert served.process.poll() is None


def _explore(
    operation: Any,
    mode: GenerationMode,
    cases: int,
    chosen: int,
    url: str,
    key: str,
    real: dict[str, str],
    counts: Counter[int],
) -> None:
    strategy = operation.as_strategy(generation_mode=mode)

    @seed(chosen)
    @settings(
        max_examples=cases,
        deadline=None,
        database=None,
        phases=(Phase.explicit, Phase.generate),
        suppress_health_check=list(HealthCheck),
    )
    @given(case=strategy, known=st.booleans())
    def ask_it(case: Any, known: bool) -> None:
        if known and mode is GenerationMode.POSITIVE:
            # What is there: random names meet nothing.
            case.path_parameters = {name: real[name] for name in case.path_parameters or {}}
            if isinstance(case.body, dict):
                case.body |= {name: text for name, text in (("team", "demo"), ("name", "x")) if name in case.body}
        response = case.call(base_url=url, headers={"Authorization": f"Bearer {key}"})
        counts[response.status_code] += 1
        case.validate_response(response, checks=CHECKS)

    ask_it()
