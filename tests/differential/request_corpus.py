"""Requests whose framing, target or host peers are known to read differently, and plain ones to
build on. A case is what one client sends on one connection."""

HOST = b"Host: a.example\r\n"
NEXT = b"GET /next HTTP/1.1\r\nHost: a.example\r\n\r\n"


def post(fields, content=b"", line=b"POST /p HTTP/1.1"):
    return line + b"\r\n" + HOST + fields + b"\r\n" + content


def get(line=b"GET /g HTTP/1.1", fields=b""):
    return line + b"\r\n" + HOST + fields + b"\r\n"


def chunked(content, fields=b""):
    return post(b"Transfer-Encoding: chunked\r\n" + fields, content)


_SMUGGLED = b"GET /smuggled HTTP/1.1\r\nHost: a.example\r\n\r\n"
_ENDED = b"5\r\nhello\r\n0\r\n\r\n"

_LENGTHS = [b"5", b"0", b"00", b"005", b"+5", b"-5", b"-0", b" 5", b"5 ", b"\t5", b"5\t", b"5 5",
            b"5,5", b"5, 5", b"5, 6", b"5;", b"0x5", b"5.0", b"5e0", b"'5'", b'"5"', b"", b"five",
            b"18446744073709551621", b"9223372036854775813", b"4294967301", b"\x0b5", b"5\x0b",
            b"5\x0c", b"5\x00", b"\xa05", b"\xb2", b"1_0", b"5\r", b"5\r ", b"5\n"]
_LENGTH_NAMES = [b"Content-Length :", b"Content-Length\t:", b" Content-Length:", b"Content_Length:",
                 b"Content-Length\x00:", b"Content-Length\x0b:", b"content-length:",
                 b"CONTENT-LENGTH:", b"Content-Length:\x00", b"Content-Length\xa0:",
                 b"Content-Length\r:", b"X: y\rContent-Length:", b"X: y\nContent-Length:",
                 b"Content Length:", b":Content-Length:", b"Content-Length"]
_CODINGS = [b"chunked", b"Chunked", b"CHUNKED", b"chunked ", b"chunked\t", b"\tchunked",
    b"chunked,",
            b",chunked", b" , chunked", b"chunked, chunked", b"identity", b"identity, chunked",
            b"chunked, identity", b"gzip, chunked", b"gzip", b"chunked;q=1", b'"chunked"',
            b"'chunked'", b"xchunked", b"chunkedx", b"chun ked", b"\x0bchunked", b"chunked\x0b",
            b"\x0cchunked", b"chunked\x00", b"\x00chunked", b"\xa0chunked", b"chunked\xa0", b"",
            b"chunk\xc3\xa9d", b"\r\n chunked", b"\r\n\tchunked", b"\n chunked", b"\rchunked",
            b"chunked\r", b"x\r\n chunked", b"cHuNkEd, trailers", b"[chunked]"]
_CODING_NAMES = [b"Transfer-Encoding :", b"Transfer-Encoding\t:", b" Transfer-Encoding:",
                 b"\tTransfer-Encoding:", b"Transfer_Encoding:", b"Transfer-Encoding\x00:",
                 b"Transfer-Encoding\x0b:", b"transfer-encoding:", b"Transfer-encodinG:",
                 b"X: y\rTransfer-Encoding:", b"X: y\nTransfer-Encoding:", b"Transfer Encoding:",
                 b"Transfer-Encoding:\n", b"Transfer-Encoding\r\n :", b"Transfer-Encoding",
                 b"X-Transfer-Encoding:", b"Transfer-Encodin\xc7:",
                 b"Foo: bar\r\n\rTransfer-Encoding:"]
