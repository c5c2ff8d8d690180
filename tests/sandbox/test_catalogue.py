import json
from importlib.resources import files

from gateway.sandbox.catalogue import models


def test_it_sells_143_models_and_knows_one_more_without_a_price() -> None:
    unpriced = [slug for slug, model in models().items() if model.base is None]
    assert len(models()) == 144
    assert unpriced == ["google/veo-3.1-quality/text-to-video"]


def test_every_slug_is_listed_once() -> None:
    facts = json.loads(files("gateway.sandbox").joinpath("catalogue.json").read_text("utf-8"))
    assert len({each["slug"] for each in facts}) == len(facts) == 144


def test_every_default_is_an_option() -> None:
    for model in models().values():
        for factor in model.factors:
            assert factor.default is None or factor.default in factor.multipliers, model.slug


def test_every_priced_field_is_a_documented_input_except_the_one_that_the_media_shows() -> None:
    hidden = [
        (model.slug, factor.field)
        for model in models().values()
        for factor in model.factors
        if not model.takes(factor.field)
    ]
    assert hidden == [("kling/kling-motion-create-v3/motion-transfer-to-video", "duration")]
    model = models()["kling/kling-motion-create-v3/motion-transfer-to-video"]
    assert [factor.derived_from_media for factor in model.factors] == [True, False]


def test_every_model_has_an_id_of_its_own() -> None:
    ids = {model.id for model in models().values()}
    assert len(ids) == 144
    assert all(each.startswith("model_") for each in ids)
