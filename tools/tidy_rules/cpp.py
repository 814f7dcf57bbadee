"""As much of C++ as tidy needs: literals blanked, brackets matched, functions and lambdas found."""

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""(?P<line>//(?:[^\n\\]|\\.|\\\n)*)
      | (?P<block>/\*.*?(?:\*/|\Z))
      | (?P<raw>(?:u8|[uUL])?R"(?P<tag>[^\s()\\]{0,16})\(.*?\)(?P=tag)")
      | (?P<number>(?<![A-Za-z_0-9])\d(?:'?[0-9A-Za-z_.])*)
      | (?P<string>"(?:[^"\\\n]|\\.|\\\n)*")
      | (?P<char>'(?:[^'\\\n]|\\.)+')""",
    re.VERBOSE | re.DOTALL)


def blank(text):
    """`text` with comments and the insides of literals made spaces; offsets stay the same."""

    def spaces(part):
        return re.sub(r"[^\n]", " ", part)

    def replace(match):
        part = match.group()
        if match.lastgroup == "number":
            return part.replace("'", "_")
        if part.startswith("/"):
            return spaces(part)
        return part[0] + spaces(part[1:-1]) + part[-1] if len(part) > 1 else part

    return _TOKEN.sub(replace, text)


_PAIRS = {"(": ")", "[": "]", "{": "}"}


def matching(code, start):
    """The offset of the bracket that closes the one at `start`, or len(code) if nothing does."""
    stack = []
    for found in re.compile(r"[(){}\[\]]").finditer(code, start):
        char = found.group()
        if char in _PAIRS:
            stack.append(_PAIRS[char])
        elif stack and char == stack[-1]:
            stack.pop()
            if not stack:
                return found.start()
        else:
            return found.start()
    return len(code)


@dataclass(frozen=True)
class Function:
    name: str
    start: int  # of the line where its head begins
    end: int  # of its closing brace


_CONTAINER = re.compile(
    r"^(?:inline\s+)?namespace\b|^extern\b(?!.*\()|^(?:template\s*<.*>\s*)?(?:typedef\s+)?"
    r"(?:class|struct|union|enum)\b(?!.*\)\s*(?:const|noexcept|override|final)?\s*$)", re.DOTALL)
_DIRECTIVE = re.compile(r"^[ \t]*#(?:[^\n\\]|\\\n|\\.)*", re.MULTILINE)
_DATA = re.compile(r"(?:=|\]|\breturn)\s*$")


def _head_name(head):
    found = re.search(r"([~\w:]+(?:<[^()]*>)?|operator\s*\S{1,3})\s*\(([^()]*)", head)
    if not found:
        return "?"
    name = found.group(1)
    if re.fullmatch(r"TEST(_F|_P)?|TYPED_TEST|RC_GTEST_PROP|BENCHMARK", name):
        return f"{name}({found.group(2).strip()})"
    return name


def functions(code):
    """The functions defined at namespace or class scope of blanked `code`, in order."""
    code = _DIRECTIVE.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), code)
    found = []
    _scan(code, 0, len(code), found)
    return found


def _scan(code, begin, end, found):
    head_start = begin
    position = begin
    stop = re.compile(r"[;{}()]")
    while position < end:
        match = stop.search(code, position, end)
        if not match:
            return
        at, char = match.start(), match.group()
        if char == "(":
            position = matching(code, at) + 1
            continue
        if char in ";})":
            head_start = position = at + 1
            continue
        head = re.sub(r"\b(?:public|private|protected)\s*:", "", code[head_start:at])
        head = re.sub(r"\[\[.*?\]\]|\balignas\s*\([^()]*\)", "", head, flags=re.DOTALL).strip()
        close = matching(code, at)
        if _CONTAINER.search(head):
            _scan(code, at + 1, min(close, end), found)
            head_start = close + 1
        elif "(" in head and not _DATA.search(head):
            rest = re.match(r"\s*[,{]", code[close + 1:close + 200])
            if rest and _in_initializers(head):
                position = close + 1  # `: a_{1}` of a constructor: its body is still to come
                continue
            start = head_start + len(code[head_start:at]) - len(code[head_start:at].lstrip())
            found.append(Function(_head_name(head), start, close))
            head_start = close + 1
        position = close + 1


def _in_initializers(head):
    return re.search(r"\)\s*(?:noexcept\s*)?:[^:]", head) is not None


@dataclass(frozen=True)
class Lambda:
    start: int
    captures: str
    body_start: int
    body_end: int


def lambdas(code):
    """Every lambda expression of blanked `code`, outer ones before the ones inside them."""
    found = []
    for match in re.finditer(r"\[", code):
        start = match.start()
        before = code[:start].rstrip()[-1:]
        word = re.search(r"(\w+)\s*$", code[max(0, start - 24):start])
        if code[start:start + 2] == "[[" or code[start - 1:start] == "[":
            continue
        if before in (")", "]", ">") or (word and word.group(1) not in ("return", "co_return",
                                                                      "co_await", "co_yield")):
            continue
        close = matching(code, start)
        body = _lambda_body(code, close + 1)
        if body is not None:
            found.append(Lambda(start, code[start + 1:close].strip(), body, matching(code, body)))
    return found


def _lambda_body(code, position):
    """The offset of the `{` of a lambda whose introducer ended just before `position`, or None."""
    while position < len(code):
        char = code[position]
        if char == "{":
            return position
        if char == "(":
            position = matching(code, position)
        elif not (char.isspace() or char.isalnum() or char in "_:<>,*&->"):
            return None
        position += 1
    return None