_CHUNKS = [
    b"0\r\n\r\n", b"5\r\nhello\r\n0\r\n\r\n", b"05\r\nhello\r\n00\r\n\r\n",
    b"000000000000005\r\nhello\r\n0\r\n\r\n", b"0000000000000000000005\r\nhello\r\n0\r\n\r\n",
    b"A\r\n0123456789\r\n0\r\n\r\n", b"a\r\n0123456789\r\n0\r\n\r\n",
    b"+5\r\nhello\r\n0\r\n\r\n", b"-5\r\nhello\r\n0\r\n\r\n", b" 5\r\nhello\r\n0\r\n\r\n",
    b"5 \r\nhello\r\n0\r\n\r\n", b"5\t\r\nhello\r\n0\r\n\r\n", b"0x5\r\nhello\r\n0\r\n\r\n",
    b"5h\r\nhello\r\n0\r\n\r\n", b"5\nhello\r\n0\r\n\r\n", b"5\r\nhello\n0\r\n\r\n",
    b"5\r\nhello0\r\n\r\n", b"5\rhello\r\n0\r\n\r\n", b"5\r\nhello\r0\r\n\r\n",
    b"5\r\nhello\r\n0\n\n", b"5\r\nhello\r\n0\r\n\n", b"5\r\nhello\r\n0\n\r\n",
    b"5\r\nhello\r\n0\r\n", b"5\r\nhello\r\n0", b"5\r\nhel", b"5\r\nhello\r\n",
    b"5\r\n\r\n0\r\n\r\n",
    b"5\r\nhello!\r\n0\r\n\r\n", b"4\r\nhello\r\n0\r\n\r\n", b"\r\n5\r\nhello\r\n0\r\n\r\n",
    b"\r\n0\r\n\r\n", b"", b";x\r\n0\r\n\r\n", b"g\r\n\r\n0\r\n\r\n",
    b"ffffffffffffffff\r\nhello\r\n0\r\n\r\n", b"10000000000000005\r\nhello\r\n0\r\n\r\n",
    b"100000005\r\nhello\r\n0\r\n\r\n", b"7fffffffffffffff\r\nhello\r\n0\r\n\r\n",
    b"fffffffffffffffe\r\nhello\r\n0\r\n\r\n", b"FFFFFFFFFFFFFFF\r\nhello\r\n0\r\n\r\n",
    b"5;\r\nhello\r\n0\r\n\r\n", b"5;a\r\nhello\r\n0\r\n\r\n", b"5;a=b\r\nhello\r\n0;c\r\n\r\n",
    b"5;a=b;c=d\r\nhello\r\n0\r\n\r\n", b'5;a="b"\r\nhello\r\n0\r\n\r\n',
    b'5;a="b;c"\r\nhello\r\n0\r\n\r\n', b'5;a="b\\"c"\r\nhello\r\n0\r\n\r\n',
    b'5;a="\r\nhello\r\n0\r\n\r\n', b'5;a="b\r\nhello"\r\n0\r\n\r\n',
    b'5;a=""\r\nhello\r\n0\r\n\r\n',
    b'5;a="b"c\r\nhello\r\n0\r\n\r\n', b"5 ;a=b\r\nhello\r\n0\r\n\r\n",
    b"5; a=b\r\nhello\r\n0\r\n\r\n",
    b"5;a =b\r\nhello\r\n0\r\n\r\n", b"5;a= b\r\nhello\r\n0\r\n\r\n", b"5;a=\r\nhello\r\n0\r\n\r\n",
    b"5;\xff\r\nhello\r\n0\r\n\r\n", b"5;a\nb\r\nhello\r\n0\r\n\r\n",
    b"5;a\rb\r\nhello\r\n0\r\n\r\n",
    b"5;a\x00\r\nhello\r\n0\r\n\r\n", b"5;\n\r\nhello\r\n0\r\n\r\n", b"5;\nxx\r\n0\r\n\r\n",
    b"2;\nxx\r\n4c\r\n0\r\n\r\n", b"0;\r\n\r\n", b"0;a=b\r\nX: y\r\n\r\n",
    b"1;" + b"a" * 5000 + b"\r\nh\r\n0\r\n\r\n",
]
_TRAILERS = [
    b"X: y", b"X:y\r\nZ: w", b"Content-Length: 5", b"content-length: 0",
    b"Transfer-Encoding: chunked",
    b"Transfer-Encoding: identity", b"Host: b.example", b"Connection: close",
    b"Connection: upgrade",
    b"Upgrade: h2c", b"Upgrade: h2c\r\nConnection: upgrade", b"Trailer: X", b"TE: trailers",
    b"Authorization: x", b"Content-Encoding: gzip", b"Expect: 100-continue", b"Keep-Alive: x",
    b"Proxy-Connection: close", b"X : y", b" X: y", b"X", b": y", b"X: y\r\n z", b"X: y\nZ: w",
    b"X: \x00", b"X: \xc3\xa4", b"X\xc3\xa4: y", b"X: y\rZ", b"X:", b"X: \x0b", b"X: \x7f",
    b"GET /smuggled HTTP/1.1", b"GET /smuggled HTTP/1.1\r\nHost: a.example",
    b"X: " + b"y" * 9000, b"Content-Length : 5", b"Content_Length: 5", b"Content-Length: 5, 5",
    b"Content-Length: x", b"Transfer-Encoding: x", b"Transfer-Encoding:", b"Content-Length:"]
