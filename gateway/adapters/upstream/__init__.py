"""The provider's API over HTTP/1.1, by a client of our own: sending a request once is what this product exists for.

`client` swaps our key for the real one and makes a value of every failure; `origin` lends it a connection to the one
server it talks to, from the `pool` or new; a `connection` carries one request at a time; `request` puts its bytes
together and `reply_reader` takes the answer apart, with llhttp.

The rule of this package: nothing is ever sent twice, redirects are never followed, and `may_have_left` is set right
before the first byte is handed to a connection that is ready. Unset means that nothing was sent; set means that nobody
can know.
"""

from gateway.adapters.upstream.client import HttpUpstream

__all__ = ["HttpUpstream"]
