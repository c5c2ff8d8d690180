"""What a value in a policy file must be, said in a sentence; and a document read, or everything wrong with it.

The rule of this file: whoever made the mistake reads which key it is at and what must stand there, in our words.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator
from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationError
from pydantic_core import ErrorDetails, PydanticCustomError

from gateway.adapters.policy_files.toml import Toml, array
from gateway.core.complaint import Complaint, meant
from gateway.core.money import parse_usd

# The TOML key at which a document breaks a rule, and the sentence that says so.
Broken: TypeAlias = tuple[str, str]

MONEY: Final = 'must be money in quotes, such as "25000.00": USD, 0 or more, at most six digits after the point'

# What JSON leaves raw and a terminal might obey.
_CONTROLS: Final = {code: f"\\u{code:04x}" for code in range(0x7F, 0xA0)}
_BARE_KEY = re.compile(r"[0-9A-Za-z_-]+", re.ASCII)

_SENTENCES: Final = {
    "missing": "is required",
    "extra_forbidden": "is not a key that is known here",
    "list_type": "must be an array",
    "dict_type": "must be a table",
    "model_type": "must be a table",
    "too_short": "must have at least one entry",
}


class Table(BaseModel):
    """A table of a policy file: every key is known, and no value is turned into another type."""

    model_config = ConfigDict(strict=True, extra="forbid", frozen=True)

    @classmethod
    def keys(cls) -> dict[str, Any]:
        """The keys as they stand in the file, with the type of each."""
        return {field.alias or name: field.annotation for name, field in cls.model_fields.items()}


_Read = TypeVar("_Read", bound=Table)


def must(sentence: str, accepts: Callable[[Any], bool], known: Iterable[str] = ()) -> PlainValidator:
    """Accept a value as it is, of exactly the right type, or complain with `sentence`, and the nearest one known."""

    def check(value: object) -> object:
        if not accepts(value):
            raise PydanticCustomError("complaint", "{sentence}", {"sentence": meant(sentence, value, known)})
        return value

    return PlainValidator(check)


def text(pattern: str) -> Callable[[Any], bool]:
    """Whether a value is a string that matches as a whole."""
    compiled = re.compile(pattern, re.ASCII)
    return lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None


def one_of(values: Iterable[str]) -> PlainValidator:
    """Accept one of the strings."""
    known = [str(one) for one in values]
    sentence = "must be " + " or ".join(f'"{one}"' for one in known)
    return must(sentence, lambda value: value in known, known)


def whole(least: int, most: int) -> Callable[[Any], bool]:
    """Whether a value is a whole number, a boolean being none."""
    return lambda value: type(value) is int and least <= value <= most


Schema = Annotated[int, must("must be 1, the only schema there is", whole(1, 1))]


def is_money(value: object) -> bool:
    """Whether a value is an amount of USD as policy files write it."""
    if not isinstance(value, str):
        return False
    try:
        parse_usd(value)
    except ValueError:
        return False
    return True


def listed_twice(at: str, value: object) -> Iterator[Broken]:
    """Every entry of the array at the key `at` that stands in it before."""
    listed = array(value)
    for index, one in enumerate(listed):
        if one in listed[:index]:
            yield f"{at}[{index}]", "is listed already"


def read_table(
    file: str, document: Toml, table: type[_Read], broken: Iterable[Broken]
) -> _Read | tuple[Complaint, ...]:
    """The document as a `table`, or a complaint for every value that is wrong in itself and every rule broken."""
    found = tuple(Complaint(file, key, sentence) for key, sentence in broken)
    try:
        read = table.model_validate(document)
    except ValidationError as mistakes:
        wrong = (Complaint(file, _key(error["loc"]), _sentence(table, error)) for error in mistakes.errors())
        return (*wrong, *found)
    return found or read


def _key(location: tuple[str | int, ...]) -> str:
    """`("limit", 3, "a b")` as `limit[3]."a b"`."""
    parts = [part for part in location if part != "[key]"]
    return "".join(f"[{part}]" if isinstance(part, int) else f".{quoted(part)}" for part in parts).removeprefix(".")


def quoted(part: str) -> str:
    """A key as TOML writes it."""
    return part if _BARE_KEY.fullmatch(part) else json.dumps(part, ensure_ascii=False).translate(_CONTROLS)


def _sentence(table: type[Table], error: ErrorDetails) -> str:
    sentence = _SENTENCES.get(error["type"], error["msg"])
    if error["type"] != "extra_forbidden":
        return sentence
    *above, stray = error["loc"]
    return meant(sentence, str(stray), _known_keys(table, above))


def _known_keys(table: type[Table], above: Iterable[str | int]) -> Iterable[str]:
    """The keys of the table that is reached from `table` by the location `above`."""
    for part in above:
        inner = _table_in(table.keys()[part]) if isinstance(part, str) else table
        if inner is None:
            return ()
        table = inner
    return table.keys()


def _table_in(annotation: Any) -> type[Table] | None:
    if isinstance(annotation, type) and issubclass(annotation, Table):
        return annotation
    return next((found for one in get_args(annotation) if (found := _table_in(one))), None)
