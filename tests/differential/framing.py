"""Where a message ends, read in the strictest way: for what a proxy has written itself, where
anything else than one plain way to say it is an error."""

import re

_HEAD = re.compile(rb"(?:[^\r\n\x00]+\r\n)+\r\n")
_FIELD = re.compile(rb"([!#$%&'*+\-.^_`|~0-9A-Za-z]+):[ \t]*([^\r\n]*?)[ \t]*\r\n")
_CHUNK = re.compile(rb"([0-9a-fA-F]{1,15})(?:;[^\r\n]*)?\r\n")
_TRAILER = re.compile(rb"(?:[!#$%&'*+\-.^_`|~0-9A-Za-z]+:[^\r\n]*\r\n)*\r\n")


class Malformed(Exception):
    pass


class Message:
    """`start`: its first line; `end`: offset behind it, or None if it is not complete."""

    def __init__(self, start, fields):
        self.start, self.fields = start, fields
        self.content, self.end, self.until_close = b"", None, False

    def all(self, name):
        return [value for one, value in self.fields if one == name]

    def one(self, name):
        values = self.all(name)
        if len(values) > 1:
            raise Malformed(f"{name.decode()} is there {len(values)} times")
        return values[0] if values else None


def _head(data, at):
    found = _HEAD.match(data, at)
    if not found:
        if b"\r\n\r\n" in data[at:] or b"\n\n" in data[at:]:
            raise Malformed(f"not a head: {data[at:at + 200]!r}")
        return None, at
    start, _, rest = found.group()[:-2].partition(b"\r\n")
    fields, position = [], 0
    while position < len(rest):
        field = _FIELD.match(rest, position)
        if not field:
            raise Malformed(f"not a field: {rest[position:position + 100]!r}")
        fields.append((field.group(1).lower(), field.group(2)))
        position = field.end()
    return Message(start, fields), found.end()


def _chunks(message, data, at):
    parts = []
    while True:
        size = _CHUNK.match(data, at)
        if not size:
            if len(data) - at > 8000 or b"\n" in data[at:]:
                raise Malformed(f"not a chunk: {data[at:at + 100]!r}")
            break
        length, at = int(size.group(1), 16), size.end()
        if length == 0:
            trailer = _TRAILER.match(data, at)
            if trailer:
                message.end = trailer.end()
            elif b"\r\n\r\n" in data[at:]:
                raise Malformed(f"not a trailer: {data[at:at + 100]!r}")
            break
        parts.append(data[at:at + length])
        if len(data) < at + length + 2:
            break
        if data[at + length:at + length + 2] != b"\r\n":
            raise Malformed("a chunk is not as long as it says")
        at += length + 2
    message.content = b"".join(parts)


def message_at(data, at=0, asked=None):
    """The message that begins there; None if its head is not complete. `asked`: the method that it
    answers, for answers."""
    message, at = _head(data, at)
    if message is None:
        return None
    coding, length = message.one(b"transfer-encoding"), message.one(b"content-length")
    if coding is not None and (coding.lower() != b"chunked" or length is not None):
        raise Malformed("framed in two ways")
    status = int(message.start[9:12]) if asked else 0
    if asked and (asked == "HEAD" or status < 200 or status in (204, 304)):
        message.end = at
    elif coding is not None:
        _chunks(message, data, at)
    elif length is not None:
        if not length.isdigit():
            raise Malformed("Content-Length is not a number")
        message.content = data[at:at + int(length)]
        message.end = at + int(length) if len(data) >= at + int(length) else None
    elif asked:
        message.content, message.until_close = data[at:], True
    else:
        message.end = at
    return message
