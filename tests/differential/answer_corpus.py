"""Answers of an instance whose framing peers are known to read differently, and plain ones. A case
is (name, what the request's line says, the bytes); the instance then closes, unless the router
keeps the connection."""

_TAIL = b"HTTP/1.1 200 OK\r\nContent-Length: 8\r\nX-Poison: 1\r\n\r\npoisoned"
_REQUESTS = (b"GET %b HTTP/1.1", b"HEAD %b HTTP/1.1", b"GET %b HTTP/1.0", b"POST %b HTTP/1.1")
GET, HEAD, OLD, POST = _REQUESTS


def answer(fields, content=b"", line=b"HTTP/1.1 200 OK"):
    return line + b"\r\n" + fields + b"\r\n" + content


_FRAMES = [
    b"", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n", b"Content-Length: 3\r\n",
    b"Content-Length: 9\r\n", b"Content-Length: +5\r\n", b"Content-Length: -5\r\n",
    b"Content-Length: 5, 5\r\n", b"Content-Length: 5\r\nContent-Length: 5\r\n",
    b"Content-Length: 5\r\nContent-Length: 3\r\n", b"Content-Length: 0x5\r\n",
    b"Content-Length:\r\n",
    b"Content-Length: \t5\r\n", b"Content-Length : 5\r\n", b" Content-Length: 5\r\n",
    b"X: y\r\n Content-Length: 5\r\n", b"Content-Length: 005\r\n", b"Content-Length: 5 \r\n",
    b"Content-Length: 99999999999999999999\r\n", b"Content_Length: 5\r\n",
    b"Connection: close\r\nContent-Length: 5\r\n", b"Connection: close\r\n",
    b"Connection: Content-Length\r\nContent-Length: 5\r\n", b"Connection: keep-alive\r\n",
    b"Connection: closed\r\nContent-Length: 5\r\n",
    b"Proxy-Connection: close\r\nContent-Length: 5\r\n",
    b"Content-Length: 5\nX: y\r\n", b"X: y\rContent-Length: 5\r\n",
    b"X: y\x00\r\nContent-Length: 5\r\n"]
_CHUNK_FIELDS = [
    b"Transfer-Encoding: chunked\r\n", b"Transfer-Encoding: Chunked\r\n",
    b"Transfer-Encoding: chunked\r\nContent-Length: 5\r\n",
    b"Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", b"Transfer-Encoding: gzip, chunked\r\n",
    b"Transfer-Encoding: chunked, identity\r\n", b"Transfer-Encoding: identity\r\n",
    b"Transfer-Encoding: xchunked\r\n", b"Transfer-Encoding:\tchunked\r\n",
    b"Transfer-Encoding : chunked\r\n",
    b"Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
    b"Transfer-Encoding:\r\n chunked\r\n", b"Transfer-Encoding: \x0bchunked\r\n",
    b"Transfer-Encoding:\r\n", b"Connection: close\r\nTransfer-Encoding: chunked\r\n"]
_CHUNKS = [
    b"5\r\nhello\r\n0\r\n\r\n", b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n", b"5\r\nhello\r\n",
    b"5\r\nhel",
    b"5\nhello\n0\n\n", b"5\r\nhello\r\n0\r\n\n", b"5 \r\nhello\r\n0\r\n\r\n",
    b"+5\r\nhello\r\n0\r\n\r\n",
    b"0x5\r\nhello\r\n0\r\n\r\n", b"05\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0\r\n\r\n",
    b'5;a="b"\r\nhello\r\n0\r\n\r\n', b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    b"5; a\r\nhello\r\n0\r\n\r\n",
    b"4\r\nhello\r\n0\r\n\r\n", b"6\r\nhello\r\n0\r\n\r\n", b"5\r\nhello\r\n0\r\nX: y\r\n\r\n",
    b"5\r\nhello\r\n0\r\nContent-Length: 3\r\n\r\n",
    b"5\r\nhello\r\n0\r\nTransfer-Encoding: x\r\n\r\n",
    b"5\r\nhello\r\n0\r\nConnection: close\r\n\r\n", b"5\r\nhello\r\n0\r\nX : y\r\n\r\n",
    b"10000000000000005\r\nhello\r\n0\r\n\r\n", b"fffffffffffffffff\r\nhello\r\n0\r\n\r\n", b"",
    b"5\r\nhello\r\n0\r\n\r\n" + _TAIL, b"5\r\nhello\r\n0\r\n\r\njunk",
    b"5\r\nhello\r\n0\r\n\r\n\r\n"]
