"""JSON Schema of TOML files: what a model refuses for its shape, the schema refuses."""

from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, PlainSerializer, StringConstraints

from gateway.core.toml_schema import DIALECT, toml_schema

Name = Annotated[str, StringConstraints(pattern="^[a-z]+$")]
Doubled = Annotated[int, PlainSerializer(lambda number: f"{number}x", return_type=str)]


class Room(BaseModel):
    beds: int | None = None


class House(BaseModel):
    """A house."""

    model_config = ConfigDict(extra="forbid")

    size: Doubled = 3
    place: Path = Path("here")
    cellar: Room | None = None
    attic: Room = Room()
    guests: dict[Name, int] = Field(default={}, description="Who sleeps here.")


SCHEMA = toml_schema(House)
PROPERTIES = SCHEMA["properties"]


def test_it_says_its_dialect_and_what_it_is_of() -> None:
    assert (SCHEMA["$schema"], SCHEMA["title"], SCHEMA["description"]) == (DIALECT, "House", "A house.")
    assert SCHEMA["additionalProperties"] is False


def test_there_is_no_null_and_no_default_of_nothing() -> None:
    assert PROPERTIES["cellar"] == {"$ref": "#/$defs/Room"}
    assert PROPERTIES["attic"] == {"$ref": "#/$defs/Room"}
    assert SCHEMA["$defs"]["Room"]["properties"]["beds"] == {"title": "Beds", "type": "integer"}


def test_a_default_is_told_as_the_file_would_say_it() -> None:
    assert (PROPERTIES["size"]["default"], PROPERTIES["place"]["default"]) == ("3x", "here")


def test_a_key_that_does_not_match_is_a_mistake() -> None:
    guests = PROPERTIES["guests"]
    assert guests["patternProperties"] == {"^[a-z]+$": {"type": "integer"}}
    assert guests["additionalProperties"] is False
