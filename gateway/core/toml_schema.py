"""JSON Schema (draft 2020-12) of a TOML file that is read by a pydantic model, for editors.

The rule of this file: what the model refuses for its shape, the schema refuses. TOML has no null, so neither has it.
"""

from typing import Any, Final

from pydantic import BaseModel
from pydantic.json_schema import GenerateJsonSchema, JsonSchemaValue
from pydantic_core import core_schema

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"


class _Toml(GenerateJsonSchema):
    def nullable_schema(self, schema: core_schema.NullableSchema) -> JsonSchemaValue:
        return self.generate_inner(schema["schema"])

    def default_schema(self, schema: core_schema.WithDefaultSchema) -> JsonSchemaValue:
        """A default as the file would say it; none of what is nothing, or a table."""
        inner, default = self.generate_inner(schema["schema"]), schema.get("default")
        if default is None or isinstance(default, BaseModel):
            return inner
        written = schema["schema"].get("serialization", {})
        ours = written.get("type") == "function-plain" and not written.get("info_arg")
        told = written["function"](default) if ours else default
        return {**inner, "default": self.encode_default(told)}

    def dict_schema(self, schema: core_schema.DictSchema) -> JsonSchemaValue:
        """A key that does not match is a mistake, like any that is not known."""
        found = super().dict_schema(schema)
        return {**found, "additionalProperties": False} if "patternProperties" in found else found


def toml_schema(model: type[BaseModel]) -> dict[str, Any]:
    """The schema of a file that `model` reads."""
    return {"$schema": DIALECT, **model.model_json_schema(schema_generator=_Toml)}
