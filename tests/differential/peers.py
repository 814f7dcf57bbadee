"""The programs that are compared: the router, nginx as a proxy, Node.js reading."""

import asyncio
import base64
import contextlib
import ctypes
import json
import os
import re
import signal
import subprocess
from pathlib import Path

from harness.ports import free_port

HERE = Path(__file__).resolve().parent
NURI = Path(os.environ.get("NURI_BIN", HERE.parent.parent / "build" / "release" / "bin")) / "nuri"
_START_S, _STOP_S = 20, 5
_LINE_BYTES = 64 << 20
_PR_SET_PDEATHSIG = 1

_NGINX = """
daemon off; master_process off; pid {folder}/pid; error_log {folder}/error.log crit;
events {{ worker_connections 4000; }}
http {{
  access_log off; client_body_temp_path {folder}/body; proxy_temp_path {folder}/proxy;
  fastcgi_temp_path {folder}/f; uwsgi_temp_path {folder}/u; scgi_temp_path {folder}/s;
  client_max_body_size 0; client_body_buffer_size 256k; lingering_close off;
  client_header_buffer_size 64k; large_client_header_buffers 8 64k;
  proxy_http_version 1.1; proxy_ignore_client_abort on; merge_slashes off;
  proxy_set_header Connection close; proxy_set_header Upgrade ""; proxy_set_header Expect "";
  proxy_set_header X-Forwarded-For $remote_addr; proxy_set_header X-Seen-Host $host;
  server {{ listen 127.0.0.1:{port} backlog=1000;
    location / {{ proxy_pass http://127.0.0.1:{upstream}; }} }}
}}
"""


def _end_with_parent():
    ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


@contextlib.asynccontextmanager
async def _program(command, port, log):
    with open(log, "wb") as output:
        process = subprocess.Popen([str(one) for one in command], stdin=subprocess.DEVNULL,
                                   stdout=output, stderr=output, preexec_fn=_end_with_parent)
    try:
        async with asyncio.timeout(_START_S):
            while True:
                if process.poll() is not None:
                    raise RuntimeError(f"{command[0]} ended: {Path(log).read_text()[-2000:]}")
                with contextlib.suppress(OSError):
                    _, writer = await asyncio.open_connection("127.0.0.1", port)
                    writer.close()
                    break
                await asyncio.sleep(0.02)
        yield process
        if process.poll() is not None:
            raise RuntimeError(f"{command[0]} ended: {Path(log).read_text()[-2000:]}")
    finally:
        process.send_signal(signal.SIGKILL)
        process.wait(_STOP_S)


@contextlib.asynccontextmanager
async def router(folder, routes):
    """Its port; `routes`: host → port of its upstream."""
    port, file = free_port(), Path(folder) / "routes.json"
    file.write_text(json.dumps({"routes": [
        {"host": host, "upstreams": [{"address": f"127.0.0.1:{to}"}]}
        for host, to in routes.items()]}))
    command = [NURI, "router", "--table", file, "--listen", f"127.0.0.1:{port}", "--threads", "1"]
    async with _program(command, port, Path(folder) / "router.log"):
        yield port


@contextlib.asynccontextmanager
async def nginx(folder, upstream):
    port = free_port()
    home = Path(folder) / "nginx"
    home.mkdir()
    (home / "conf").write_text(_NGINX.format(folder=home, port=port, upstream=upstream))
    async with _program(["nginx", "-p", home, "-c", home / "conf", "-e", home / "error.log"], port,
                        home / "log"):
        yield port


class Reading:
    """What Node.js made of some bytes: its messages, and why it read no further, if it did."""

    def __init__(self, seen):
        self.refused, self.messages = seen["refused"], seen["messages"]
        for one in self.messages:
            one["body"] = base64.b64decode(one["body"])
        self.complete = [one for one in self.messages if one["complete"]]


def host_and_path(message):
    """Of a request as Node.js reads it: it leaves taking an absolute target apart to the app."""
    hosts = [value for name, value in zip(message["headers"][::2], message["headers"][1::2])
             if name.lower() == "host"]
    target = message["target"]
    absolute = re.match(r"(?i)https?://([^/?#]*)(.*)", target, re.DOTALL)
    if absolute:
        return [absolute.group(1)], absolute.group(2) or "/"
    return hosts, target


class Node:
    async def __aenter__(self):
        self.process = await asyncio.create_subprocess_exec(
            "node", str(HERE / "reader.js"), stdin=subprocess.PIPE, stdout=subprocess.PIPE,
            limit=_LINE_BYTES)
        return self

    async def __aexit__(self, *_):
        with contextlib.suppress(ProcessLookupError):
            self.process.kill()
        await self.process.wait()

    async def read(self, all_pieces):
        """Readings of [(pieces of bytes, one after the other; method asked for or None)]."""
        lines = b"".join(json.dumps({
            "pieces": [base64.b64encode(piece).decode() for piece in one if piece],
            "asked": asked}).encode() + b"\n" for one, asked in all_pieces)

        async def write():
            self.process.stdin.write(lines)
            await self.process.stdin.drain()

        async def take():
            return [Reading(json.loads(await self.process.stdout.readline())) for _ in all_pieces]

        return (await asyncio.gather(write(), take()))[1]
