"""What a value in a policy file must be, said in a sentence; and a document read, or everything wrong with it.

The rule of this file: whoever made the mistake reads which key it is at and what must stand there, in our words.
"""

import json
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Annotated, Any, Final, TypeAlias, TypeVar, get_args

from pydantic import BaseModel, ConfigDict, PlainValidator, ValidationError, WithJsonSchema
from pydantic_core import ErrorDetails, PydanticCustomError

from gateway.adapters.policy_files.toml import Toml, array
from gateway.core.complaint import Complaint, meant
from gateway.core.money import USD, parse_usd

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
    """A table of a policy file: every key is known, and no value is turned into another type.

    The text below a field is what editors show of it: `config schema`.
    """

    model_config = ConfigDict(
        strict=True,
        extra="forbid",
        frozen=True,
        use_attribute_docstrings=True,
        model_title_generator=lambda model: model.__name__.removesuffix("Table"),
    )

    @classmethod
    def keys(cls) -> dict[str, Any]:
        """The keys as they stand in the file, with the type of each."""
        return {field.alias or name: field.annotation for name, field in cls.model_fields.items()}


_Read = TypeVar("_Read", bound=Table)


@dataclass(frozen=True, slots=True)
class Form:
    """Which values are accepted, said twice: by a question, and as JSON Schema says it to editors."""

    accepts: Callable[[Any], bool]
    schema: Mapping[str, Any]

    def __call__(self, value: object) -> bool:
        return self.accepts(value)


def must(sentence: str, form: Form, known: Iterable[str] = ()) -> PlainValidator:
    """Accept a value as it is, of exactly the right type, or complain with `sentence`, and the nearest one known."""

    def check(value: object) -> object:
        if not form(value):
            raise PydanticCustomError("complaint", "{sentence}", {"sentence": meant(sentence, value, known)})
        return value

    return PlainValidator(check, json_schema_input_type=Annotated[Any, WithJsonSchema(dict(form.schema))])


def text(pattern: str) -> Form:
    """A string that matches as a whole. The pattern means the same to Python and to JSON Schema."""
    compiled = re.compile(pattern, re.ASCII)
    return Form(
        lambda value: isinstance(value, str) and compiled.fullmatch(value) is not None,
        {"type": "string", "pattern": f"^(?:{pattern})$"},
    )


def any_text() -> Form:
    """Any string at all."""
    return Form(lambda value: isinstance(value, str), {"type": "string"})


def flag() -> Form:
    """True or false."""
    return Form(lambda value: isinstance(value, bool), {"type": "boolean"})


def one_of(values: Iterable[str]) -> PlainValidator:
    """Accept one of the strings."""
    known = [str(one) for one in values]
    sentence = "must be " + " or ".join(f'"{one}"' for one in known)
    return must(sentence, Form(lambda value: value in known, {"type": "string", "enum": known}), known)


def whole(least: int, most: int) -> Form:
    """A whole number, a boolean being none."""
    return Form(
        lambda value: type(value) is int and least <= value <= most,
        {"type": "integer", "minimum": least, "maximum": most},
    )


def either(*forms: Form) -> Form:
    """Whatever one of the forms accepts."""
    return Form(lambda value: any(form(value) for form in forms), {"anyOf": [dict(form.schema) for form in forms]})


Schema = Annotated[int, must("must be 1, the only schema there is", Form(whole(1, 1), {"type": "integer", "const": 1}))]


def is_money(value: object) -> bool:
    """Whether a value is an amount of USD as policy files write it."""
    if not isinstance(value, str):
        return False
    try:
        parse_usd(value)
    except ValueError:
        return False
    return True


MONEY_FORM: Final = Form(is_money, text(USD.pattern).schema)


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
