"""An upstream that notes every request that a proxy passes on, byte for byte, by the address of the
client that it is for (X-Forwarded-For: each case has an address of its own)."""

import asyncio

from framing import Malformed, message_at

NUMBER = b"X-Record"


class Record:
    """A request as a proxy wrote it; not `complete`: the proxy took back what it had begun."""

    def __init__(self, number, message, complete):
        self.number, self.complete = number, complete
        self.method, self.target, _ = message.start.decode("latin1").split(" ")
        self.host = (message.one(b"x-seen-host") or message.one(b"host") or b"").decode("latin1")
        self.content = message.content


class Recorder:
    def __init__(self):
        self.records = {}  # address → its records, in order
        self.connections = []  # of each that ended: its bytes, request by request, and these
        self.broken = []  # what no proxy may write
        self.open = set()
        self._number = 0
        self._changed = asyncio.Event()

    async def listen(self):
        loop = asyncio.get_running_loop()
        self.server = await loop.create_server(lambda: _Connection(self), "127.0.0.1", 0,
                                               backlog=1000)
        return self.server.sockets[0].getsockname()[1]

    def note(self, message, complete):
        self._number += 1
        record = Record(self._number, message, complete)
        address = (message.one(b"x-forwarded-for") or b"?").decode("latin1")
        self.records.setdefault(address, []).append(record)
        return record

    def ended(self, connection):
        self.open.discard(connection)
        self.connections.append(([*connection.pieces, connection.held], connection.requests))
        self._changed.set()

    async def finish(self, seconds):
        """Ends the connections on which nothing is asked; those in a request must have ended by
        then by the proxy itself: whoever asked is gone."""
        for one in list(self.open):
            if not one.held:
                one.transport.close()
        try:
            async with asyncio.timeout(seconds):
                while self.open:
                    self._changed.clear()
                    await self._changed.wait()
        except TimeoutError:
            for one in list(self.open):
                self.broken.append(f"a request stays with the instance after its client has left: "
                                   f"{one.held[:300]!r}")
                one.transport.abort()


class _Connection(asyncio.Protocol):
    def __init__(self, recorder):
        self.recorder, self.held, self.pieces, self.requests = recorder, b"", [], []

    def connection_made(self, transport):
        self.transport = transport
        self.recorder.open.add(self)

    def data_received(self, data):
        self.held += data
        try:
            while self.held:
                message = message_at(self.held)
                if message is None or message.end is None:
                    return
                self.pieces.append(self.held[:message.end])
                self.held = self.held[message.end:]
                self._answer(message)
        except (Malformed, ValueError) as error:
            self.recorder.broken.append(f"{error}: {self.held[:2000]!r}")
            self.transport.abort()

    def _answer(self, message):
        record = self.recorder.note(message, True)
        self.requests.append(record)
        self.transport.write(b"HTTP/1.1 200 OK\r\nContent-Length: 0\r\n%b: %d\r\n\r\n"
                             % (NUMBER, record.number))
        if (message.one(b"connection") or b"").lower() == b"close":
            self.transport.close()

    def connection_lost(self, error):
        try:
            message = message_at(self.held) if self.held else None
            if message is not None:
                self.recorder.note(message, False)
        except (Malformed, ValueError):
            pass  # data_received has said it, or the head is cut
        self.recorder.ended(self)