_TARGETS = [
    b"/", b"/a/../b", b"/../a", b"/a/..", b"/a/./b", b"//a", b"//b.example/x", b"/a//b",
    b"/%2e%2e/a",
    b"/%00", b"/a%2fb", b"/%", b"/%zz", b"/a?b?c", b"/a?", b"?a", b"", b"/a b", b"/a\tb", b"/a#b",
    b"/\xc3\xa4", b"/\x7f", b"/\x01", b"/a\x00b", b"/a\\b", b"\\a", b"/<>", b"/\"", b"/{}|^`", b"*",
    b"a", b"a.example", b"a.example:80", b"http://a.example", b"http://a.example/", b"/a;b=c",
    b"http://a.example?x", b"http://A.EXAMPLE/x", b"HTTP://a.example/x", b"http://a.example:80/x",
    b"http://a.example:/x", b"http://b.example/x", b"http://u@a.example/x", b"http://a.example@b/x",
    b"http://u:p@a.example/x", b"http:///x", b"http://", b"http:/x", b"http:x",
    b"https://a.example/x",
    b"ftp://a.example/x", b"ws://a.example/x", b"http://a.example#/x", b"http://a.example/x#y",
    b"http://a.example\\@b.example/x", b"http://[::1]/x", b"http://[::1/x", b"http://a.example:x/",
    b"http://a.example:999999/", b"http://a.example /x", b"http://a.example\t/x", b"//a.example/x",
    b"/http://b.example/x", b"/" + b"x" * 8000, b"/" + b"x" * 17000, b"http://a.example/../x",
    b"http://a.example./x", b"http://a%2eexample/x", b"/.", b"/..", b"/...", b"/x/%2e%2e/%2e%2e/y"]
_HOSTS = [
    b"a.example", b"A.Example", b"a.example.", b"a.example:80", b"a.example:", b"a.example:x",
    b"a.example:99999999", b"a.example:080", b"", b" ", b"b.example", b"a.example b.example",
    b"a.example,b.example", b"a.example, b.example", b"a.example/x", b"a.example?x", b"a.example#x",
    b"u@a.example", b"a.example@b.example", b"a.example\\b", b"[::1]", b"[::1]:80", b"[::1", b"::1",
    b"a.example:80:80", b"http://a.example", b"a.example\x00", b"a.example\x0b", b"a.example\xa0",
    b"\ta.example\t", b"a.example\r", b"a.example\n", b"a.exam\xc3\xa9ple", b"a%2eexample",
    b"a.example%00", b"a_b.example", b"-a.example", b".a.example", b"a..example", b"*.example",
    b"127.0.0.1", b"0x7f.1", b"a.example;x", b"'a.example'", b'"a.example"', b"a.example..",
    b"a.ex!$&'()*+;=mple", b"~a.example"]
_HOST_LINES = [
    b"", b"Host: a.example\r\nHost: a.example\r\n", b"Host: a.example\r\nHost: b.example\r\n",
    b"Host: a.example\r\nhost: b.example\r\n", b"Host : a.example\r\n", b" Host: a.example\r\n",
    b"Host: a.example\r\n Host: b.example\r\n", b"Host: a.example\r\n\tb\r\n",
    b"Host:a.example\r\n",
    b"X: y\r\n Host: a.example\r\n", b"Host\x00: a.example\r\n", b"Host:\r\n a.example\r\n",
    b"Host\r\n", b"Host: a.example\nHost: b.example\r\n", b"Host: a.example\rHost: b.example\r\n",
    b"X-Host: b.example\r\nHost: a.example\r\n", b"Ho_st: b\r\nHost: a.example\r\n"]
