#include "cli/completion.h"

#include <fmt/format.h>

#include <algorithm>

#include "async/deadline.h"
#include "cli/command.h"

namespace nuri::cli {
namespace {

constexpr Duration kDeadline = 2s;

constexpr std::string_view kBash = R"(# nuri completion for bash:  source <(nuri completion bash)
_nuri() {
  local IFS=$'\n'
  COMPREPLY=($(nuri __complete "${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _nuri nuri
)";

constexpr std::string_view kZsh = R"(#compdef nuri
# nuri completion for zsh:  source <(nuri completion zsh)
_nuri() {
  local -a found
  found=("${(@f)$(nuri __complete "${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "${found[1]}" ]]; then compadd -a found; else _files; fi
}
compdef _nuri nuri
)";

constexpr std::string_view kFish = R"(# nuri completion for fish:  nuri completion fish | source
function __nuri_complete
  set -l words (commandline -opc) (commandline -ct)
  nuri __complete $words[2..-1] 2>/dev/null
end
complete -c nuri -a '(__nuri_complete)'
)";

void add_if(std::vector<std::string>& out, std::string_view candidate, std::string_view begun) {
  if (candidate.starts_with(begun)) out.emplace_back(candidate);
}

const Flag* flag_named(const Verb& verb, std::string_view word) {
  for (const Flag& flag : verb.flags)
    if (word == flag.name || (!flag.letter.empty() && word == flag.letter)) return &flag;
  return nullptr;
}

// The positional that the last word would be.
const Positional* positional_at(const Verb& verb, const std::vector<std::string>& words) {
  std::size_t index = 0;
  for (std::size_t i = 1; i + 1 < words.size(); ++i) {
    if (!words[i].starts_with('-')) {
      ++index;
    } else if (const Flag* flag = flag_named(verb, words[i]); flag && !flag->value.empty()) {
      ++i;
    }
  }
  if (index < verb.positionals.size()) return &verb.positionals[index];
  return nullptr;
}

Task<int> print_app_names(Command& command) {
  const json::value space = co_await command.space();
  for (const json::value& app :
       co_await command.api.list("/v3/apps?space_guids=" + text_at(space, "/guid")))
    if (const std::string name = text_at(app, "/name"); name.starts_with(command.app_name()))
      command.terminal.out(name + "\n");
  co_return 0;
}

Task<int> print_app_names_soon(Command& command) {
  return async::within(kDeadline, print_app_names(command));
}

}  // namespace

Completion complete(const std::vector<std::string>& words, const std::vector<Verb>& verbs) {
  Completion out;
  const std::string last = words.empty() ? "" : words.back();
  const bool names_verb = words.size() <= 1 || (words.size() == 2 && words.front() == "help");
  if (names_verb) {
    for (const Verb& verb : verbs)
      if (!verb.group.empty()) add_if(out.candidates, verb.name, last);
    if (words.size() <= 1)
      for (const char* own : {"help", "completion"}) add_if(out.candidates, own, last);
    std::ranges::sort(out.candidates);
    return out;
  }
  if (words.front() == "completion") {
    for (const char* shell : {"bash", "fish", "zsh"}) add_if(out.candidates, shell, last);
    return out;
  }
  const auto verb = std::ranges::find(verbs, std::string_view(words.front()), &Verb::name);
  if (verb == verbs.end()) return out;
  if (last.starts_with('-')) {
    for (const Flag& flag : verb->flags) add_if(out.candidates, flag.name, last);
    add_if(out.candidates, "--help", last);
    std::ranges::sort(out.candidates);
    return out;
  }
  if (const Flag* before = flag_named(*verb, words[words.size() - 2]);
      before && !before->value.empty())
    return out;
  const Positional* positional = positional_at(*verb, words);
  out.app_names = positional && positional->name == "APP";
  return out;
}

int print_completions(const std::vector<std::string>& words, const std::vector<Verb>& verbs) {
  const Completion found = complete(words, verbs);
  StandardTerminal terminal;
  for (const std::string& candidate : found.candidates) terminal.out(candidate + "\n");
  if (!found.app_names) return 0;
  Arguments arguments;
  if (!words.back().empty()) arguments.add("APP", words.back());
  try {
    return run_command(arguments, print_app_names_soon);
  } catch (const Error&) {
    return 0;
  }
}

std::string completion_script(std::string_view shell) {
  if (shell == "bash") return std::string(kBash);
  if (shell == "zsh") return std::string(kZsh);
  if (shell == "fish") return std::string(kFish);
  throw Error(Code::bad_request, "nuri completion takes bash, zsh or fish");
}

}  // namespace nuri::cli
