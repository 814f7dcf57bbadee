"""The dependency direction: docs/design/layers against #include lines and CMake's DEPS."""

import re

from tidy_rules.tree import Finding

TABLE = "docs/design/layers"
_INCLUDE = re.compile(r'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
_MODULE = re.compile(r"\bnuri_module\s*\(\s*([\w/]+)(.*?)\)", re.DOTALL)


# A test, or a header that only tests include.
_TEST = re.compile(r"(_test\.cc|/test_\w+\.h)$")


class Layers:
    """The table: what each module, and each module's tests, may use."""

    def __init__(self, text, path=TABLE):
        self.direct = {}
        self.tests = {}
        self.findings = []
        for number, line in enumerate(text.splitlines(), 1):
            line = line.split("#")[0].strip()
            if line:
                self._line(path, number, line)

    def _line(self, path, number, line):
        found = re.fullmatch(r"([\w/]+)( tests)?:\s*([\w/ ]*)", line)
        if not found:
            self.findings.append(Finding(path, number, "layers", "not `MODULE: modules…`"))
            return
        module, tests, uses = found.group(1), found.group(2), found.group(3).split()
        for used in uses:
            if used not in self.direct or (used == module and not tests):
                self.findings.append(Finding(path, number, "layers", f"'{used}' has no line above "
                                             f"'{module}': every module stands after what it uses"))
        table = self.tests if tests else self.direct
        table.setdefault(module, set()).update(used for used in uses if used in self.direct)

    def allowed(self, module, tests=False):
        """Every module that `module` may include, itself too."""
        reached = set()
        waiting = [module, *(self.tests.get(module, ()) if tests else ())]
        while waiting:
            at = waiting.pop()
            if at not in reached:
                reached.add(at)
                waiting.extend(self.direct.get(at, ()))
        return reached

    def module_of(self, path):
        """The longest module that `path` (below src/) lies in, or None."""
        parts = path.split("/")[:-1]
        while parts:
            if "/".join(parts) in self.direct:
                return "/".join(parts)
            parts.pop()
        return None


def _includes(files, layers):
    headers = {file.path for file in files}
    for file in files:
        if not (file.is_cpp and file.path.startswith("src/")):
            continue
        module = layers.module_of(file.path[4:])
        if module is None:
            yield Finding(file.path, 1, "layers",
                          f"its folder has no line in {TABLE}: add one, or put the file elsewhere")
            continue
        allowed = layers.allowed(module, tests=_TEST.search(file.path))
        for found in _INCLUDE.finditer(file.text):
            yield from _include(file, found, module, allowed, layers, headers)


def _include(file, found, module, allowed, layers, headers):
    target = found.group(1)
    used = layers.module_of(target)
    if "src/" + target not in headers:
        if used is not None or "/" not in target:
            yield file.finding(found.start(), "layers",
                               f'"{target}" is no file below src/: quotes are for Nuri\'s own '
                               "headers, by their path from src/")
    elif used not in allowed:
        yield file.finding(found.start(), "layers", f"'{module}' may not use '{used}' ({TABLE}): "
                           "turn the dependency round, or meet at an interface")


def _cmake_modules(files):
    """name → folder, and the CMake text of each module."""
    folders, calls = {}, []
    for file in files:
        if file.path.startswith("src/") and file.path.endswith("/CMakeLists.txt"):
            folder = file.path[4:-len("/CMakeLists.txt")]
            text = re.sub(r"#[^\n]*", lambda m: " " * len(m.group()), file.text)
            for found in _MODULE.finditer(text):
                folders[found.group(1)] = folder
                calls.append((file, found, folder))
    return folders, calls


def _keyword(arguments, keyword):
    found = re.search(rf"\b{keyword}\b(.*?)(?=\b(?:DEPS|LIBS|TEST_DEPS|TEST_LIBS|HEADERS)\b|\Z)",
                      arguments, re.DOTALL)
    return found.group(1).split() if found else []


def _cmake(files, layers):
    folders, calls = _cmake_modules(files)
    for file, found, folder in calls:
        arguments = found.group(2)
        direct = layers.allowed(folder)
        tests = layers.allowed(folder, tests=True)
        wanted = [(name, direct) for name in _keyword(arguments, "DEPS")]
        wanted += [(name[5:], direct) for name in _keyword(arguments, "LIBS")
                   if name.startswith("nuri_") and f"add_library({name}" not in file.text]
        for keyword in ("TEST_DEPS", "TEST_LIBS"):
            wanted += [(name.removeprefix("nuri_"), tests) for name in _keyword(arguments, keyword)
                       if keyword == "TEST_DEPS" or name.startswith("nuri_")]
        for name, allowed in wanted:
            used = folders.get(name)
            if used is None:
                yield file.finding(found.start(), "layers", f"depends on '{name}', but no "
                                   f"nuri_module({name}) is defined")
            elif used not in allowed:
                yield file.finding(found.start(), "layers", f"'{folder}' may not depend on "
                                   f"'{used}': {TABLE} does not say so")


def check(files):
    table = next((file for file in files if file.path == TABLE), None)
    if table is None:
        yield Finding(TABLE, 1, "layers", "missing: the table of the dependency direction")
        return
    layers = Layers(table.text)
    yield from layers.findings
    yield from _includes(files, layers)
    yield from _cmake(files, layers)
