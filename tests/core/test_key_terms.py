"""What may be asked for when a key is issued."""

from dataclasses import replace
from datetime import timedelta
from ipaddress import ip_network

import pytest

from gateway.core.key_terms import MOST, KeyTerms, objection
from gateway.core.principal import Scope
from tests.doubles import NOON

TERMS = KeyTerms("video", "render farm")


def test_plain_terms_are_fine_and_grant_every_scope() -> None:
    assert objection(TERMS, NOON) is None
    assert TERMS.scopes == set(Scope)


@pytest.mark.parametrize(
    "terms",
    [
        replace(TERMS, name="x"),
        replace(TERMS, name="Rendern für Köln" + "." * 84),
        replace(TERMS, scopes=frozenset[Scope]()),
        replace(TERMS, models=("kling/*", "*")),
        replace(TERMS, networks=(ip_network("::1"),)),
        replace(TERMS, expires_at=NOON + timedelta(microseconds=1)),
        replace(TERMS, project="P-1", tags={"cost.center": "CC 4711", "a": "b"}),
    ],
)
def test_accepted(terms: KeyTerms) -> None:
    assert objection(terms, NOON) is None


@pytest.mark.parametrize(
    ("terms", "field"),
    [
        (replace(TERMS, name=""), "name"),
        (replace(TERMS, name="x" * 101), "name"),
        (replace(TERMS, name=" x"), "name"),
        (replace(TERMS, name="a\nb"), "name"),
        (replace(TERMS, name="a\u202eb"), "name"),
        (replace(TERMS, name="\ud800"), "name"),
        (replace(TERMS, project=""), "project"),
        (replace(TERMS, models=("",)), "models"),
        (replace(TERMS, models=("a b",)), "models"),
        (replace(TERMS, models=("*",) * (MOST + 1)), "models"),
        (replace(TERMS, networks=(ip_network("::1"),) * (MOST + 1)), "networks"),
        (replace(TERMS, tags={"": "x"}), "tags"),
        (replace(TERMS, tags={"a b": "x"}), "tags"),
        (replace(TERMS, tags={"a": ""}), "tags"),
        (replace(TERMS, tags={"a": "x\x1b[31m"}), "tags"),
        (replace(TERMS, tags={str(number): "x" for number in range(MOST + 1)}), "tags"),
        (replace(TERMS, expires_at=NOON), "expires_at"),
    ],
)
def test_refused_by_the_name_of_the_field(terms: KeyTerms, field: str) -> None:
    refused = objection(terms, NOON)
    assert refused is not None
    assert refused.field == field
    assert f'"{field}"' in refused.message
