"""nginx as a plain proxy with the key swapped, where it is installed: what a proxy costs without any Python."""

import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from bench.processes import HOST, MEASURED, free_port, listens, running

_CONFIGURATION = """
daemon off;
master_process off;
worker_processes 1;
pid {directory}/nginx.pid;
error_log stderr warn;
events {{ worker_connections 1024; }}
http {{
  access_log off;
  client_body_temp_path {directory}/body;
  proxy_temp_path {directory}/proxy;
  fastcgi_temp_path {directory}/fastcgi;
  uwsgi_temp_path {directory}/uwsgi;
  scgi_temp_path {directory}/scgi;
  keepalive_requests 100000000;
  upstream api {{ server {host}:{upstream}; keepalive 128; keepalive_requests 100000000; }}
  server {{
    listen {host}:{port} backlog=1024;
    location / {{
      proxy_pass http://api;
      proxy_http_version 1.1;
      proxy_set_header Connection "";
      proxy_set_header Authorization "Bearer pb_bench";
    }}
  }}
}}
"""


@contextmanager
def running_nginx(directory: Path, upstream: int) -> Iterator[tuple[int, int] | None]:
    """Yields its port and its process; None where it is not installed."""
    program = shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin:/usr/local/sbin")
    if program is None:
        yield None
        return
    directory.mkdir()
    port, file = free_port(), directory / "nginx.conf"
    file.write_text(_CONFIGURATION.format(directory=directory, host=HOST, upstream=upstream, port=port))
    command = [program, "-p", str(directory), "-e", "stderr", "-c", str(file)]
    with running(command, directory / "log", MEASURED, listens(port)) as process:
        yield port, process
