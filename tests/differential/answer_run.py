"""Answers of a recording instance through the router: what the client gets must be read as what
the instance said, and a connection on which it said anything else than one whole answer is not
used again."""

import asyncio
import re
import tempfile

import answer_corpus
from allowed import allowed
from client import converse
from comparison import Difference
from framing import Malformed, message_at
from peers import router

_LANES = 16
_QUIET_S = 0.1  # an instance that has said all closes after that, unless it is asked again
_SECOND = b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n%b"


class Instance:
    """The only one of a lane's route: whoever asks for /NUMBER gets that case's bytes, whoever asks
    for /second/NUMBER a plain answer that says so."""

    def __init__(self):
        self.cases, self.reused, self.open = {}, set(), set()

    def say_more(self, data):
        """On every connection that is there: nobody has asked."""
        for one in self.open:
            one.transport.write(data)

    async def listen(self):
        server = await asyncio.get_running_loop().create_server(
            lambda: _Instance(self), "127.0.0.1", 0)
        return server.sockets[0].getsockname()[1]


class _Instance(asyncio.Protocol):
    def __init__(self, instance):
        self.instance, self.held, self.said, self.closing = instance, b"", None, None

    def connection_made(self, transport):
        self.transport = transport
        self.instance.open.add(self)

    def connection_lost(self, error):
        self.instance.open.discard(self)

    def data_received(self, data):
        self.held += data
        message = message_at(self.held)
        if message is None or message.end is None:
            return
        self.held = self.held[message.end:]
        if self.closing:
            self.closing.cancel()
        if self.said is not None:
            self.instance.reused.add(self.said)
        path = message.start.split(b" ")[1]
        second = re.match(rb"/second/(\d+)$", path)
        if second:
            self.transport.write(_SECOND % (len(path), path))
            return
        self.said = int(path[1:])
        self.transport.write(self.instance.cases[self.said])
        self.closing = asyncio.get_running_loop().call_later(_QUIET_S, self.transport.close)


def one_answer(data, method):
    """Whether that is one whole answer, framed in itself, said in a plain way."""
    at = 0
    try:
        while True:
            message = message_at(data, at, method)
            if message is None or message.until_close or message.end is None:
                return False
            if int(message.start[9:12]) >= 200:
                return message.end == len(data)
            at = message.end
    except (Malformed, ValueError):
        return False


class AnswerRun:
    def __init__(self, node, report):
        self.node, self.report = node, report
        self.instances = [Instance() for _ in range(_LANES)]
        self.compared = self.passed_back = self.kept = 0
        self.allowances, self.next = {}, 0

    async def compare(self, cases):
        got = [None] * len(cases)
        waiting = list(range(len(cases)))

        async def lane(number):
            host = b"lane%d.example" % number
            while waiting:
                place = waiting.pop(0)
                name, line, data = cases[place]
                late = answer_corpus.LATE.get(name)
                self.next += 1
                case = self.next
                self.instances[number].cases = {case: data}
                fields = b"\r\nHost: " + host + b"\r\n"
                asked = [line % (b"/%d" % case) + fields + b"\r\n",
                         b"GET /second/%d HTTP/1.1" % case + fields + b"\r\n"]
                method = line.split(b" ")[0].decode()
                first, second = await converse(
                    self.port, asked, [method, "GET"],
                    lambda instance=self.instances[number]: late and instance.say_more(late))
                kept = case in self.instances[number].reused
                got[place] = (method, first, second, b"/second/%d" % case, kept)

        async with asyncio.TaskGroup() as group:
            for number in range(_LANES):
                group.create_task(lane(number))
        said = await self.node.read([([data], line.split(b" ")[0].decode())
                                     for _, line, data in cases])
        read = await self.node.read([([one[1].data], one[0]) for one in got])
        for (name, line, data), one, sent, received in zip(cases, got, said, read):
            self.compared += 1
            self.report(name, line + b"  " + data, self._differences(data, one, sent, received))

    def _differences(self, data, got, sent, received):
        method, first, second, path, kept = got
        if not second.data.endswith(b"\r\n\r\n" + path):
            yield Difference("next", f"the next request got {second.data[-300:]!r}")
        self.kept += kept
        if kept and not one_answer(data, method):
            yield Difference("kept", "the connection was used again")
        # Ended before anything of it was passed on, or answered by the router itself.
        if not first.data or b"\r\nX-Nuri-Error: " in first.data:
            return
        self.passed_back += 1
        if first.reset:
            # What is cut short and has no length ends so; the reset may overtake content.
            if sent.complete:
                yield Difference("answer", f"Node.js reads {_of(sent)}, the client a reset")
        elif received.refused:
            yield Difference("answer", f"what the client gets is no "
                             f"answer: {first.data[:300]!r}")
        elif sent.refused and not sent.complete:
            # It may show only after the beginning has been passed on: then that is all there is.
            if received.complete and not allowed("node-client", sent.refused, data,
                                                 self.allowances):
                yield Difference("answer", f"{sent.refused} is what Node.js says to an answer that "
                                 f"the router passes back: {first.data[:300]!r}")
        elif not sent.complete and allowed("node-client", "nothing", data, self.allowances):
            return
        elif _of(sent) != _of(received):
            yield Difference("answer", f"the instance says {_of(sent)}, the client gets "
                             f"{_of(received)}")


def _of(reading):
    """The answer; not what may have come behind it."""
    return [(one["status"], one["body"][:5000], len(one["body"]), one["complete"])
            for one in reading.messages[:1]]


async def run_answers(node, report, batches):
    run = AnswerRun(node, report)
    with tempfile.TemporaryDirectory(prefix="nuri-differential-") as folder:
        routes = {f"lane{i}.example": await one.listen() for i, one in enumerate(run.instances)}
        async with router(folder, routes) as run.port:
            for batch in batches:
                await run.compare(batch)
    return run
