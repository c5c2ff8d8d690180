"""The control plane as an OpenAPI 3.1 document, made from the operations that answer.

The rule of this file: nothing is said here that is not so there. Every answer is named with its status and its model,
and every error with its codes.
"""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any, Final, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema

from gateway.web import admin_errors, errors, headers
from gateway.web.operation import Body, Document, Operation, Query
from gateway.web.problem import ENVELOPE, PROBLEM
from gateway.web.repeats import HEADER

_REF: Final = "#/components/schemas/{model}"
_COMMON: Final = ("INVALID_INPUT", "UNAUTHORIZED", "INVALID_API_KEY", "OPERATION_NOT_ALLOWED", "STORE_UNAVAILABLE")
_OF_BODIES: Final = ("BODY_TOO_LARGE", "UNSUPPORTED_MEDIA_TYPE")
_OF_REPEATS: Final = ("IDEMPOTENCY_IN_PROGRESS", "IDEMPOTENCY_MISMATCH")
_LATE: Final = 408
_SECURITY: Final = {
    "bearer": {"type": "http", "scheme": "bearer", "description": "An admin key."},
    "header": {"type": "apiKey", "in": "header", "name": "x-api-key", "description": "An admin key."},
}
_DETAILS: Final = {"type": "object", "description": "What the code is about.", "additionalProperties": True}
_TEXT: Final = {"type": "string"}
_NAMES: Final[Mapping[str, Mapping[str, str]]] = {
    "id": {"type": "string", "pattern": "^[0-9A-Za-z_-]{1,64}$"},
    "team": {"type": "string", "pattern": "^[0-9a-z][0-9a-z-]{0,63}$"},
}


def document(operations: Iterable[Operation], version: str) -> dict[str, Any]:
    """The whole document; `version` is that of the program."""
    known = tuple(operations)
    schemas = _schemas(known)
    paths: dict[str, dict[str, Any]] = defaultdict(dict)
    for operation in known:
        paths[operation.path][operation.method.lower()] = _operation(operation, schemas)
    queries = {operation.query.__name__ for operation in known}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Tollhouse control plane",
            "version": version,
            "description": "For the people who run it. What each call means is told in docs/control-plane.md.",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "security": [{name: []} for name in _SECURITY],
        "paths": dict(paths),
        "components": {
            "securitySchemes": _SECURITY,
            "responses": _all_refused(known),
            "schemas": {name: schema for name, schema in schemas.items() if name not in queries},
        },
    }


def _schemas(operations: tuple[Operation, ...]) -> dict[str, Any]:
    """Of every model: as it is read for what is asked, as it is written for what is answered."""
    read: set[type[Body | Query]] = {operation.query for operation in operations}
    read |= {operation.body for operation in operations if operation.body is not None}
    written: set[type[Document]] = {operation.answer for operation in operations}
    models: list[tuple[type[BaseModel], Literal["validation", "serialization"]]] = [
        *((model, "validation") for model in sorted(read, key=_name)),
        *((model, "serialization") for model in sorted(written, key=_name)),
    ]
    _, found = models_json_schema(models, ref_template=_REF)
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _name(model: type[BaseModel]) -> str:
    return model.__name__


def _operation(operation: Operation, schemas: Mapping[str, Any]) -> dict[str, Any]:
    told: dict[str, Any] = {
        "operationId": operation.name,
        "summary": operation.summary,
        "description": f"Needs the power `{operation.needs}`.",
        "tags": [operation.path.split("/")[3]],
        "parameters": [*_in_path(operation), *_in_query(operation, schemas), *_in_head(operation)],
        "responses": _responses(operation),
    }
    if operation.body is not None:
        schema = {"$ref": _REF.format(model=operation.body.__name__)}
        told["requestBody"] = {"required": True, "content": {ENVELOPE: {"schema": schema}}}
    return told


def _in_path(operation: Operation) -> Iterator[dict[str, Any]]:
    parts = (part[1:-1] for part in operation.path.split("/") if part.startswith("{"))
    return ({"name": name, "in": "path", "required": True, "schema": dict(_NAMES[name])} for name in parts)


