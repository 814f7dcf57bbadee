"""Cases made from others: what a seed makes of them is always the same."""

import random
import re

import request_corpus

_BYTES = [b"\r", b"\n", b"\r\n", b"\t", b" ", b":", b";", b",", b"0", b"1", b"5", b"f", b"x", b'"',
          b"\x00", b"\x0b", b"\x0c", b"\x7f", b"\x80", b"\x85", b"\xa0", b"\xff", b"+", b"-", b"_",
          b"=", b"\\", b"/", b"#", b"%", b"@", b"\r\n\r\n", b"\n\n", b" \r\n", b"\r\n "]
_MANY = 20_000  # bytes; longer ones are for the corpus alone


def _lines(data):
    return re.split(rb"(?<=\n)", data)


def _byte(chance, data, _):
    at = chance.randrange(len(data) + 1)
    cut = chance.choice((0, 0, 1, 2))
    return data[:at] + chance.choice(_BYTES + [b""]) + data[at + cut:]


def _at_a_mark(chance, data, _):
    """As _byte, but where framing is decided: around line ends, colons, digits."""
    marks = [found.start() for found in re.finditer(rb"[\r\n:;,\d]", data)]
    if not marks:
        return data
    at = chance.choice(marks) + chance.choice((0, 1))
    return data[:at] + chance.choice(_BYTES + [b""]) + data[at + chance.choice((0, 1)):]


def _line(chance, data, _):
    lines = _lines(data)
    at, other = chance.randrange(len(lines)), chance.randrange(len(lines))
    way = chance.randrange(3)
    if way == 0:
        lines.insert(other, lines[at])
    elif way == 1:
        lines[at], lines[other] = lines[other], lines[at]
    else:
        del lines[at]
    return b"".join(lines)


def _field(chance, data, fields):
    lines = _lines(data)
    lines.insert(min(len(lines), chance.randrange(1, 4)), chance.choice(fields) + b"\r\n")
    return b"".join(lines)


def _number(chance, data, _):
    found = list(re.finditer(rb"[0-9a-f]+", data))
    if not found:
        return data
    one = chance.choice(found)
    digits = chance.choice((b"0", b"1", b"4", b"5", b"6", b"10", b"a", b"ff", b"0" + one.group(),
                            one.group() + b"0", b"fffffffffffffff", b"4294967301"))
    return data[:one.start()] + digits + data[one.end():]


def _case(chance, data, _):
    """Letters of a name, large or small."""
    found = list(re.finditer(rb"[A-Za-z-]{4,}", data))
    if not found:
        return data
    one = chance.choice(found)
    return data[:one.start()] + one.group().swapcase() + data[one.end():]


def _cut(chance, data, _):
    return data[:chance.randrange(len(data) + 1)]


_WAYS = [_byte, _at_a_mark, _at_a_mark, _line, _field, _field, _number, _case, _cut]


def mutated(seed, number, corpus, fields=None):
    """(name, bytes) of the seed's case with that number."""
    chance = random.Random(f"{seed}/{number}")
    name, data = chance.choice(corpus)
    while len(data) > _MANY:
        name, data = chance.choice(corpus)
    if chance.random() < 0.2:
        other, more = chance.choice(corpus)
        if len(data) + len(more) <= _MANY:
            name, data = f"{name}+{other}", data + more
    for _ in range(chance.choice((1, 1, 2, 3))):
        data = chance.choice(_WAYS)(chance, data, fields or FIELDS)
    return f"{name}~{number}", data


FIELDS = [field for field in request_corpus.FIELDS if len(field) < 200] + [
    b"Content-Length: 5", b"Content-Length: 0", b"Transfer-Encoding: chunked", b"Host: b.example",
    b"Transfer-Encoding: identity", b"Content-Length: 5, 5", b"Transfer-Encoding : chunked"]
