"""Files, functions and lines that fit a head and a screen."""

import statistics

from tidy_rules import cpp
from tidy_rules.tree import Finding

FILE_LINES = 700
FILE_LINES_P95 = 450
FILE_LINES_MEDIAN = 120
FUNCTION_LINES = 70
COLUMNS = 100

_CODE = (".cc", ".h", ".py", ".sh", ".cmake")


def is_code(file):
    """C++, Python, shell and CMake: what people write by hand and read as code."""
    name = file.path.rsplit("/", 1)[-1]
    return (file.path.endswith(_CODE) or name in ("CMakeLists.txt", "Makefile")
            or ("." not in name and file.text.startswith("#!")))


def percentile(values, share):
    values = sorted(values)
    return values[min(len(values) - 1, int(len(values) * share))] if values else 0


def statistics_of(files):
    """(files, median, p95, longest) of the C++ files' lines."""
    counted = [(len(file.lines), file.path) for file in files if file.is_cpp]
    lengths = [lines for lines, _ in counted]
    return (len(lengths), int(statistics.median(lengths)) if lengths else 0,
            percentile(lengths, 0.95), max(counted, default=(0, "none")))


def check(files):
    for file in files:
        if is_code(file):
            yield from _file(file)
        if file.is_cpp:
            yield from _functions(file)
    count, _, p95, _ = statistics_of(files)
    if p95 > FILE_LINES_P95:
        yield Finding("src", 1, "file-length", f"one in twenty of {count} C++ files has more than "
                      f"{p95} lines; the limit is {FILE_LINES_P95}: split the longest")


def _file(file):
    if len(file.lines) > FILE_LINES:
        yield Finding(file.path, len(file.lines), "file-length", f"{len(file.lines)} lines; the "
                      f"limit is {FILE_LINES}: split it by what its parts are")
    for number, line in enumerate(file.lines, 1):
        if len(line) > COLUMNS:
            yield Finding(file.path, number, "line-length",
                          f"{len(line)} columns; the limit is {COLUMNS}")


def _functions(file):
    for function in cpp.functions(file.code):
        first, last = file.line_of(function.start), file.line_of(function.end)
        lines = last - first + 1
        if lines > FUNCTION_LINES:
            yield Finding(file.path, first, "function-length",
                          f"{function.name} has {lines} lines; the limit is {FUNCTION_LINES}: "
                          "it does more than one thing")