_LINES = [
    b"GET /g HTTP/1.0", b"GET /g HTTP/1.2", b"GET /g HTTP/2.0", b"GET /g HTTP/0.9",
    b"GET /g HTTP/1",
    b"GET /g HTTP/1.10", b"GET /g HTTP/01.1", b"GET /g HTTP/1.1 ", b"GET /g  HTTP/1.1",
    b"GET  /g HTTP/1.1", b" GET /g HTTP/1.1", b"GET\t/g HTTP/1.1", b"GET /g\tHTTP/1.1", b"GET /g",
    b"GET", b"get /g HTTP/1.1", b"GET /g http/1.1", b"GET /g HTTPS/1.1", b"GET /g HTTP /1.1",
    b"GET /g HTTP/1.1x", b"GET /g HTTP/1.1\x00", b"GE\x00T /g HTTP/1.1", b"G(T /g HTTP/1.1",
    b"FOO /g HTTP/1.1", b"HEAD /g HTTP/1.1", b"OPTIONS /g HTTP/1.1", b"OPTIONS * HTTP/1.1",
    b"TRACE /g HTTP/1.1", b"CONNECT a.example:80 HTTP/1.1", b"CONNECT /g HTTP/1.1",
    b"PUT /g HTTP/1.1", b"DELETE /g HTTP/1.1", b"PATCH /g HTTP/1.1", b"PRI * HTTP/2.0",
    b"M-SEARCH /g HTTP/1.1", b"PROPFIND /g HTTP/1.1", b"QUERY /g HTTP/1.1", b"SOURCE /g HTTP/1.1",
    b"GET /g RTSP/1.0", b"DESCRIBE /g HTTP/1.1", b"SETUP /g HTTP/1.1", b"PURGE /g HTTP/1.1",
    b"GET /g /h HTTP/1.1", b"GET /g HTTP/1.1 HTTP/1.1", b"GET /g\rHTTP/1.1", b"GET\x0b/g HTTP/1.1",
    b"GET\xa0/g HTTP/1.1", b"\x00GET /g HTTP/1.1", b"\xef\xbb\xbfGET /g HTTP/1.1"]
FIELDS = [
    b"A: b", b"A:b", b"A:", b"A: ", b"A:  \t ", b"A: b\t", b"A: \tb c\t", b"A : b", b"A\t: b",
    b": b",
    b"A", b"A b: c", b"A(: b", b'"A": b', b"A\xc3\xa4: b", b"A: \xc3\xa4", b"A: \x80\xff",
    b"A: b\x00c",
    b"A: \x01", b"A: \x7f", b"A: b\x0bc", b"A: b\x0c", b"A: b\r c", b"A: b\r\n c", b"A: b\r\n\tc",
    b"A: b\r\n \r\n c", b"A: b\n c", b"A: b\rB: c", b"A: b\nB: c", b"A: b\r\r\nB: c", b"A\n: b",
    b"\r\x0b", b" A: b", b"\tA: b", b"A_B: c", b"!#$%&'*+-.^_`|~: x", b"A: " + b"x" * 9000,
    b"A: " + b"x" * 40000, b"\r\n".join(b"A%d: b" % i for i in range(100)),
    b"\r\n".join(b"A%d: b" % i for i in range(140)), b"Connection: close",
    b"Connection: keep-alive",
    b"Connection: Host", b"Connection: host, Content-Length", b"Connection: Content-Length",
    b"Connection: Transfer-Encoding", b"Connection: close, keep-alive", b"Connection: X, close",
    b"Connection: close\r\nConnection: keep-alive", b"Connection:", b"Connection: ,",
    b"Connection: \x80",
    b"Connection: te, x-forwarded-for", b"Connection: Cookie\r\nCookie: a=b", b"Connection: clo se",
    b"Connection: closed", b'Connection: "close"', b"Connection : close",
    b"Proxy-Connection: close",
    b"Keep-Alive: timeout=1", b"TE: trailers", b"TE: chunked", b"TE: trailers\r\nConnection: TE",
    b"Trailer: Content-Length", b"Expect: 100-continue", b"Expect: 100-Continue", b"Expect:",
    b"Expect: 200-ok", b"Expect: 100-continue, x", b"Expect: 100-continue\r\nExpect: 100-continue",
    b"Upgrade: websocket", b"Upgrade: websocket\r\nConnection: Upgrade",
    b"Upgrade: h2c\r\nConnection: Upgrade, HTTP2-Settings\r\nHTTP2-Settings: AAMAAABkAAQAAP__",
    b"Upgrade: foo, h2c\r\nConnection: Upgrade", b"Upgrade:\r\nConnection: Upgrade",
    b"Upgrade: a\r\nUpgrade: b\r\nConnection: Upgrade",
    b"Upgrade: websocket\r\nConnection: upgrade, close",
    b"X-Forwarded-For: 127.9.9.9", b"X_Forwarded_For: 127.9.9.9", b"X-Forwarded-Host: b.example",
    b"Forwarded: for=127.9.9.9", b"Content-Encoding: gzip", b"Range: bytes=0-1", b"Cookie: a=b",
    b"Cookie: a=b\r\nCookie: c=d", b"X-HTTP-Method-Override: DELETE", b"Max-Forwards: 0",
    b"HTTP2-Settings: x", b"Sec-WebSocket-Key: x", b"Content-Length: 0", b"Content-Type: a/b",
    b"If-Match: x", b"Via: 1.0 x"]
