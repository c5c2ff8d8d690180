import pytest

from gateway.sandbox.catalogue import models
from tests.sandbox.visit import SLUG, Visit

PROVIDERS = {slug.split("/")[0] for slug in models()}


async def body(visit: Visit, path: str) -> object:
    answer = await visit.get(path)
    assert answer.status == 200, answer
    return answer.body


async def test_models_are_listed_with_the_documented_fields(visit: Visit) -> None:
    listed = (await visit.get("/v1/models")).body["models"]
    assert len(listed) == 144
    kling = next(each for each in listed if each["id"] == models()[SLUG].id)
    assert kling == {
        "id": models()[SLUG].id,
        "providerId": "kling",
        "providerName": "Kling",
        "name": "Kling 2.6 Pro",
        "description": "Kling 2.6 Pro, Text to Video",
        "category": "video",
        "currentVersion": "v1",
        "versionCount": 1,
        "currentVersionPricing": {"baseCredits": 70_000, "unit": "per_second"},
    }


async def test_one_model_has_versions_with_a_schema(visit: Visit) -> None:
    model = (await visit.get(f"/v1/models/{models()[SLUG].id}")).body
    (version,) = model["versions"]
    assert (version["versionId"], version["status"]) == ("v1", "active")
    assert version["pricing"] == {"baseCredits": 70_000, "unit": "per_second"}
    assert version["rateLimits"] == {"requestsPerMinute": 10, "requestsPerDay": 500}
    properties = version["inputSchema"]["properties"]
    assert properties["duration"] == {"type": "string", "enum": ["5", "10"], "default": "5"}
    assert version["inputSchema"]["required"] == []
    veo = (await visit.get(f"/v1/models/{models()['google/veo-3.1-fast/text-to-video'].id}")).body
    assert veo["versions"][0]["inputSchema"]["required"] == ["prompt"]


async def test_a_model_is_not_found_by_its_slug_or_a_wrong_id(visit: Visit) -> None:
    for path in ("/v1/models/model_x", "/v1/models/kling"):
        assert (await visit.get(path)).code == "MODEL_NOT_FOUND"


async def test_providers_and_their_models(visit: Visit) -> None:
    listed = (await visit.get("/v1/providers")).body["providers"]
    assert {each["id"] for each in listed} == PROVIDERS
    assert all(each["isActive"] and each["categories"] for each in listed)
    kling = (await visit.get("/v1/providers/kling/models")).body
    assert kling["provider"]["name"] == "Kling"
    assert {each["providerId"] for each in kling["models"]} == {"kling"}
    assert len(kling["models"]) == 24


@pytest.mark.parametrize("path", ["/v1/providers/x/models", "/v1/catalog/providers/x"])
async def test_an_unknown_provider_is_not_found(visit: Visit, path: str) -> None:
    answer = await visit.get(path)
    assert (answer.status, answer.code) == (404, "NOT_FOUND")


async def test_the_catalogue_is_a_bare_array(visit: Visit) -> None:
    listed = await body(visit, "/v1/catalog/models")
    assert isinstance(listed, list)
    assert [each["slug"] for each in listed] == list(models())
    assert listed[0]["pricing"] == {"baseCredits": 200_000, "unit": "per_second"}
    assert {each["category"] for each in listed} == {"video", "image"}


async def test_the_model_without_a_price_is_known_and_unpriced(visit: Visit) -> None:
    model = (await visit.get("/v1/catalog/models/google/veo-3.1-quality/text-to-video")).body
    assert model["pricing"] == {"baseCredits": None, "unit": None}


async def test_a_catalogue_model_by_its_slug_with_slashes(visit: Visit) -> None:
    model = (await visit.get(f"/v1/catalog/models/{SLUG}")).body
    assert (model["slug"], model["capability"], model["provider"]["id"]) == (SLUG, "text-to-video", "kling")
    assert {each["slug"] for each in model["siblings"]} == {
        each for each in models() if each.startswith("kling/kling-2.6-pro/") and each != SLUG
    }


async def test_two_segments_name_the_default_capability(visit: Visit) -> None:
    assert (await visit.get("/v1/catalog/models/kling/kling-2.6-pro")).body["slug"] == SLUG
    banana = (await visit.get("/v1/catalog/models/google/nano-banana")).body
    assert (banana["slug"], banana["capability"]) == ("google/nano-banana", "text-to-image")


@pytest.mark.parametrize("slug", ["kling", "kling/none", "kling/kling-2.6-pro/none", "a/b/c/d"])
async def test_an_unknown_slug_is_not_found(visit: Visit, slug: str) -> None:
    answer = await visit.get(f"/v1/catalog/models/{slug}")
    assert (answer.status, answer.code) == (404, "MODEL_NOT_FOUND")


async def test_catalogue_providers_count_their_models(visit: Visit) -> None:
    listed = await body(visit, "/v1/catalog/providers")
    assert isinstance(listed, list)
    assert sum(each["modelCount"] for each in listed) == 144
    kling = (await visit.get("/v1/catalog/providers/kling")).body
    assert len(kling["models"]) == 24
    assert kling["models"][0].keys() >= {"slug", "name", "description", "category", "capability", "pricing", "tags"}


async def test_categories_count_their_models(visit: Visit) -> None:
    listed = await body(visit, "/v1/catalog/categories")
    assert isinstance(listed, list)
    assert {each["id"]: each["modelCount"] for each in listed} == {"video": 115, "image": 29}


async def test_capability_groups_cover_every_model(visit: Visit) -> None:
    groups = await body(visit, "/v1/catalog/capability-groups")
    listed = await body(visit, "/v1/catalog/models")
    assert isinstance(groups, list)
    assert isinstance(listed, list)
    assert {each["id"] for each in groups} == {each["capability"] for each in listed}
    assert [each["order"] for each in groups] == list(range(1, len(groups) + 1))
    assert groups[0].keys() == {"id", "displayName", "label", "icon", "color", "order"}
