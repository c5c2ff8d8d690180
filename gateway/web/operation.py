"""What the control plane can be asked, as values: each operation is declared once, and its route, its checks, its
record in the audit trail and its place in the OpenAPI document follow from that.

The rule of this file: query, body and answer are models. What is not in them is a mistake, and never answered.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Generic, TypeAlias, TypeVar

from pydantic import BaseModel, ConfigDict

from gateway.core.role import Administrator, Power
from gateway.web.problem import GatewayError

if TYPE_CHECKING:
    from gateway.web.administration import Control


class Document(BaseModel):
    """What is answered, or a part of it. What was not set is left out."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Body(BaseModel):
    """What a request says in its body: JSON, its types as they are."""

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    def recorded(self) -> dict[str, object]:
        """What the audit trail keeps of it."""
        return self.model_dump(mode="json")


class Query(BaseModel):
    """What a request says behind the `?`: every name once, or as often as it likes where the field is a tuple."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Nothing(Query):
    """No parameters."""


Q = TypeVar("Q", bound=Query)
B = TypeVar("B", bound=Body | None)


@dataclass(frozen=True, slots=True)
class Call(Generic[Q, B]):
    """A request that may be answered: `by` has the power for it, `names` are those in its path."""

    control: "Control"
    by: Administrator
    names: Mapping[str, str]
    query: Q
    body: B
    if_match: str | None = None


@dataclass(frozen=True, slots=True)
class Change:
    """What was changed, for the audit trail: never with a secret. A `reason` here outranks that of the request."""

    subject: str
    team: str | None = None
    reason: str | None = None
    before: Mapping[str, object] = field(default_factory=dict)
    after: Mapping[str, object] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class Answer:
    """`etag` names this state of what is shown."""

    document: Document
    change: Change | None = None
    etag: str | None = None

    @property
    def text(self) -> str:
        """The document as JSON."""
        return self.document.model_dump_json(exclude_unset=True)


Handle: TypeAlias = Callable[[Call[Any, Any]], Awaitable[Answer | GatewayError]]


@dataclass(frozen=True, slots=True)
class Operation:
    """One route. `action` names the change it makes in the audit trail; None where it makes none.

    `errors` are the codes that it answers beside those that any operation like it may. `sensitive` names the
    field of the answer that holds a secret.
    """

    method: str
    path: str
    summary: str
    needs: Power
    handle: Handle
    answer: type[Document]
    query: type[Query] = Nothing
    body: type[Body] | None = None
    status: int = 200
    errors: tuple[str, ...] = ()
    action: str | None = None
    tagged: bool = False
    sensitive: str | None = None

    @property
    def name(self) -> str:
        """What it is called in the OpenAPI document."""
        return self.handle.__name__
