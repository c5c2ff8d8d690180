"""Models, providers and the public catalogue: views of the same facts in the two documented forms."""

from collections.abc import Iterable

from gateway.sandbox.calls import Call
from gateway.sandbox.catalogue import Input, Model, models
from gateway.sandbox.orders import VERSION
from gateway.sandbox.replies import Refusal

_NAMES = {"video": "Video", "image": "Image"}


def list_models(call: Call) -> object:
    return {"models": [_summary(model) for model in models().values()]}


def one_model(call: Call) -> object:
    """By the listed id; slugs are for the catalogue."""
    wanted = call.request.match_info["model_id"]
    found = next((model for model in models().values() if model.id == wanted), None)
    if found is None:
        return Refusal("MODEL_NOT_FOUND", "There is no such model")
    version = {
        "versionId": VERSION,
        "status": "active",
        "inputSchema": _schema(found),
        "outputSchema": {"type": "object"},
        "pricing": _pricing(found),
        "rateLimits": {"requestsPerMinute": 10, "requestsPerDay": 500},
    }
    return {**_summary(found), "versions": [version]}


def list_providers(call: Call) -> object:
    return {"providers": [_provider(each) for each in _by_provider()]}


def provider_models(call: Call) -> object:
    found = _by_provider().get(call.request.match_info["provider_id"])
    if found is None:
        return _no_provider()
    return {"provider": _provider(found[0].provider_id), "models": [_summary(model) for model in found]}


def catalogue_models(call: Call) -> object:
    """A bare array, as in the page's example; its field list speaks of an object."""
    return [
        {
            "slug": model.slug,
            "provider": _maker(model),
            "category": model.media,
            "capability": capability(model),
            "pricing": _pricing(model),
            "tags": [],
            "ratings": {"average": 0, "count": 0},
        }
        for model in models().values()
    ]


def catalogue_model(call: Call) -> object:
    """Two segments without the capability name the first of that name, the default one."""
    slug = call.request.match_info["slug"]
    family = _family(slug)
    found = models().get(slug) or next((each for each in family if slug.count("/") == 1), None)
    if found is None:
        return Refusal("MODEL_NOT_FOUND", f"There is no model {slug}")
    others = [each for each in family if each is not found]
    return {
        **_described(found),
        "provider": _maker(found),
        "inputSchema": _schema(found),
        "siblings": [{"slug": each.slug, "capability": capability(each)} for each in others],
    }


def catalogue_providers(call: Call) -> object:
    return [{**_provider(each), "modelCount": len(found)} for each, found in _by_provider().items()]


def catalogue_provider(call: Call) -> object:
    found = _by_provider().get(call.request.match_info["provider_id"])
    if found is None:
        return _no_provider()
    listed = [{**_described(model), "tags": []} for model in found]
    return {**_provider(found[0].provider_id), "models": listed}


def categories(call: Call) -> object:
    media = [model.media for model in models().values()]
    return [
        {"id": each, "name": name, "description": f"{name} generation", "modelCount": media.count(each)}
        for each, name in _NAMES.items()
    ]


def capability_groups(call: Call) -> object:
    first = {capability(model): model for model in reversed(list(models().values()))}
    return [
        {"id": each, "displayName": first[each].capability, "label": first[each].capability, "order": order}
        | {"icon": first[each].media, "color": "#808080"}
        for order, each in enumerate(sorted(first), 1)
    ]


def capability(model: Model) -> str:
    """The last segment of the slug; the one slug of two segments has none, and makes images from text."""
    parts = model.slug.split("/")
    return parts[2] if len(parts) == 3 else model.capability.lower().replace(" ", "-")


def _family(slug: str) -> list[Model]:
    prefix = "/".join(slug.split("/")[:2])
    return [each for each in models().values() if "/".join(each.slug.split("/")[:2]) == prefix]


def _by_provider() -> dict[str, list[Model]]:
    found: dict[str, list[Model]] = {}
    for model in models().values():
        found.setdefault(model.provider_id, []).append(model)
    return found


def _no_provider() -> Refusal:
    return Refusal("NOT_FOUND", "There is no such provider")


def _maker(model: Model) -> dict[str, object]:
    return {"id": model.provider_id, "name": model.provider, "logoUrl": None}


def _provider(provider_id: str) -> dict[str, object]:
    found = _by_provider()[provider_id]
    return {
        "id": provider_id,
        "name": found[0].provider,
        "description": f"Models of {found[0].provider}",
        "logoUrl": None,
        "website": None,
        "color": "#808080",
        "categories": sorted({model.media for model in found}),
        "isActive": True,
    }


def _pricing(model: Model) -> dict[str, object]:
    """The documents say `baseCredits`; the sandbox has no other unit than micro-cents. No price yet: null."""
    return {"baseCredits": model.base, "unit": model.unit and f"per_{model.unit}"}


def _summary(model: Model) -> dict[str, object]:
    return {
        "id": model.id,
        "providerId": model.provider_id,
        "providerName": model.provider,
        "name": model.name,
        "description": _description(model),
        "category": model.media,
        "currentVersion": VERSION,
        "versionCount": 1,
        "currentVersionPricing": _pricing(model),
    }


def _described(model: Model) -> dict[str, object]:
    return {
        "slug": model.slug,
        "name": model.name,
        "description": _description(model),
        "category": model.media,
        "capability": capability(model),
        "pricing": _pricing(model),
    }


def _description(model: Model) -> str:
    return f"{model.name}, {model.capability}"


def _schema(model: Model) -> dict[str, object]:
    """JSON Schema of `input`."""
    return {
        "type": "object",
        "properties": {each.name: _property(each) for each in model.inputs},
        "required": _required(model.inputs),
    }


def _property(each: Input) -> dict[str, object]:
    schema: dict[str, object] = {"type": each.type}
    if each.options:
        schema["enum"] = list(each.options)
    if each.default is not None:
        schema["default"] = each.default
    return schema


def _required(inputs: Iterable[Input]) -> list[str]:
    return [each.name for each in inputs if each.required]
