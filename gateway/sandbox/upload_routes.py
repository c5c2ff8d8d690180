"""Presign and upload status, and the address a presigned file is sent to. These replies are documented as wrapped."""

from gateway.sandbox.calls import Call
from gateway.sandbox.orders import read_body
from gateway.sandbox.replies import Refusal, wrap
from gateway.sandbox.shapes import timestamp
from gateway.sandbox.uploads import ADDRESS_LIFE, CONTENT_TYPES, Upload


def presign(call: Call) -> object:
    body = read_body(call.body)
    given = {} if isinstance(body, Refusal) else body
    filename, content_type = given.get("filename"), given.get("contentType")
    if not isinstance(filename, str) or not isinstance(content_type, str) or not filename:
        return Refusal("VALIDATION_ERROR", "filename and contentType are required strings")
    if content_type not in CONTENT_TYPES:
        allowed = {"allowed": sorted(CONTENT_TYPES)}
        return Refusal("INVALID_CONTENT_TYPE", f"{content_type} cannot be uploaded", allowed)
    upload = _keep(call, filename, content_type)
    data = {
        "uploadUrl": upload.file_url,
        "fileUrl": upload.file_url,
        "fileId": upload.id,
        "expiresAt": timestamp(call.now + ADDRESS_LIFE),
        "maxSize": upload.max_size,
    }
    return wrap(data, call.request_id)


def _keep(call: Call, filename: str, content_type: str) -> Upload:
    digits = f"{call.world.rng.getrandbits(128):032x}"
    upload_id = "-".join((digits[:8], digits[8:12], digits[12:16], digits[16:20], digits[20:]))
    file_url = f"{call.request.scheme}://{call.request.host}/sandbox/files/{upload_id}"
    upload = Upload(upload_id, filename, content_type, file_url, call.now)
    call.world.uploads[upload_id] = upload
    return upload


def upload_status(call: Call) -> object:
    upload = call.world.uploads.get(call.request.match_info["upload_id"])
    if upload is None:
        return Refusal("NOT_FOUND", "There is no such upload")
    data = {
        "id": upload.id,
        "filename": upload.filename,
        "contentType": upload.content_type,
        "fileUrl": upload.file_url,
        "status": upload.status(call.now),
        "createdAt": timestamp(upload.created_at),
        "expiresAt": timestamp(upload.expires_at),
    }
    return wrap(data, call.request_id)


def take_file(call: Call) -> object:
    """The bytes are dropped: no job of the sandbox looks at its input."""
    known = call.request.match_info["upload_id"] in call.world.uploads
    return {} if known else Refusal("NOT_FOUND", "There is no such upload")
