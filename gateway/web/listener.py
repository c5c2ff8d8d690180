"""An application behind the edge, with aiohttp's server set up the way a proxy needs it.

aiohttp answers three kinds of request outside an application's middlewares: what its parser refuses, what routing
refuses before it has a handler, and expectations. A runner that puts the edge around the whole application, and a
connection with an error page of its own (`connection.py`), leave no answer that is not ours.
"""

from collections.abc import Callable
from functools import partial
from typing import Any, Final

from aiohttp import web

from gateway.web.connection import Connection
from gateway.web.edge import edge
from gateway.web.express import EXPRESS

# A submit must end as it would have, whether or not its client is still there. Idle connections outlive the 60 s of
# common load balancers. A body that was refused is read on for a moment, so that its sender gets to see the answer.
OPTIONS: Final = {
    "handler_cancellation": False,
    "auto_decompress": False,
    "access_log": None,
    "keepalive_timeout": 75.0,
    "lingering_time": 2.0,
}


class Listener(web.AppRunner):
    """Runs `app` behind the edge. `options` are aiohttp's, on top of `OPTIONS`."""

    def __init__(self, app: web.Application, make_id: Callable[[], str], **options: Any) -> None:
        super().__init__(app, **{**OPTIONS, **options})
        self._make_id = make_id
        self._sends_off = False

    def send_off(self) -> None:
        """From now on every connection ends with its answer, so that clients open their next one elsewhere."""
        self._sends_off = True

    async def _make_server(self) -> web.Server:
        inner = await super()._make_server()
        handler = partial(edge(self._make_id, self._is_last), handler=inner.request_handler)
        connection = partial(Connection, self._make_id, self._is_last, self.app.get(EXPRESS, {}))
        return _Server(connection, handler, inner, **self._kwargs)

    def _is_last(self) -> bool:
        return self._sends_off


class _Server(web.Server):
    def __init__(self, connection: Callable[..., Connection], handler: Any, inner: web.Server, **options: Any) -> None:
        super().__init__(handler, request_factory=inner.request_factory, **options)
        self._connection = connection

    def __call__(self) -> web.RequestHandler:
        return self._connection(self, loop=self._loop, **self._kwargs)
