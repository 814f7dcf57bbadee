#include "image/walk.h"

#include <gtest/gtest.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <set>

#include "base/error.h"
#include "base/random.h"
#include "image/ignore.h"
#include "image/scratch_folder.h"

namespace nuri::image {
namespace {

namespace fs = std::filesystem;

std::set<std::string> paths(const Walk& walk) {
  std::set<std::string> out;
  for (const PackageFile& file : walk.package.files) out.insert(file.path);
  return out;
}
using Paths = std::set<std::string>;

std::string failure(const fs::path& root, Code code, const PackageLimits& limits = {}) {
  try {
    walk_source(root, limits);
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.message();
    return e.message();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

TEST(IgnorePatternTest, MatchesAsGitDoes) {
  const std::vector<std::tuple<const char*, const char*, bool>> cases = {
      {"a", "a", true},           {"a", "b", false},
      {"*", "abc", true},         {"*", "a/b", false},
      {"*.js", "x.js", true},     {"?", "/", false},
      {"a?c", "abc", true},       {"[a-c]x", "bx", true},
      {"[!a-c]x", "bx", false},   {"[]]", "]", true},
      {"[a", "[a", false},        {"**/a", "a", true},
      {"**/a", "x/y/a", true},    {"a/**", "a/x/y", true},
      {"a/**", "a", false},       {"a/**/b", "a/b", true},
      {"a/**/b", "a/x/b", true},  {"a/**/b", "axb", false},
      {"\\*", "*", true},         {"\\*", "x", false},
      {"a\\", "a\\", false},      {"[[:digit:]]", "7", true},
      {"[^/]", "/", false},       {"a*b*c", "aXXbYYc", true},
      {"a*b*c", "aXXbYY", false}, {"", "", true},
      {"[\\]]", "]", true},       {"[a-]", "-", true},
      {"***/a", "x/a", true},     {"x**y", "xaby", true},
      {"x**y", "xa/by", false},   {"**/**/a", "q/a", true},
  };
  for (const auto& [pattern, text, wanted] : cases)
    EXPECT_EQ(matches_pattern(pattern, text), wanted) << pattern << " on " << text;
}

TEST(IgnorePatternTest, NoPatternTakesLong) {
  std::string pattern;
  for (int i = 0; i < 200; ++i) pattern += "**/a*";
  EXPECT_FALSE(matches_pattern(pattern, std::string(1000, 'a') + "b"));
}

// A folder with files, and git itself to say which of them are ignored.
class GitComparison : public testing::Test {
 protected:
  static constexpr const char* kFiles[] = {"a",
                                           "b.js",
                                           "c.min.js",
                                           "build/out.o",
                                           "build/keep.txt",
                                           "src/build/x.o",
                                           "src/a",
                                           "src/deep/a",
                                           "src/deep/b.js",
                                           "node_modules/x/index.js",
                                           "sub/node_modules/y.js",
                                           "doc/frotz/a",
                                           "a/b-is-a-file-elsewhere",
                                           "logs/debug.log",
                                           "logs/monday/foo.bar",
                                           "x/logs/debug.log",
                                           "#hash",
                                           "!bang",
                                           "with space",
                                           "trail ",
                                           "[x]",
                                           "foo",
                                           "sub/foo",
                                           "ünï.js",
                                           "foobar/one",
                                           "sub/two/foobar",
                                           "A.TXT",
                                           "file1",
                                           "file2",
                                           "file10"};

  void SetUp() override {
    fs::create_directories(scratch_ / "repo");
    git({"init", "-q", "."});
    for (std::string file : kFiles)
      if (file != "a") scratch_.write("repo/" + file, "x");
  }
  std::string git(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {"env", "GIT_CONFIG_NOSYSTEM=1", "HOME=/nonexistent", "git"});
    return run_program(arguments, scratch_ / "repo");
  }
  void compare(const std::string& root_rules, const std::string& sub_rules = {}) {
    scratch_.write("repo/.gitignore", root_rules);
    scratch_.write("repo/sub/.gitignore", sub_rules);
    Paths by_git, by_us;
    std::string list =
        git({"-c", "core.quotePath=false", "ls-files", "-z", "--others", "--exclude-standard"});
    for (std::size_t at = 0; at < list.size(); at = list.find('\0', at) + 1)
      if (std::string path = list.c_str() + at; !path.ends_with(".gitignore")) by_git.insert(path);
    for (const PackageFile& file : walk_source(scratch_ / "repo").package.files)
      if (file.kind == FileKind::file) by_us.insert(file.path);
    EXPECT_EQ(by_us, by_git) << "rules:\n" << root_rules << "\nin sub:\n" << sub_rules;
  }
  ScratchFolder scratch_;
};

TEST_F(GitComparison, SameFilesAsGitForATableOfRules) {
  for (const char* rules : {"",
                            "a",
                            "/a",
                            "a/",
                            "*.js",
                            "*.js\n!b.js",
                            "build/",
                            "/build/",
                            "build/*\n!build/keep.txt",
                            "build/\n!build/keep.txt",
                            "src/*",
                            "src/*\n!src/deep",
                            "src/**",
                            "**/a",
                            "**/build",
                            "src/**/a",
                            "node_modules",
                            "node_modules/",
                            "/node_modules",
                            "logs/*.log",
                            "logs/**/*.bar",
                            "**/logs/debug.log",
                            "\\#hash",
                            "#hash",
                            "\\!bang",
                            "!bang",
                            "with space",
                            "trail ",
                            "trail\\ ",
                            "[x]",
                            "\\[x\\]",
                            "foo*",
                            "foo/",
                            "sub/foo",
                            "doc/frotz",
                            "frotz/",
                            "*\n!*.js",
                            "/*\n!/src\n/src/*\n!/src/deep",
                            "ünï.js",
                            "file?",
                            "file[0-1]",
                            "file[!1]",
                            "file[12]*",
                            "*.TXT",
                            "*.txt",
                            "**",
                            "/",
                            "*/",
                            "**/",
                            "a\r\nb.js\r\n",
                            "\xef\xbb\xbf"
                            "a",
                            "foobar",
                            "sub/**/foobar",
                            "sub/**",
                            "sub/two/**/foobar",
                            "s?b",
                            "[[:upper:]]*",
                            "x/**/debug.log",
                            "!a\na",
                            "a\n!a",
                            "**/*.js\n!**/deep/*"})
    compare(rules);
}

TEST_F(GitComparison, RulesOfFoldersBelow) {
  compare("*.js", "!*.js");
  compare("foo", "!foo");
  compare("", "/foo");
  compare("", "two/foobar");
  compare("", "*");
  compare("sub/", "!foo");
  compare("!foo", "foo");
}

TEST_F(GitComparison, SameFilesAsGitForRandomRules) {
  const char* pieces[] = {"a",   "b", "*",    "**",  "/",    "?",    "src", "build", "sub",
                          "foo", "!", "deep", ".js", "[ab]", "/**/", "log", "s"};
  SeededRandom random(20260101);
  for (int round = 0; round < 60; ++round) {
    std::string rules[2];
    for (std::string& text : rules)
      for (std::uint64_t line = random.below(4); line > 0; --line) {
        for (std::uint64_t piece = 1 + random.below(4); piece > 0; --piece)
          text += pieces[random.below(std::size(pieces))];
        text += '\n';
      }
    compare(rules[0], rules[1]);
    if (HasFailure()) break;
  }
}

class WalkTest : public testing::Test {
 protected:
  ScratchFolder scratch_;
};

TEST_F(WalkTest, HashesAndKeepsModesLinksAndEmptyFolders) {
  scratch_.write("run.sh", "hallo", 0755);
  scratch_.write("d/f", "", 0600);
  fs::create_directory(scratch_ / "empty");
  fs::create_symlink("run.sh", scratch_ / "link");
  const Walk walk = walk_source(scratch_.path());
  ASSERT_EQ(walk.package.files.size(), 4u);
  const auto& [f, empty, link, run] = std::tie(walk.package.files[0], walk.package.files[1],
                                               walk.package.files[2], walk.package.files[3]);
  EXPECT_EQ(f.path, "d/f");
  EXPECT_EQ(f.mode, 0600u);
  EXPECT_EQ(empty.kind, FileKind::directory);
  EXPECT_EQ(link.target, "run.sh");
  EXPECT_EQ(run.mode, 0755u);
  EXPECT_EQ(run.size, 5u);
  EXPECT_EQ(run.sha1, "fd4cef7a4e607f1fcc920ad6329a6df2df99a4e8");
  EXPECT_EQ(run.sha256, Digest::of("hallo"));
}

TEST_F(WalkTest, TheDefaultsOfCloudFoundryAreLeftOut) {
  for (const char* name :
       {".git/config", ".svn/x", ".hg/x", "_darcs/x", ".DS_Store", "d/.DS_Store", ".gitignore",
        "manifest.yml", "nuri.yml", "d/manifest.yml", ".cfignore", "app.js"})
    scratch_.write(name, "");
  EXPECT_EQ(paths(walk_source(scratch_.path())), (Paths{"app.js", "d/manifest.yml"}));
}

TEST_F(WalkTest, OneKindOfIgnoreFileDecides) {
  scratch_.write("a", "");
  scratch_.write("b", "");
  scratch_.write("c", "");
  scratch_.write(".gitignore", "a");
  EXPECT_EQ(paths(walk_source(scratch_.path())), (Paths{"b", "c"}));
  EXPECT_EQ(walk_source(scratch_.path()).ignored_by, ".gitignore");
  scratch_.write(".cfignore", "b");
  EXPECT_EQ(paths(walk_source(scratch_.path())), (Paths{"a", "c"}));
  scratch_.write(".nuriignore", "c");
  EXPECT_EQ(paths(walk_source(scratch_.path())), (Paths{"a", "b"}));
  EXPECT_EQ(walk_source(scratch_.path()).ignored_by, ".nuriignore");
}

TEST_F(WalkTest, LinksThatLeaveTheAppAreNamed) {
  fs::create_directory(scratch_ / "d");
  fs::create_symlink("../../x", scratch_ / "d/out");
  EXPECT_NE(
      failure(scratch_.path(), Code::unprocessable).find("'d/out' points to '../../x', outside"),
      std::string::npos);
  scratch_.write(".nuriignore", "out");
  EXPECT_NO_THROW(walk_source(scratch_.path()));
  fs::create_symlink("/etc/passwd", scratch_ / "abs");
  EXPECT_NE(failure(scratch_.path(), Code::unprocessable).find("'abs'"), std::string::npos);
}

TEST_F(WalkTest, LimitsAreSaidWithThePathAndWhatToDo) {
  scratch_.write("big", "12345");
  scratch_.write("small", "123");
  EXPECT_NE(failure(scratch_.path(), Code::too_large, {.file_bytes = 4}).find("big has 5 bytes"),
            std::string::npos);
  EXPECT_NE(failure(scratch_.path(), Code::too_large, {.total_bytes = 7}).find(".nuriignore"),
            std::string::npos);
  failure(scratch_.path(), Code::too_large, {.files = 1});
  failure(scratch_ / "missing", Code::not_found);
  failure(scratch_ / "big", Code::not_found);
}

TEST_F(WalkTest, SocketsAndPipesAreSkippedAndTold) {
  ASSERT_EQ(::mkfifo((scratch_ / "pipe").c_str(), 0600), 0);
  scratch_.write("a", "");
  const Walk walk = walk_source(scratch_.path());
  EXPECT_EQ(paths(walk), Paths{"a"});
  EXPECT_EQ(walk.skipped, std::vector<std::string>{"pipe"});
}

TEST_F(WalkTest, UnreadableFilesAndFoldersAreNamed) {
  const auto as_nobody = [&](const char* needle) {
    const pid_t child = ::fork();
    if (child == 0) {
      if (::setgid(65534) != 0 || ::setuid(65534) != 0) ::_exit(3);
      try {
        walk_source(scratch_.path());
        ::_exit(1);
      } catch (const Error& e) {
        ::_exit(e.message().find(needle) != std::string::npos &&
                        e.message().find("make it readable") != std::string::npos
                    ? 0
                    : 2);
      } catch (...) {
        ::_exit(4);
      }
    }
    int status = -1;
    ::waitpid(child, &status, 0);
    EXPECT_EQ(status, 0) << needle;
  };
  ASSERT_EQ(::chmod(scratch_.path().c_str(), 0755), 0);
  const fs::path secret = scratch_.write("secret", "x", 0600);
  as_nobody("secret");
  fs::remove(secret);
  fs::create_directory(scratch_ / "closed");
  ASSERT_EQ(::chmod((scratch_ / "closed").c_str(), 0700), 0);
  as_nobody("closed");
}

}  // namespace
}  // namespace nuri::image
