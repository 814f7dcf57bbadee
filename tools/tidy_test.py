#!/usr/bin/env python3
"""Proves that each rule of tools/tidy fires, and does not fire on what looks alike."""

import subprocess
import sys
import tempfile
import unittest
from importlib.machinery import SourceFileLoader
from pathlib import Path

HERE = Path(__file__).resolve().parent
sys.path.insert(0, str(HERE))
sys.dont_write_bytecode = True

from tidy_rules import cpp, layers  # noqa: E402
from tidy_rules.tree import File, read_tree  # noqa: E402

tidy = SourceFileLoader("tidy", str(HERE / "tidy")).load_module()

TABLE = "base:\nmodel: base\nplan: model\nstore: model\nstore/memory: store\nhttp: base\n" \
        "router: http\ncontrol: plan store\ncontrol tests: store/memory\n"


def rules(*files, table=TABLE):
    """The (rule, line) of everything found in the given (path, text) files."""
    tree = [File(path, text) for path, text in files] + [File(layers.TABLE, table)]
    return [(finding.rule, finding.line) for finding in tidy.findings_of(tree)]


def header(text=""):
    return "#pragma once\n" + text


class LayersTest(unittest.TestCase):
    def include(self, path, target, table=TABLE):
        return rules((path, header(f'#include "{target}"\n')), ("src/" + target, header()),
                     table=table)

    def test_a_lower_layer_may_be_included_directly_or_through_another(self):
        self.assertEqual(self.include("src/plan/a.h", "model/b.h"), [])
        self.assertEqual(self.include("src/plan/a.h", "base/b.h"), [])

    def test_a_higher_layer_may_not(self):
        self.assertEqual(self.include("src/model/a.h", "plan/b.h"), [("layers", 2)])
        self.assertEqual(self.include("src/router/a.h", "store/b.h"), [("layers", 2)])

    def test_an_interface_is_not_its_implementation(self):
        self.assertEqual(self.include("src/control/a.cc", "store/b.h"), [])
        self.assertEqual(self.include("src/control/a.cc", "store/memory/b.h"), [("layers", 2)])

    def test_tests_may_use_what_their_line_adds(self):
        self.assertEqual(self.include("src/control/a_test.cc", "store/memory/b.h"), [])
        self.assertEqual(self.include("src/plan/a_test.cc", "store/memory/b.h"), [("layers", 2)])
        self.assertEqual(self.include("src/control/test_a.h", "store/memory/b.h"), [])
        self.assertEqual(self.include("src/plan/test_a.h", "store/memory/b.h"), [("layers", 2)])

    def test_a_quoted_include_is_a_path_from_src(self):
        self.assertEqual(rules(("src/model/a.cc", '#include "b.h"\n'), ("src/model/b.h", header())),
                         [("layers", 1)])

    def test_a_folder_without_a_line_is_found(self):
        self.assertEqual(rules(("src/novel/a.cc", "")), [("layers", 1)])

    def test_the_table_has_no_cycle(self):
        self.assertEqual(rules(table="a: b\nb: a\n"), [("layers", 1)])

    def test_a_missing_table_is_found(self):
        self.assertEqual([one.rule for one in tidy.findings_of([])], ["layers"])

    def cmake(self, folder, text):
        return rules(("src/base/CMakeLists.txt", "nuri_module(base)"),
                     ("src/model/CMakeLists.txt", "nuri_module(model DEPS base)"),
                     ("src/store/memory/CMakeLists.txt", "nuri_module(store_memory)"),
                     (f"src/{folder}/CMakeLists.txt", text))

    def test_cmake_deps_follow_the_table(self):
        self.assertEqual(self.cmake("plan", "nuri_module(plan\n DEPS model base LIBS fmt)"), [])
        self.assertEqual(self.cmake("http", "nuri_module(http DEPS model)"), [("layers", 1)])
        self.assertEqual(self.cmake("http", "nuri_module(http DEPS nothing)"), [("layers", 1)])
        self.assertEqual(self.cmake("http", "nuri_module(http LIBS nuri_model)"), [("layers", 1)])
        self.assertEqual(self.cmake("http", "add_library(nuri_c STATIC a.c)\n"
                                            "nuri_module(http LIBS nuri_c)"), [])

    def test_cmake_test_libraries_follow_the_table_for_tests(self):
        self.assertEqual(self.cmake("control", "nuri_module(control TEST_LIBS nuri_store_memory)"),
                         [])
        self.assertEqual(self.cmake("control", "nuri_module(control LIBS nuri_store_memory)"),
                         [("layers", 1)])


