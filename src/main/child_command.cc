#include "main/child_command.h"

#include <fmt/format.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <iterator>

namespace nuri {

std::vector<std::string> command_of(int pid) {
  std::ifstream file(fmt::format("/proc/{}/cmdline", pid), std::ios::binary);
  std::vector<std::string> words;
  for (std::string word; std::getline(file, word, '\0');) words.push_back(std::move(word));
  if (const auto place = std::ranges::find(words, "--take-over"); place != words.end())
    words.erase(place, std::ranges::next(place, 2, words.end()));
  return words;
}

bool is_another_build(int pid) {
  std::error_code ec;
  const auto theirs = std::filesystem::read_symlink(fmt::format("/proc/{}/exe", pid), ec);
  return !ec && theirs != std::filesystem::read_symlink("/proc/self/exe", ec);
}

std::vector<std::string> child_command(const Settings& settings, const std::string& name) {
  std::vector<std::string> words{settings.program_dir + "/nuri", name};
  for (auto& word : settings_argv(settings)) words.push_back(std::move(word));
  return words;
}

bool runs_as(int pid, const Settings& settings, const std::string& name) {
  const auto words = command_of(pid);
  return words.empty() || (words == child_command(settings, name) && !is_another_build(pid));
}

}  // namespace nuri