_STARTS = [b"\r\n", b"\r\n\r\n", b"\n", b"\r", b" \r\n", b"\r\n ", b"\x00", b"\r\r\n", b"x\r\n",
    b" "]


def _framing():
    for value in _LENGTHS:
        yield b"length", post(b"Content-Length: " + value + b"\r\n", b"hello" + NEXT)
    for name in _LENGTH_NAMES:
        yield b"length-name", post(name + b" 5\r\n", b"hello" + NEXT)
    for first, second in ((b"5", b"5"), (b"5", b"6"), (b"0", b"5"), (b"5", b"0"), (b"5", b"")):
        yield b"lengths", post(b"Content-Length: %b\r\nContent-Length: %b\r\n" % (first, second),
                               b"hello" + NEXT)
    for value in _CODINGS:
        yield b"coding", post(b"Transfer-Encoding: " + value + b"\r\n", _ENDED + NEXT)
        yield b"length+coding", post(b"Content-Length: 5\r\nTransfer-Encoding: " + value + b"\r\n",
                                     b"0\r\n\r\n" + _SMUGGLED)
        yield b"coding+length", post(b"Transfer-Encoding: " + value + b"\r\nContent-Length: 5\r\n",
                                     b"0\r\n\r\n" + _SMUGGLED)
        yield b"coding+chunked", post(b"Transfer-Encoding: %b\r\nTransfer-Encoding: chunked\r\n"
                                      % value, _ENDED + NEXT)
        yield b"chunked+coding", post(b"Transfer-Encoding: chunked\r\nTransfer-Encoding: %b\r\n"
                                      % value, _ENDED + NEXT)
        yield b"coding-1.0", post(b"Connection: keep-alive\r\nTransfer-Encoding: %b\r\n" % value,
                                  _ENDED + NEXT, b"POST /p HTTP/1.0")
    for name in _CODING_NAMES:
        yield b"coding-name", post(name + b" chunked\r\n", _ENDED + NEXT)
        yield b"coding-name+length", post(b"Content-Length: 5\r\n" + name + b" chunked\r\n",
                                          b"0\r\n\r\n" + _SMUGGLED)
    for method in (b"GET", b"HEAD", b"DELETE", b"OPTIONS", b"TRACE", b"PUT"):
        line = method + b" /c HTTP/1.1"
        yield b"method-length", post(b"Content-Length: 5\r\n", b"hello" + NEXT, line)
        yield b"method-chunked", post(b"Transfer-Encoding: chunked\r\n", _ENDED + NEXT, line)
        yield b"method-bare", post(b"", NEXT, line)