def _in_query(operation: Operation, schemas: Mapping[str, Any]) -> Iterator[dict[str, Any]]:
    model = schemas[operation.query.__name__]
    required = model.get("required", ())
    for name, schema in model.get("properties", {}).items():
        yield {"name": name, "in": "query", "required": name in required, "schema": _never_null(schema)}


def _never_null(schema: Mapping[str, Any]) -> dict[str, Any]:
    """What is left out of a query is left out: no text there means null."""
    rest = {name: text for name, text in schema.items() if name not in ("anyOf", "default", "title")}
    options = [one for one in schema.get("anyOf", ()) if one.get("type") != "null"]
    if "default" in schema and schema["default"] is not None:
        rest["default"] = schema["default"]
    match options:
        case []:
            return rest
        case [only]:
            return {**only, **rest}
        case _:
            return {"anyOf": options, **rest}


def _in_head(operation: Operation) -> Iterator[dict[str, Any]]:
    if operation.action is not None:
        schema = {"type": "string", "minLength": 1, "maxLength": 200, "pattern": "^[!-~]+$"}
        yield {"name": headers.REASON, "in": "header", "description": "Why; for the audit trail.", "schema": schema}
        schema = {"type": "string", "pattern": "^[!-~]{1,255}$"}
        yield {"name": HEADER, "in": "header", "description": "Asked twice with it, it is done once.", "schema": schema}
    if operation.tagged and operation.method != "GET":
        told = "Only if it is still as this ETag says."
        yield {"name": "If-Match", "in": "header", "description": told, "schema": dict(_TEXT)}


def _responses(operation: Operation) -> dict[str, Any]:
    schema = {"$ref": _REF.format(model=operation.answer.__name__)}
    done: dict[str, Any] = {"description": "Done.", "content": {ENVELOPE: {"schema": schema}}}
    if operation.tagged:
        done["headers"] = {"ETag": {"description": "Names this state of it.", "schema": dict(_TEXT)}}
    refused = {str(status): {"$ref": _ref_of(codes)} for status, codes in sorted(_by_status(operation).items())}
    return {str(operation.status): done, **refused}


def _by_status(operation: Operation) -> Mapping[int, list[str]]:
    codes = {*_COMMON, *operation.errors, *(_OF_BODIES if operation.body is not None else ())}
    codes |= set(_OF_REPEATS if operation.action is not None else ())
    found: dict[int, list[str]] = defaultdict(list)
    for code in sorted(codes):
        found[admin_errors.CODES[code] if code in admin_errors.CODES else errors.CODES[code][0]].append(code)
    if operation.body is not None:
        found[_LATE].append("INVALID_INPUT")
    return found


def _ref_of(codes: list[str]) -> str:
    return f"#/components/responses/{'.'.join(codes)}"


def _all_refused(operations: tuple[Operation, ...]) -> dict[str, Any]:
    """Every set of codes that some status of some operation may have."""
    sets = {tuple(codes) for operation in operations for codes in _by_status(operation).values()}
    return {".".join(codes): _refused(list(codes)) for codes in sorted(sets)}


def _refused(codes: list[str]) -> dict[str, Any]:
    code = {"type": "string", "enum": codes}
    error = _object({"code": code, "message": _TEXT, "details": _DETAILS})
    envelope = _object({"success": {"const": False}, "error": error, "requestId": _TEXT})
    problem = _object(
        {
            **dict.fromkeys(("type", "title", "detail", "requestId"), _TEXT),
            "status": {"type": "integer"},
            "code": code,
            "details": _DETAILS,
        }
    )
    return {"description": ", ".join(codes), "content": {ENVELOPE: {"schema": envelope}, PROBLEM: {"schema": problem}}}


def _object(properties: Mapping[str, Any]) -> dict[str, Any]:
    return {
        "type": "object",
        "properties": {name: dict(schema) for name, schema in properties.items()},
        "required": list(properties),
        "additionalProperties": False,
    }