class SizesTest(unittest.TestCase):
    def test_a_long_file_is_found(self):
        self.assertEqual(rules(("src/base/a.py", "\n" * 700)), [])
        self.assertEqual(rules(("src/base/a.py", "\n" * 701)), [("file-length", 701)])

    def test_one_long_file_in_twenty_is_too_many(self):
        tree = [(f"src/base/a{i}.cc", "int a;\n") for i in range(18)]
        long = [(f"src/base/b{i}.cc", "int b;\n" * 451) for i in range(2)]
        self.assertEqual(rules(*tree, *long), [("file-length", 1)])
        self.assertEqual(rules(*tree, *tree, long[0]), [])

    def test_a_long_line_is_found_counted_in_characters(self):
        self.assertEqual(rules(("src/base/a.cc", "// " + "é" * 97)), [])
        self.assertEqual(rules(("src/base/a.cc", "\n// " + "e" * 98)), [("line-length", 2)])
        self.assertEqual(rules(("docs/a.md", "e" * 101)), [])

    def function(self, head, lines, tail="}\n"):
        return rules(("src/base/a.cc", f"namespace a {{\n\n{head} {{\n" + "  f();\n" * lines + tail
                      + "}\n"))

    def test_a_long_function_is_found(self):
        heads = ["int f(int a)", "A::A(int a) : a_{a}, b_(b)", "auto A::f() const -> int",
                 "TEST(A, b)", "class B {\n void f() const override",
                 "template <class T>\nT f(T a)",
                 "bool operator==(A a, A b)", 'extern "C" int f(void)', "A& f(struct stat* s)",
                 "static auto f = [](int a)", "struct A f()"]
        for head in heads:
            tail = "}\n};\n" if head.startswith("class") else "}\n"
            with self.subTest(head):
                lines = 68 - head.count("\n") * (0 if head.startswith("class") else 1)
                self.assertEqual(self.function(head, lines, tail), [])
                line = 4 if head.startswith("class") else 3
                self.assertEqual(self.function(head, lines + 1, tail), [("function-length", line)])

    def test_types_and_tables_are_no_functions(self):
        for head in ("class A : public B<C(D)>", "struct A", "enum class A : int", "namespace b",
                     "constexpr int kA[] =", "const std::map<A, B> kMap ="):
            with self.subTest(head):
                self.assertEqual(self.function(head, 200, "};\n"), [])

    def test_the_function_after_a_macro_or_a_string_with_braces_is_measured_right(self):
        text = '#define A {\nconst char* s = R"x({{{)x"; // {\nint f() {\n return \'{\';\n}\n'
        self.assertEqual([one.name for one in cpp.functions(cpp.blank(text))], ["f"])

    def test_blanking_keeps_offsets(self):
        text = 'int a = 1\'000; /* x\n{ */ f("\\"}", \'"\'); // "\nint b;'
        blanked = cpp.blank(text)
        self.assertEqual(len(blanked), len(text))
        self.assertEqual(blanked.count("\n"), text.count("\n"))
        self.assertNotIn("{", blanked)
        self.assertNotIn("}", blanked)
        self.assertIn("int b;", blanked)


