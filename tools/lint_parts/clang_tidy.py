"""clang-tidy over many files in little time.

Most of its work is on the headers that a file includes, so files of one module that are compiled
alike are looked at together, as one translation unit; where two of them do not go together (two
anonymous functions of one name), the batch is halved until they do. What was clean is remembered
by a hash of all that it depends on: the file, Nuri's headers in it, flags, checks, versions.
"""

import hashlib
import json
import os
import re
import shlex
import subprocess
import tempfile
import time
from collections import defaultdict
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

PROGRAM = "clang-tidy-19"
_BATCH = 12
_FORGET_AFTER_S = 30 * 24 * 3600
_INCLUDE = re.compile(rb'^[ \t]*#[ \t]*include[ \t]*"([^"\n]+)"', re.MULTILINE)
_FINDING = re.compile(r"^(/[^:\n]+:\d+:\d+): (?:error|warning): (.*)$", re.MULTILINE)


def cache_folder():
    base = os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache")
    return Path(base, "nuri-lint")


class Project:
    """A configured build folder: which files are compiled, and how."""

    def __init__(self, root, build):
        self.root = Path(root)
        self.build = Path(build)
        self.flags = {}
        for entry in json.loads((self.build / "compile_commands.json").read_text()):
            path = os.path.relpath(os.path.realpath(entry["file"]), self.root)
            if not path.startswith(("..", "build/")) and path.endswith(".cc"):
                self.flags.setdefault(path, self._flags(entry["command"]))
        versions = subprocess.run(
            [PROGRAM, "--version"], check=True, capture_output=True).stdout
        versions += subprocess.run(
            ["dpkg-query", "-W", "-f", "${Package} ${Version}\n", "lib*-dev"],
            check=True, capture_output=True).stdout
        config = (self.root / ".clang-tidy").read_bytes()
        self._common = hashlib.sha256(versions + b"\0" + config).digest()
        self._closures = {}

    @staticmethod
    def _flags(command):
        kept = [word for word in shlex.split(command)
                if re.match(r"-(?:D|I|isystem|std=|f(?!sanitize|pch))", word)
                or word.startswith("/usr/")]
        # `-isystem DIR` is two words; what else starts with /usr/ is the compiler.
        compiler = re.compile(r"/(?:ccache|clang(?:\+\+)?-\d+)$")
        return tuple(word for word in kept if not compiler.search(word))

    def _closure(self, path):
        """Nuri's headers that `path` includes, through others too, itself among them."""
        reached, waiting = set(), [path]
        while waiting:
            at = waiting.pop()
            if at in reached:
                continue
            reached.add(at)
            if at not in self._closures:
                try:
                    data = (self.root / at).read_bytes()
                except OSError:
                    data = b""
                direct = [target.decode(errors="replace") for target in _INCLUDE.findall(data)]
                self._closures[at] = (
                    hashlib.sha256(data).digest(),
                    [one for target in direct
                     for one in (f"src/{target}", os.path.join(os.path.dirname(at), target))
                     if (self.root / one).is_file()])
            waiting.extend(self._closures[at][1])
        return sorted(reached)

    def key(self, path):
        whole = hashlib.sha256(self._common + repr(self.flags[path]).encode())
        for one in self._closure(path):
            whole.update(one.encode() + b"\0" + self._closures[one][0])
        return whole.hexdigest()


class ClangTidy:
    """One run over a project's files."""

    def __init__(self, project):
        self.project = project
        self.cache = cache_folder()
        self.cache.mkdir(parents=True, exist_ok=True)
        self.units = 0

    def run(self, files):
        """The findings in `files` (those that are compiled), and how many were looked at."""
        keys = {path: self.project.key(path) for path in files if path in self.project.flags}
        wanted = [path for path in keys if not self._remembered(keys[path])]
        groups = defaultdict(list)
        for path in wanted:
            groups[(os.path.dirname(path), path.endswith("_test.cc"),
                    self.project.flags[path])].append(path)
        batches = [paths[i:i + _BATCH] for paths in groups.values()
                   for i in range(0, len(paths), _BATCH)]
        batches.sort(key=len, reverse=True)
        with tempfile.TemporaryDirectory(prefix="nuri-lint-") as work:
            with ThreadPoolExecutor(os.cpu_count()) as pool:
                results = list(pool.map(lambda batch: self._batch(work, batch, keys), batches))
        self._forget()
        return sorted(set(one for result in results for one in result)), len(wanted)

    def _remembered(self, key):
        path = self.cache / key
        if not path.exists():
            return False
        os.utime(path)
        return True

    def _forget(self):
        limit = time.time() - _FORGET_AFTER_S
        for path in self.cache.iterdir():
            if path.stat().st_mtime < limit:
                path.unlink(missing_ok=True)

    def _batch(self, work, paths, keys):
        unit = Path(work, hashlib.sha256("\0".join(paths).encode()).hexdigest()[:16] + ".cc")
        unit.write_text("".join(f'#include "{self.project.root / path}"\n' for path in paths))
        self.units += 1
        ran = subprocess.run(
            [PROGRAM, "--quiet", f"--config-file={self.project.root / '.clang-tidy'}",
             str(unit), "--", *self.project.flags[paths[0]], "-w"],
            cwd=self.project.build, capture_output=True, text=True, check=False)
        if len(paths) > 1 and "[clang-diagnostic-error" in ran.stdout:
            half = len(paths) // 2
            return (self._batch(work, paths[:half], keys)
                    + self._batch(work, paths[half:], keys))
        found = [f"{os.path.relpath(where, self.project.root)}: {what}"
                 for where, what in _FINDING.findall(ran.stdout)]
        if ran.returncode and not found:
            found = [f"{paths[0]}:1: clang-tidy failed: {(ran.stderr or ran.stdout)[-500:]}"]
        if not found:
            for path in paths:
                (self.cache / keys[path]).touch()
        return found
