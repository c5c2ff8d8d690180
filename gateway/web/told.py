"""What a client is told: one answer, complete, before anything decides how its bytes get out."""

from aiohttp import web

from gateway.core.value import value


@value
class Told:
    """`headers` are all that the answer says about itself, each name once; its length and date are added on the way."""

    status: int
    headers: dict[str, str]
    body: bytes

    def response(self) -> web.Response:
        return web.Response(status=self.status, headers=self.headers, body=self.body)
