import pytest

from gateway.sandbox.orders import Order, read_body, read_order
from gateway.sandbox.replies import Refusal

SLUG = "kling/kling-2.6-pro/text-to-video"


def order(**body: object) -> Order:
    read = read_order(body)
    assert isinstance(read, Order), read
    return read


def refusal(**body: object) -> str:
    read = read_order(body)
    assert isinstance(read, Refusal), read
    return read.code


def test_the_last_of_two_equal_keys_counts() -> None:
    assert read_body(b'{"a": 1, "\\u0061": 2}') == {"a": 2}


@pytest.mark.parametrize("raw", [b"", b"{", b"[]", b"5", b"null", b"\xff\xfe\xfd", b"[" * 100_000, b"{} x"])
def test_what_is_no_json_object_is_refused(raw: bytes) -> None:
    read = read_body(raw)
    assert isinstance(read, Refusal)
    assert read.code == "INVALID_INPUT"


def test_both_dialects_order_the_same() -> None:
    assert order(model=SLUG, version="v1", input={}) == order(modelSlug=SLUG, modelVersion="v1", input={})
    assert order(model=SLUG, version=None, input={}).model.slug == SLUG


def test_unknown_top_level_fields_are_ignored() -> None:
    assert order(model=SLUG, input={"a": 1}, anything=[]).input == {"a": 1}


def test_input_may_be_left_out_of_an_estimate_only() -> None:
    assert refusal(model=SLUG) == "INVALID_INPUT"
    estimate = read_order({"model": SLUG}, input_required=False)
    assert isinstance(estimate, Order)
    assert estimate.input == {}


@pytest.mark.parametrize(
    ("body", "code"),
    [
        ({"input": {}}, "INVALID_INPUT"),
        ({"model": 5, "input": {}}, "INVALID_INPUT"),
        ({"model": SLUG, "input": []}, "INVALID_INPUT"),
        ({"model": "kling", "input": {}}, "INVALID_MODEL_SLUG"),
        ({"model": "a/b/c/d", "input": {}}, "INVALID_MODEL_SLUG"),
        ({"model": "Kling/kling-2.6-pro/text-to-video", "input": {}}, "INVALID_MODEL_SLUG"),
        ({"model": "kling/none/text-to-video", "input": {}}, "MODEL_NOT_FOUND"),
        ({"model": SLUG, "version": "v2", "input": {}}, "MODEL_VERSION_NOT_FOUND"),
        ({"model": SLUG, "modelVersion": "v2", "input": {}}, "MODEL_VERSION_NOT_FOUND"),
        ({"model": SLUG, "version": {}, "input": {}}, "MODEL_VERSION_NOT_FOUND"),
    ],
)
def test_every_wrong_order_has_its_code(body: dict[str, object], code: str) -> None:
    assert refusal(**body) == code


@pytest.mark.parametrize(
    "url", ["https://hooks.example.com/a", "http://127.0.0.1:9/a", "http://localhost/a", "http://[::1]:9/"]
)
def test_webhooks_go_to_https_or_to_this_machine(url: str) -> None:
    assert order(model=SLUG, input={}, webhookUrl=url).webhook_url == url


@pytest.mark.parametrize(
    "url",
    ["http://hooks.example.com/", "ftp://localhost/", "https://", "localhost", "", 5, "http://[::1", "https://h:x/"],
)
def test_other_webhook_addresses_are_refused(url: object) -> None:
    assert refusal(model=SLUG, input={}, webhookUrl=url) == "INVALID_WEBHOOK_URL"