class WordsTest(unittest.TestCase):
    def code(self, text, path="src/base/a.cc"):
        return rules((path, text))

    def test_a_header_says_pragma_once(self):
        self.assertEqual(rules(("src/base/a.h", "int a;\n")), [("pragma-once", 1)])
        self.assertEqual(rules(("src/base/a.h", header())), [])

    def test_thread_locals_are_found(self):
        self.assertEqual(self.code("static thread_" "local int a;"), [("thread-local", 1)])
        self.assertEqual(self.code("// no thread_" "local here"), [])

    def test_shells_are_found(self):
        for call in ("system(a)", "std::system (a)", "f(::popen(a, b))"):
            self.assertEqual(self.code(call + ";"), [("shell", 1)], call)
        for other in ("system_error(a)", "file_system(a)", "a.system(b)", '"system(1)"'):
            self.assertEqual(self.code(other + ";"), [], other)

    def test_sleeping_tests_are_found(self):
        call = "std::this_thread::sleep_for(1s);"
        self.assertEqual(self.code(call, "src/base/a_test.cc"), [("test-sleep", 1)])
        self.assertEqual(self.code(call, "tests/sim/a.cc"), [("test-sleep", 1)])
        for virtual in ("co_await loop.sleep(1s);", "co_await sleep(1h);",
                        "co_await async::sleep(1s);"):
            self.assertEqual(self.code(virtual, "src/base/a_test.cc"), [])
        self.assertEqual(rules(("tests/e2e/a.py", "import time\ntime.sleep(1)\n")),
                         [("test-sleep", 2)])
        self.assertEqual(rules(("tests/e2e/a.sh", "#!/bin/sh\n  sleep 5\n")), [("test-sleep", 2)])
        self.assertEqual(rules(("tests/e2e/apps/slow/a.py", "time.sleep(1)\n")), [])

    def test_skipped_tests_are_found(self):
        self.assertEqual(self.code("GTEST_SKIP();", "src/base/a_test.cc"), [("skipped-test", 1)])
        self.assertEqual(self.code("TEST(A, DISABLED_b) {}", "src/base/a_test.cc"),
                         [("skipped-test", 1)])

    def test_notes_to_self_are_found_in_any_file(self):
        for word in ("TO" "DO", "FIX" "ME", "X" "XX"):
            self.assertEqual(rules(("docs/a.md", f"\n{word}: later")), [("unfinished", 2)])
        self.assertEqual(rules(("docs/a.md", "todos, mktemp a." + "X" * 6)), [])

    def test_registry_hosts_are_found_in_any_file(self):
        for host in ("registry.npm" "js.org", "deb.debian" ".org", "py" "pi.org"):
            self.assertEqual(rules(("buildpacks/node/bin/build", f"curl https://{host}/x")),
                             [("registry-host", 1)], host)
        self.assertEqual(rules(("docs/a.md", "npm, pip, crates, maven")), [])

    def test_names_that_say_nothing_are_found(self):
        for path in ("src/base/utils.cc", "src/base/string_utils.cc", "docs/common/a.md"):
            self.assertIn(("name", 1), rules((path, "")), path)
        self.assertEqual(self.code("class RouteManager {};"), [("name", 1)])
        self.assertEqual(self.code("class Commonality {}; class EVP_Manager;"), [])

    def test_a_coroutine_lambda_with_captures_is_found(self):
        bad = ["auto f = [x](int a) -> Task<int> { co_return a; };",
               "spawn([&] { co_await g(); });",
               "f([this, y = 1]() mutable noexcept -> Task<> { if (a) { co_await b(); } }());"]
        for text in bad:
            self.assertEqual(self.code(text), [("coroutine-captures", 1)], text)

    def test_other_lambdas_and_brackets_are_not(self):
        good = ["auto f = [](int a) -> Task<int> { co_return a; };",
                "auto f = [x] { return x; }; co_await f();",
                "a[i] = { co_await b() };", "[[nodiscard]] Task<> f() { co_return; }",
                "auto f = [x] { return [](int a) -> Task<> { co_return; }(x); };",
                "int a[] = {1}; co_await b();"]
        for text in good:
            self.assertEqual(self.code(text), [], text)

    def test_an_await_in_a_catch_block_is_found(self):
        self.assertEqual(self.code("try {\n} catch (const E& e) { co_await f(); }"),
                         [("await-in-catch", 2)])
        self.assertEqual(self.code("try { co_await f(); } catch (...) { a(); }\nco_await g();"), [])


