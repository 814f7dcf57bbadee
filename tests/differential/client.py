"""A client that sends bytes and takes what comes back."""

import asyncio
import re

from framing import Malformed, message_at

ANSWER = re.compile(rb"HTTP/1\.1 (\d{3}) [^\r\n]*\r\n((?:[^\r\n]+\r\n)*)\r\n")
_PATIENCE_S = 5  # for answers that must come, and for the end
_QUIET_S = 0.06  # without a byte: nothing more comes


class Answer:
    def __init__(self, status, fields):
        self.status = int(status)
        self.fields = dict((name.strip().lower(), value.strip()) for name, _, value in
                           (line.partition(":") for line in fields.decode("latin1").split("\r\n")))
        self.error = self.fields.get("x-nuri-error")
        self.record = int(self.fields.get("x-record", 0))
        self.closes = self.fields.get("connection", "").lower() == "close"


def answers_in(data):
    return [answer for answer in (Answer(*one) for one in ANSWER.findall(bytes(data)))
            if answer.status >= 200]


class _Client(asyncio.Protocol):
    def __init__(self):
        self.data, self.changed = bytearray(), asyncio.Event()
        self.ended = self.reset = False

    def connection_made(self, transport):
        self.transport = transport

    def data_received(self, data):
        self.data += data
        self.changed.set()

    def eof_received(self):
        self.ended = True
        self.changed.set()

    def connection_lost(self, error):
        self.ended, self.reset = True, error is not None
        self.changed.set()

    async def until(self, done, seconds):
        """Whether done() came true in that time."""
        try:
            async with asyncio.timeout(seconds):
                while not done():
                    self.changed.clear()
                    await self.changed.wait()
            return True
        except TimeoutError:
            return False

    async def quiet(self):
        while not self.ended:
            before = len(self.data)
            if not await self.until(lambda: self.ended or len(self.data) > before, _QUIET_S):
                return


async def say(port, data, answers, source="127.0.0.1"):
    """All that came back. Closes its side when as many answers have come and nothing more comes."""
    loop = asyncio.get_running_loop()
    _, client = await loop.create_connection(_Client, "127.0.0.1", port, local_addr=(source, 0))
    try:
        client.transport.write(data)
        await client.until(lambda: client.ended or len(answers_in(client.data)) >= answers,
                           _PATIENCE_S)
        await client.quiet()
        if not client.ended:
            client.transport.write_eof()
            await client.until(lambda: client.ended, _PATIENCE_S)
        return bytes(client.data)
    finally:
        client.transport.abort()


def final_answer(data, method):
    """The first answer in what a proxy wrote that is not an interim one; None: not complete."""
    at = 0
    while True:
        message = message_at(data, at, method)
        if message is None or message.end is None or int(message.start[9:12]) >= 200:
            return message
        at = message.end


class Got:
    def __init__(self, data, reset):
        self.data, self.reset = bytes(data), reset


async def converse(port, requests, methods, between):
    """A Got for each request; each is sent when the one before it is answered, on the same
    connection if it is still there. between() is called before each but the first."""
    loop = asyncio.get_running_loop()
    client, got = None, []

    def answered():
        if client.ended:
            return True
        try:
            message = final_answer(bytes(client.data), method)
        except (Malformed, ValueError):
            return True
        return message is not None and message.end is not None

    try:
        for request, method in zip(requests, methods):
            if got:
                between()
            if client is None or client.ended:
                _, client = await loop.create_connection(_Client, "127.0.0.1", port)
            client.data.clear()
            client.transport.write(request)
            await client.until(answered, _PATIENCE_S)
            got.append(Got(client.data, client.reset))
            if b"\r\nConnection: close\r\n" in got[-1].data:
                client.transport.abort()
                client = None
        return got
    finally:
        if client is not None:
            client.transport.abort()