_LINES = [
    b"HTTP/1.0 200 OK", b"HTTP/1.1 200", b"HTTP/1.1 200 ", b"HTTP/1.1  200 OK", b"HTTP/1.1 2000 OK",
    b"HTTP/1.1 20 OK", b"HTTP/1.1 099 OK", b"HTTP/1.1 600 OK", b"HTTP/1.1 999 OK",
    b"HTTP/1.2 200 OK",
    b"HTTP/2 200 OK", b"HTTP/0.9 200 OK", b"ICY 200 OK", b" HTTP/1.1 200 OK",
    b"\r\nHTTP/1.1 200 OK",
    b"HTTP/1.1 200 OK\x00", b"HTTP/1.1 200 \xc3\xa4", b"HTTP/1.1 200 OK\rX: y", b"HTTP/1.1\t200 OK",
    b"HTTP/1.1 +20 OK", b"HTTP/1.1 200OK", b"http/1.1 200 OK", b"<html>", b"200 OK",
    b"HTTP/1.1 204 None", b"HTTP/1.1 304 Same", b"HTTP/1.1 205 Reset", b"HTTP/1.1 404 No",
    b"HTTP/1.1 500 Oh", b"HTTP/1.1 101 Switching", b"HTTP/1.1 200 OK HTTP/1.1 200 OK"]
_INTERIMS = [
    b"HTTP/1.1 100 Continue\r\n\r\n", b"HTTP/1.1 103 Early\r\nLink: x\r\n\r\n",
    b"HTTP/1.1 102 Processing\r\n\r\n" * 3, b"HTTP/1.1 100 Continue\r\nContent-Length: 5\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\nContent-Length: 0\r\n\r\n", b"HTTP/1.1 199 Odd\r\n\r\n",
    b"HTTP/1.1 100 Continue\r\nTransfer-Encoding: chunked\r\n\r\n",
    b"HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n",
    b"HTTP/1.0 100 Continue\r\n\r\n", b"HTTP/1.1 100 Continue\r\nConnection: close\r\n\r\n"]
FIELDS = [
    b"A: b", b"A : b", b" A: b", b"A", b": b", b"A: b\x00", b"A: b\x01", b"A: \xc3\xa4",
    b"A: b\r\n c",
    b"A: b\nB: c", b"A: b\rB: c", b"A b: c", b"Set-Cookie: a=b", b"Connection: X, close",
    b"Connection: upgrade\r\nUpgrade: h2c", b"Keep-Alive: timeout=5", b"Trailer: X", b"TE: x",
    b"Content-Encoding: gzip", b"Content-Length: 5", b"Transfer-Encoding: chunked",
    b"X-Vcap-Request-Id: x", b"Location: /x", b"Content-Range: bytes 0-4/5", b"A: " + b"x" * 9000,
    b"\r\n".join(b"A%d: b" % i for i in range(140))]
# What an instance says unasked after its answer, by the case's name.
LATE = {f"late-{i}": data for i, data in enumerate((_TAIL, b"junk", b"\r\n", b"\r\n" + _TAIL))}


def corpus():
    cases = [(name, GET, answer(b"Content-Length: 5\r\n", b"hello")) for name in LATE]

    def add(name, request, data):
        cases.append((f"{name}-{len(cases)}", request, data))

    for request in _REQUESTS:
        for frame in _FRAMES:
            add("length", request, answer(frame, b"hello"))
        for fields in _CHUNK_FIELDS:
            add("coding", request, answer(fields, b"5\r\nhello\r\n0\r\n\r\n"))
    for content in _CHUNKS:
        for request in (GET, OLD, HEAD):
            add("chunks", request, answer(b"Transfer-Encoding: chunked\r\n", content))
    for frame in (b"Content-Length: 5\r\n", b"Content-Length: 0\r\n"):
        for request in (GET, HEAD):
            for tail in (_TAIL, b"junk", b"\r\n", b"\r\n" + _TAIL, b"\x00"):
                add("surplus", request, answer(frame, b"hello" + tail))
                add("surplus-bare", request, answer(frame, tail))
    for line in _LINES:
        for frame in (b"", b"Content-Length: 5\r\n", b"Content-Length: 0\r\n"):
            add("line", GET, answer(frame, b"hello", line))
        add("line-chunked", GET, answer(b"Transfer-Encoding: chunked\r\n",
                                        b"5\r\nhello\r\n0\r\n\r\n", line))
    for interim in _INTERIMS:
        for request in (GET, OLD, POST):
            add("interim", request, interim + answer(b"Content-Length: 5\r\n", b"hello"))
        add("interim-only", GET, interim)
    for field in FIELDS:
        add("field", GET, answer(field + b"\r\nContent-Length: 5\r\n", b"hello"))
        add("field-1.0", GET, answer(field + b"\r\n", b"hello", b"HTTP/1.0 200 OK"))
    one = answer(b"Content-Length: 5\r\n", b"hello")
    for ends in (b"\n", b"\r", b"\n\r", b"\r\r\n"):
        add("line-ends", GET, one.replace(b"\r\n", ends))
    for at in range(0, len(one), 5):
        add("early-end", GET, one[:at])
    for size in (8192, 40000, 200000):
        add("size", GET, answer(b"Content-Length: %d\r\n" % size, b"x" * size))
        add("chunk-size", GET, answer(b"Transfer-Encoding: chunked\r\n",
                                      b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n"))
        add("until-close-size", GET, answer(b"", b"x" * size))
    return cases
