import pytest

from tests.sandbox.visit import Visit


async def test_presign_put_and_status(visit: Visit) -> None:
    asked = {"filename": "dog.png", "contentType": "image/png"}
    presigned = await visit.call("POST", "/v1/uploads/presign", asked)
    data = presigned.body["data"]
    assert presigned.body["success"] is True
    assert data.keys() == {"uploadUrl", "fileUrl", "fileId", "expiresAt", "maxSize"}
    assert (data["expiresAt"], data["maxSize"]) == ("2026-11-24T12:15:00.000Z", 10_485_760)
    assert [len(part) for part in data["fileId"].split("-")] == [8, 4, 4, 4, 12]
    path = data["uploadUrl"].removeprefix(visit.sandbox.url)
    assert (await visit.call("PUT", path, b"\x89PNG", {})).status == 200
    assert (await visit.get(f"/v1/uploads/{data['fileId']}")).body["data"] == {
        "id": data["fileId"],
        "filename": "dog.png",
        "contentType": "image/png",
        "fileUrl": data["fileUrl"],
        "status": "pending",
        "createdAt": "2026-11-24T12:00:00.000Z",
        "expiresAt": "2026-11-24T13:00:00.000Z",
    }
    visit.clock.forward(3600)
    assert (await visit.get(f"/v1/uploads/{data['fileId']}")).body["data"]["status"] == "expired"


@pytest.mark.parametrize(
    ("body", "code"),
    [
        (b"", "VALIDATION_ERROR"),
        ({"filename": "a"}, "VALIDATION_ERROR"),
        ({"filename": 5, "contentType": "image/png"}, "VALIDATION_ERROR"),
        ({"filename": "", "contentType": "image/png"}, "VALIDATION_ERROR"),
        ({"filename": "a", "contentType": "text/html"}, "INVALID_CONTENT_TYPE"),
    ],
)
async def test_presign_refuses(visit: Visit, body: object, code: str) -> None:
    answer = await visit.call("POST", "/v1/uploads/presign", body)
    assert (answer.status, answer.code) == (400, code)


async def test_an_unknown_upload_is_not_found(visit: Visit) -> None:
    for method, path in (("GET", "/v1/uploads/x"), ("PUT", "/sandbox/files/x")):
        answer = await visit.call(method, path)
        assert (answer.status, answer.code) == (404, "NOT_FOUND")
