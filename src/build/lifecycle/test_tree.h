#pragma once

// For tests: a directory that goes away with the test, and buildpacks written into it as scripts.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <fstream>
#include <string>

#include "build/lifecycle/tree.h"

namespace nuri::lifecycle {

class TestTree : public ::testing::Test {
 protected:
  TestTree() {
    std::string name = (fs::temp_directory_path() / "nuri-lifecycle-XXXXXX").string();
    if (!::mkdtemp(name.data())) throw system_error("cannot make a directory for the test", errno);
    root_ = fs::canonical(name);
  }
  ~TestTree() override { remove_tree(root_); }

  // Writes a file below the root, making its directories.
  fs::path put(const fs::path& path, std::string_view text, unsigned mode = 0644) {
    fs::create_directories((root_ / path).parent_path());
    write_file(root_ / path, text, mode);
    return root_ / path;
  }

  std::string get(const fs::path& path) {
    return read_file(root_ / path, limits::kMiB).value_or("(no such file)");
  }

  // A buildpack whose programs are the given shell lines.
  void buildpack(const std::string& name, std::string_view detect, std::string_view build,
                 std::string_view more = "") {
    const fs::path home = fs::path("buildpacks") / name;
    put(home / "buildpack.toml", "api = \"0.10\"\n[buildpack]\nid = \"test/" + name +
                                     "\"\nversion = \"1.2.3\"\n" + std::string(more));
    put(home / "bin/detect", "#!/bin/sh\n" + std::string(detect) + "\n", 0755);
    put(home / "bin/build", "#!/bin/sh\nset -eu\n" + std::string(build) + "\n", 0755);
  }

  fs::path root_;
};

}  // namespace nuri::lifecycle
