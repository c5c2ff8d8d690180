"""A load on one address: keep-alive connections that send the same request again as soon as they have the answer."""

import asyncio
import time
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Load:
    """What a load measured: answers per second, and latencies in milliseconds."""

    answers: int
    per_second: float
    p50_ms: float
    p99_ms: float


def request_bytes(host: str, path: str, key: str, body: bytes) -> bytes:
    head = (
        f"POST {path} HTTP/1.1\r\nHost: {host}\r\nAuthorization: Bearer {key}\r\n"
        f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


async def load(host: str, port: int, request: bytes, connections: int, seconds: float) -> Load:
    """Send `request` over `connections` for `seconds`. Raises RuntimeError for any answer but 200."""
    latencies: list[float] = []
    until = time.perf_counter() + seconds
    started = time.perf_counter()
    await asyncio.gather(*(_connection(host, port, request, until, latencies) for _ in range(connections)))
    took = time.perf_counter() - started
    latencies.sort()
    return Load(len(latencies), len(latencies) / took, _at(latencies, 0.50), _at(latencies, 0.99))


def _at(latencies: list[float], share: float) -> float:
    return latencies[min(len(latencies) - 1, int(len(latencies) * share))] * 1000


async def _connection(host: str, port: int, request: bytes, until: float, latencies: list[float]) -> None:
    reader, writer = await asyncio.open_connection(host, port)
    while (sent := time.perf_counter()) < until:
        writer.write(request)
        head = await reader.readuntil(b"\r\n\r\n")
        length = next(line for line in head.split(b"\r\n") if line.lower().startswith(b"content-length:"))
        body = await reader.readexactly(int(length.split(b":")[1]))
        if not head.startswith(b"HTTP/1.1 200"):
            raise RuntimeError(f"unexpected answer: {head.decode()}{body.decode()}")
        latencies.append(time.perf_counter() - sent)
    writer.close()
    await writer.wait_closed()
