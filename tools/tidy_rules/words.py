"""What may not be written, and why. (Names that may not stand here either are made of parts.)"""

import re

from tidy_rules import cpp
from tidy_rules.tree import Finding

_UNFINISHED = re.compile(r"\b(?:TO" r"DO|FIX" r"ME|X" r"XX|HA" r"CK)\b")
_NAMES = {"utils", "util", "helpers", "helper", "common", "manager", "managers", "misc"}
_TYPES = re.compile(r"\b(?:class|struct)\s+(\w*(?:Manager|Helpers?|Utils?|Misc))\b(?!\s*;)")
_HOSTS = [re.compile(re.escape(host), re.IGNORECASE) for host in (
    "npm" "js.org", "npm" "js.com", "py" "pi.org", "python" "hosted.org", "crates" ".io",
    "maven" ".org", "maven.apache" ".org", "proxy.golang" ".org", "sum.golang" ".org",
    "deb.debian" ".org", "ftp.debian" ".org", "security.debian" ".org", "snapshot.debian" ".org",
    "archive.ubuntu" ".com", "rubygems" ".org", "packagist" ".org", "nuget" ".org",
    "nodesource" ".com", "yarnpkg" ".com")]

# rule, where (a function of the file), pattern in blanked code, message
_CODE = [
    ("thread-local", lambda file: True, re.compile(r"\bthread_" r"local\b"),
     "state hangs off the Loop: a thread's own state is invisible to simulation and to tests"),
    ("shell", lambda file: True, re.compile(r"(?<![.>\w])(?:std::|::)?(?:system|popen)\s*\("),
     "runs a shell: start the program with its arguments through async/'s child processes"),
    ("test-sleep", lambda file: file.is_test,
     re.compile(r"(?:(?<!co_await )(?<!async::)(?<![.>\w])sleep|\b(?:sleep_for|sleep_until|"
                r"usleep|nanosleep|clock_nanosleep))\s*\("),
     "a test that sleeps is slow or flaky: wait on a condition with a deadline"),
    ("skipped-test", lambda file: file.is_test, re.compile(r"\bGTEST_SKIP\b|\bDISABLED_\w+"),
     "no test is skipped: make it pass, or remove it and say what is missing"),
]


def _python_or_shell_sleep(file):
    return file.path.startswith("tests/") and "/apps/" not in file.path and not file.is_cpp


_SCRIPT_SLEEP = re.compile(r"\btime\.sleep\(|^\s*sleep\s+[\d.$]", re.MULTILINE)


def check(files):
    for file in files:
        yield from _names(file)
        yield from _text(file)
        if file.is_cpp:
            yield from _code(file)
            yield from _coroutines(file)


def _names(file):
    for part in file.path.split("/"):
        for word in re.split(r"[._-]", part):
            if word.lower() in _NAMES:
                yield Finding(file.path, 1, "name", f"'{part}' says nothing: name the product noun "
                              "that it is about")


def _text(file):
    for found in _UNFINISHED.finditer(file.text):
        yield file.finding(found.start(), "unfinished", f"{found.group()}: do it, or file it as an "
                           "issue; the tree holds finished things")
    for host in _HOSTS:
        for found in host.finditer(file.text):
            yield file.finding(found.start(), "registry-host", f"{found.group()}: take the host "
                               "from the operator's own client settings; mirrors differ")
    if _python_or_shell_sleep(file):
        for found in _SCRIPT_SLEEP.finditer(file.text):
            yield file.finding(found.start(), "test-sleep", "a test that sleeps is slow or flaky: "
                               "wait on a condition with a deadline")


def _code(file):
    for rule, applies, pattern, message in _CODE:
        if applies(file):
            for found in pattern.finditer(file.code):
                yield file.finding(found.start(), rule, message)
    for found in _TYPES.finditer(file.code):
        yield file.finding(found.start(), "name", f"'{found.group(1)}': name what it is, not that "
                           "it helps")
    if file.path.endswith(".h") and not re.search(r"^#pragma once$", file.text, re.MULTILINE):
        yield Finding(file.path, 1, "pragma-once", "the first line of a header is #pragma once")


_CO = re.compile(r"\bco_(?:await|return|yield)\b")
_CATCH = re.compile(r"\bcatch\s*\(")


def _coroutines(file):
    code = file.code
    if "co_" not in code:
        return
    found = cpp.lambdas(code)
    for one in found:
        body = code[one.body_start:one.body_end]
        for inner in found:
            if one.body_start < inner.start < one.body_end:
                a, b = inner.start - one.body_start, inner.body_end - one.body_start
                body = body[:a] + " " * (b - a) + body[b:]
        if one.captures and _CO.search(body):
            yield file.finding(one.start, "coroutine-captures", f"[{one.captures}]: the captures "
                               "die with the lambda, the frame lives on; pass parameters instead")
    for match in _CATCH.finditer(code):
        brace = code.find("{", cpp.matching(code, match.end() - 1))
        if brace >= 0 and re.search(r"\bco_await\b", code[brace:cpp.matching(code, brace)]):
            yield file.finding(match.start(), "await-in-catch", "the exception would outlive its "
                               "handler: leave the catch block first, then co_await")
