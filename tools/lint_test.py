#!/usr/bin/env python3
"""tools/lint's clang-tidy: it finds, it remembers what was clean, and forgets when that changed."""

import json
import os
import shutil
import sys
import tempfile
import unittest
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent))
sys.dont_write_bytecode = True

from lint_parts.clang_tidy import ClangTidy, Project  # noqa: E402

ROOT = Path(__file__).resolve().parent.parent
BAD = "struct A { virtual void f(); };\nstruct B : A { virtual void f(); };\n"


class ClangTidyTest(unittest.TestCase):
    def setUp(self):
        folder = tempfile.TemporaryDirectory()
        self.addCleanup(folder.cleanup)
        self.root = Path(os.path.realpath(folder.name))
        before = os.environ.get("XDG_CACHE_HOME")
        os.environ["XDG_CACHE_HOME"] = str(self.root / "cache")
        self.addCleanup(lambda: os.environ.pop("XDG_CACHE_HOME") if before is None
                        else os.environ.update(XDG_CACHE_HOME=before))
        shutil.copy(ROOT / ".clang-tidy", self.root)

    def lint(self, files, flags=""):
        """(findings, files looked at, units) of a run over `files` (path → text) and what was."""
        for path, text in files.items():
            full = self.root / path
            full.parent.mkdir(parents=True, exist_ok=True)
            full.write_text(text)
        units = sorted(str(path.relative_to(self.root)) for path in self.root.rglob("src/**/*.cc"))
        (self.root / "compile_commands.json").write_text(json.dumps([
            {"file": str(self.root / unit), "directory": str(self.root),
             "command": f"/usr/bin/clang++-19 -I{self.root}/src {flags} -std=c++2b -c {unit}"}
            for unit in units]))
        checker = ClangTidy(Project(self.root, self.root))
        found, looked = checker.run(units)
        return found, looked, checker.units

    def test_a_finding_names_file_and_line_and_is_found_again(self):
        for _ in range(2):
            found, _, _ = self.lint({"src/m/a.cc": BAD})
            self.assertEqual(len(found), 1, found)
            self.assertTrue(found[0].startswith("src/m/a.cc:2:"), found)
            self.assertIn("modernize-use-override", found[0])

    def test_a_finding_in_a_header_is_found(self):
        found, _, _ = self.lint({"src/m/a.h": BAD, "src/m/a.cc": '#include "m/a.h"\n'})
        self.assertTrue(found[0].startswith("src/m/a.h:2:"), found)

    def test_what_was_clean_is_not_looked_at_again(self):
        files = {"src/m/a.cc": "int a;\n", "src/m/b.cc": "int b;\n"}
        self.assertEqual(self.lint(files), ([], 2, 1))
        self.assertEqual(self.lint({}), ([], 0, 0))

    def test_a_changed_file_header_or_flag_is_looked_at(self):
        self.lint({"src/m/a.h": "", "src/n/b.h": '#include "m/a.h"\n',
                   "src/n/c.cc": '#include "n/b.h"\n', "src/n/d.cc": "int d;\n"})
        self.assertEqual(self.lint({"src/m/a.h": "int a;\n"})[1], 1)
        self.assertEqual(self.lint({"src/n/d.cc": "int e;\n"})[1], 1)
        self.assertEqual(self.lint({}, flags="-DX=1")[1], 2)

    def test_files_that_do_not_go_together_are_looked_at_apart(self):
        text = "namespace { int f() { return 1; } }\n"
        found, looked, units = self.lint({f"src/m/{name}.cc": text for name in "ab"})
        self.assertEqual((found, looked, units), ([], 2, 3))

    def test_a_file_that_does_not_compile_is_a_finding(self):
        found, _, _ = self.lint({"src/m/a.cc": "int a = b;\n"})
        self.assertTrue(found and found[0].startswith("src/m/a.cc:1:"), found)


if __name__ == "__main__":
    unittest.main()
