"""The OpenAPI document: every operation, every answer by its status, and nothing left open."""

from collections.abc import Iterator
from typing import Any

import pytest

from gateway.web.admin import OPERATIONS
from gateway.web.openapi import document

DOCUMENT = document(OPERATIONS, "1.2.3")


def nodes(value: Any, path: str = "") -> Iterator[tuple[str, Any]]:
    yield path, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for name, one in inner:
        yield from nodes(one, f"{path}/{name}")


def test_every_operation_is_there_once() -> None:
    listed = {(method.upper(), path) for path, methods in DOCUMENT["paths"].items() for method in methods}
    assert listed == {(one.method, one.path) for one in OPERATIONS}
    assert (DOCUMENT["openapi"], DOCUMENT["info"]["version"]) == ("3.1.0", "1.2.3")


def test_no_answer_is_left_open() -> None:
    for path, node in nodes(DOCUMENT["paths"]):
        assert "/default" not in path or "/schema/" in path, path
        assert not (path.endswith("/schema") and node == {}), path
    for name, schema in DOCUMENT["components"]["schemas"].items():
        assert {"type", "$ref", "anyOf", "enum", "const"} & schema.keys(), name


def test_every_reference_leads_somewhere() -> None:
    for path, node in nodes(DOCUMENT):
        if isinstance(node, dict) and "$ref" in node:
            found: Any = DOCUMENT
            for part in node["$ref"].removeprefix("#/").split("/"):
                found = found[part]
            assert found, path


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda one: one.name)
def test_an_operation_names_its_errors_and_its_power(operation: Any) -> None:
    told = DOCUMENT["paths"][operation.path][operation.method.lower()]
    assert operation.needs in told["description"]
    codes = {code for one in told["responses"].values() for code in one.get("$ref", "").rpartition("/")[2].split(".")}
    assert {"UNAUTHORIZED", "INVALID_API_KEY", "OPERATION_NOT_ALLOWED", *operation.errors} <= codes
    assert ("requestBody" in told) is (operation.body is not None)