def _content():
    for content in _CHUNKS:
        yield b"chunks", chunked(content + NEXT)
    for trailer in _TRAILERS:
        yield b"trailer", chunked(b"5\r\nhello\r\n0\r\n" + trailer + b"\r\n\r\n" + NEXT)
    for size in (1, 4096, 8192, 8193, 20000, 70000):
        yield b"size", post(b"Content-Length: %d\r\n" % size, b"x" * size + NEXT)
        yield b"chunk-size", chunked(b"%x\r\n" % size + b"x" * size + b"\r\n0\r\n\r\n" + NEXT)
    yield b"tiny-chunks", chunked(b"1\r\nx\r\n" * 500 + b"0\r\n\r\n" + NEXT)
    for content in (b"", b"h", b"hell"):
        yield b"cut-length", post(b"Content-Length: 5\r\n", content)


def _heads():
    for target in _TARGETS:
        yield b"target", get(b"GET " + target + b" HTTP/1.1")
        yield b"target-1.0", get(b"GET " + target + b" HTTP/1.0")
    for target in (b"http://a.example/x", b"http://b.example/x"):
        yield b"absolute-no-host", b"GET " + target + b" HTTP/1.1\r\n\r\n"
        yield b"absolute-no-host-1.0", b"GET " + target + b" HTTP/1.0\r\n\r\n"
        yield b"absolute-two-hosts", get(b"GET " + target + b" HTTP/1.1", b"Host: b.example\r\n")
    for host in _HOSTS:
        yield b"host", b"GET /h HTTP/1.1\r\nHost: " + host + b"\r\n\r\n"
        yield b"host-1.0", b"GET /h HTTP/1.0\r\nHost: " + host + b"\r\n\r\n"
    for lines in _HOST_LINES:
        yield b"host-lines", b"GET /h HTTP/1.1\r\n" + lines + b"\r\n"
    for line in _LINES:
        yield b"line", get(line) + NEXT
    for field in FIELDS:
        yield b"field", get(fields=field + b"\r\n") + NEXT
        yield b"field+content", post(field + b"\r\nContent-Length: 5\r\n", b"hello" + NEXT)
        yield b"field+chunked", chunked(_ENDED + NEXT, field + b"\r\n")
        yield b"field-1.0", get(b"GET /g HTTP/1.0", field + b"\r\n") + NEXT
    for start in _STARTS:
        yield b"start", start + get() + NEXT
        yield b"between", get() + start + NEXT
        yield b"after-content", post(b"Content-Length: 5\r\n", b"hello" + start + NEXT)


def _ends():
    one = post(b"Content-Length: 5\r\nX: y\r\n", b"hello")
    yield b"line-feeds", one.replace(b"\r\n", b"\n")
    yield b"returns", one.replace(b"\r\n", b"\r")
    yield b"reversed", one.replace(b"\r\n", b"\n\r")
    yield b"doubled", one.replace(b"\r\n", b"\r\r\n")
    yield b"head-ends-in-feeds", get()[:-4] + b"\n\n" + NEXT
    yield b"head-ends-mixed", get()[:-2] + b"\n" + NEXT
    for at in range(0, len(one), 7):
        yield b"early-end", one[:at]
    yield b"pair", get() + get(b"GET /2 HTTP/1.1")
    yield b"many", get() * 20
    yield b"pair-content", one + one
    yield b"pair-chunked", chunked(_ENDED) + chunked(_ENDED)
    yield b"pair-1.0", get(b"GET /g HTTP/1.0") + NEXT
    yield b"pair-closed", get(fields=b"Connection: close\r\n") + NEXT
    yield b"junk-after", get() + b"junk"
    yield b"length-too-short", post(b"Content-Length: 4\r\n", b"hello" + NEXT)
    yield b"tls", b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"
    yield b"http2", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"


def corpus():
    """(name, bytes) of each."""
    cases = []
    for group in (_framing, _content, _heads, _ends):
        for name, data in group():
            cases.append((f"{name.decode()}-{len(cases)}", data))
    return cases
