"""The files that tidy looks at, read once, and what a finding is."""

import re
import subprocess
from dataclasses import dataclass, field
from functools import cached_property
from pathlib import Path

from tidy_rules import cpp

CPP = (".cc", ".h")
# `tidy-allow: RULE why it must be so`, on its line or the one before, lets one finding be.
ALLOW = re.compile(r"tidy-allow: ([a-z-]+) (\S+ \S+ .*)")


@dataclass(frozen=True, order=True)
class Finding:
    path: str
    line: int
    rule: str
    message: str

    def __str__(self):
        return f"{self.path}:{self.line}: {self.rule}: {self.message}"


@dataclass
class File:
    path: str  # from the root of the repository, with /
    text: str
    allowed: int = field(default=0, compare=False)

    @cached_property
    def lines(self):
        return self.text.splitlines()

    @cached_property
    def code(self):
        """The text of a C++ file with comments and literals blanked; offsets stay the same."""
        return cpp.blank(self.text)

    @property
    def is_cpp(self):
        return self.path.endswith(CPP)

    @property
    def is_test(self):
        return self.path.endswith("_test.cc") or self.path.startswith("tests/")

    def line_of(self, offset):
        return self.text.count("\n", 0, offset) + 1

    def finding(self, offset, rule, message):
        return Finding(self.path, self.line_of(offset), rule, message)

    def allows(self, finding):
        for number in (finding.line, finding.line - 1):
            if 0 < number <= len(self.lines):
                found = ALLOW.search(self.lines[number - 1])
                if found and found.group(1) == finding.rule:
                    self.allowed += 1
                    return True
        return False


def repository_files(root):
    """Paths that git tracks or would track. Everything else is nobody's text."""
    listed = subprocess.run(
        ["git", "-C", str(root), "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        check=True, capture_output=True).stdout.decode()
    return sorted({path for path in listed.split("\0") if path})


def read_tree(root):
    """Every text file of the repository; binary files and links are left out."""
    files = []
    for path in repository_files(root):
        full = Path(root, path)
        if full.is_symlink() or not full.is_file():
            continue
        data = full.read_bytes()
        if b"\0" in data[:4096]:
            continue
        try:
            files.append(File(path, data.decode()))
        except UnicodeDecodeError:
            continue
    return files
