#include "cli/help.h"

#include <fmt/format.h>

#include <algorithm>
#include <numeric>
#include <utility>

#include "cli/table.h"

namespace nuri::cli {
namespace {

std::string shown(const Positional& positional) {
  switch (positional.need) {
    case Positional::Need::required:
      return std::string(positional.name);
    case Positional::Need::optional:
      return fmt::format("[{}]", positional.name);
    case Positional::Need::rest:
      return fmt::format("{}...", positional.name);
  }
  return {};
}

std::string shown(const Flag& flag) {
  std::string out = flag.letter.empty() ? "    " : fmt::format("{}, ", flag.letter);
  out += flag.name;
  if (!flag.value.empty()) out += fmt::format(" {}", flag.value);
  return out;
}

std::string trimmed(std::string_view text) {
  const std::size_t begin = std::min(text.find_first_not_of('\n'), text.size());
  const std::size_t end = text.find_last_not_of('\n');
  return std::string(text.substr(begin, end == text.npos ? 0 : end + 1 - begin));
}

// How many letters differ (Levenshtein 1966).
std::size_t distance(std::string_view a, std::string_view b) {
  std::vector<std::size_t> row(b.size() + 1);
  std::iota(row.begin(), row.end(), 0);
  for (std::size_t i = 0; i < a.size(); ++i) {
    std::size_t diagonal = std::exchange(row[0], i + 1);
    for (std::size_t j = 0; j < b.size(); ++j) {
      const std::size_t replaced = diagonal + (a[i] == b[j] ? 0 : 1);
      diagonal = row[j + 1];
      row[j + 1] = std::min({replaced, row[j] + 1, diagonal + 1});
    }
  }
  return row.back();
}

std::string indented(const Table& table) {
  std::string out;
  const std::string text = table.str();
  for (std::size_t begin = 0; begin < text.size();) {
    const std::size_t end = text.find('\n', begin);
    out += "  " + text.substr(begin, end + 1 - begin);
    begin = end + 1;
  }
  return out;
}

}  // namespace

std::string usage_of(const Verb& verb) {
  std::string out = fmt::format("nuri {}", verb.name);
  for (const Positional& positional : verb.positionals) out += " " + shown(positional);
  return out + (verb.flags.empty() ? "" : " [flags]");
}

std::string overview(const Terminal& terminal, const std::vector<Verb>& verbs) {
  std::string out =
      "nuri: here is my source code, run it in the cloud for me\n\n"
      "  nuri push NAME        in a directory: upload it, build it, run it, get a URL\n";
  std::vector<std::string_view> groups;
  std::size_t width = 0;
  for (const Verb& verb : verbs) {
    width = std::max(width, verb.name.size());
    if (!verb.group.empty() && std::ranges::find(groups, verb.group) == groups.end())
      groups.push_back(verb.group);
  }
  for (const std::string_view group : groups) {
    out += fmt::format("\n{}\n", terminal.strong(group));
    for (const Verb& verb : verbs)
      if (verb.group == group)
        out += fmt::format("  {}{}{}\n", terminal.name(verb.name),
                           std::string(width + 3 - verb.name.size(), ' '), verb.summary);
  }
  return out +
         "\n'nuri help VERB' says more about one. 'nuri completion bash|zsh|fish' prints what "
         "makes "
         "a\nshell complete verbs, flags and names of apps.\n";
}

std::string help_of(const Terminal& terminal, const Verb& verb) {
  std::string out = fmt::format("{}: {}\n\n{}\n  {}\n", terminal.strong(verb.name), verb.summary,
                                terminal.strong("Usage"), usage_of(verb));
  Table positionals, flags;
  for (const Positional& positional : verb.positionals)
    positionals.add({std::string(positional.name), std::string(positional.help)});
  for (const Flag& flag : verb.flags) flags.add({shown(flag), std::string(flag.help)});
  out += indented(positionals);
  if (!verb.flags.empty())
    out += fmt::format("\n{}\n{}", terminal.strong("Flags"), indented(flags));
  if (!verb.details.empty()) out += fmt::format("\n{}\n", trimmed(verb.details));
  return out;
}

std::string nearest_verb(std::string_view word, const std::vector<Verb>& verbs) {
  std::string best;
  std::size_t best_distance = std::max<std::size_t>(2, word.size() / 3) + 1;
  for (const Verb& verb : verbs) {
    if (verb.group.empty()) continue;
    std::size_t d = distance(word, verb.name);
    if (word.size() >= 2 && verb.name.starts_with(word)) d = 1;
    if (d < best_distance) {
      best_distance = d;
      best = verb.name;
    }
  }
  return best;
}

}  // namespace nuri::cli