class ExceptionsTest(unittest.TestCase):
    def test_one_finding_is_let_be_with_a_reason(self):
        line = "// tidy-allow: test-sleep the kernel tells nobody\n"
        text = line + "usleep(1);\n\nusleep(1);\n"
        self.assertEqual(rules(("src/base/a_test.cc", text)), [("test-sleep", 4)])

    def test_but_not_without_a_reason_or_for_another_rule(self):
        for comment in ("// tidy-allow: test-sleep", "// tidy-allow: shell it must be so"):
            self.assertEqual(rules(("src/base/a_test.cc", comment + "\nusleep(1);\n")),
                             [("test-sleep", 2)])


class ProgramTest(unittest.TestCase):
    def run_tidy(self, files, *arguments):
        with tempfile.TemporaryDirectory() as root:
            subprocess.run(["git", "init", "-q", root], check=True)
            for path, text in [(layers.TABLE, TABLE), *files]:
                full = Path(root, path)
                full.parent.mkdir(parents=True, exist_ok=True)
                full.write_bytes(text if isinstance(text, bytes) else text.encode())
            return subprocess.run([str(HERE / "tidy"), "--root", root, *arguments],
                                  capture_output=True, text=True, check=False)

    def test_it_fails_with_one_line_a_finding(self):
        ran = self.run_tidy([("src/base/a.h", "int a;\n")])
        self.assertEqual(ran.returncode, 1)
        self.assertTrue(ran.stdout.startswith("src/base/a.h:1: pragma-once: "), ran.stdout)
        self.assertEqual(len(ran.stdout.splitlines()), 1)

    def test_it_passes_and_reports_sizes(self):
        ran = self.run_tidy([("src/base/a.h", header("int a;\n"))])
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)
        self.assertIn("median 2 lines", ran.stdout)

    def test_it_leaves_out_ignored_and_binary_files(self):
        ran = self.run_tidy([(".gitignore", "/build/\n"), ("build/a.h", "int a;\n"),
                             ("docs/a.png", b"\0\x89PNG")])
        self.assertEqual(ran.returncode, 0, ran.stdout + ran.stderr)

    def test_paths_narrow_what_is_shown(self):
        files = [("src/base/a.h", "int a;\n"), ("src/model/b.h", "int b;\n")]
        ran = self.run_tidy(files, "src/model")
        self.assertEqual([line.split(":")[0] for line in ran.stdout.splitlines()],
                         ["src/model/b.h"])

    def test_every_rule_is_listed(self):
        listed = subprocess.run([str(HERE / "tidy"), "--list"], capture_output=True, text=True,
                                check=True).stdout
        self.assertEqual({line.split()[0] for line in listed.splitlines()}, set(tidy.RULES))
        sources = "".join((HERE / "tidy_rules" / f"{name}.py").read_text()
                          for name in ("layers", "sizes", "words"))
        for rule in tidy.RULES:
            self.assertIn(f'"{rule}"', sources)


class RepositoryTest(unittest.TestCase):
    def test_the_real_table_has_no_mistake_and_keeps_the_promises(self):
        table = layers.Layers((HERE.parent / layers.TABLE).read_text())
        self.assertEqual(table.findings, [])
        self.assertEqual(table.allowed("plan"), {"plan", "model", "base"})
        self.assertFalse({"control", "store"} & table.allowed("router"))
        implementations = {"store/memory", "store/sqlite", "engine/local", "engine/fake", "host"}
        self.assertFalse(implementations & table.allowed("control"))

    def test_this_file_and_the_rules_are_read(self):
        self.assertIn("tools/tidy_test.py", {file.path for file in read_tree(HERE.parent)})


if __name__ == "__main__":
    unittest.main()
