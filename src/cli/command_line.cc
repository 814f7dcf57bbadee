// The only file that knows the parsing library.

#include <fmt/format.h>
#include <unistd.h>

#include <CLI/CLI.hpp>
#include <algorithm>
#include <cstdlib>

#include "base/error.h"
#include "base/json.h"
#include "cli/completion.h"
#include "cli/help.h"
#include "cli/version.h"

namespace nuri::cli {
namespace {

struct HelpWanted {};

void place_positionals(const Verb& verb, std::vector<std::string> words, Arguments& out) {
  auto word = words.begin();
  for (const Positional& positional : verb.positionals) {
    if (positional.need == Positional::Need::rest)
      for (; word != words.end(); ++word) out.add(positional.name, std::move(*word));
    else if (word != words.end())
      out.add(positional.name, std::move(*word++));
    if (positional.need != Positional::Need::optional && !out.has(positional.name))
      throw Error(Code::bad_request,
                  fmt::format("nuri {} needs {}: {}", verb.name, positional.name, usage_of(verb)));
  }
  if (word != words.end())
    throw Error(Code::bad_request, fmt::format("'{}' is too much: {}", *word, usage_of(verb)));
}

// What follows the verb. Throws Error{bad_request}, or HelpWanted.
Arguments parse(const Verb& verb, std::vector<std::string> words) {
  CLI::App app;
  app.set_help_flag("-h,--help");
  std::vector<std::string> positionals;
  std::vector<std::vector<std::string>> values(verb.flags.size());
  std::vector<CLI::Option*> options;
  for (std::size_t i = 0; i < verb.flags.size(); ++i) {
    const Flag& flag = verb.flags[i];
    std::string names(flag.name);
    if (!flag.letter.empty()) names = fmt::format("{},{}", flag.letter, flag.name);
    options.push_back(flag.value.empty()
                          ? app.add_flag(names)
                          : app.add_option(names, values[i])->allow_extra_args(false));
  }
  app.add_option("words", positionals);
  std::ranges::reverse(words);
  try {
    app.parse(std::move(words));
  } catch (const CLI::CallForHelp&) {
    throw HelpWanted();
  } catch (const CLI::ParseError& error) {
    throw Error(Code::bad_request,
                fmt::format("{}; 'nuri {} --help' lists what there is", error.what(), verb.name));
  }
  Arguments out;
  for (std::size_t i = 0; i < verb.flags.size(); ++i) {
    if (verb.flags[i].value.empty() && options[i]->count() > 0) out.add(verb.flags[i].name, "");
    for (std::string& value : values[i]) out.add(verb.flags[i].name, std::move(value));
  }
  place_positionals(verb, std::move(positionals), out);
  return out;
}

const Verb& find_verb(const std::string& name, const std::vector<Verb>& verbs) {
  const auto found = std::ranges::find(verbs, std::string_view(name), &Verb::name);
  if (found != verbs.end()) return *found;
  const std::string near = nearest_verb(name, verbs);
  throw Error(Code::bad_request,
              fmt::format("'{}' is no verb of nuri; {}", name,
                          near.empty() ? std::string("'nuri help' lists them")
                                       : fmt::format("did you mean '{}'?", near)));
}

int print_help(const std::vector<std::string>& words, const std::vector<Verb>& verbs) {
  StandardTerminal terminal;
  terminal.out(words.empty() ? overview(terminal, verbs)
                             : help_of(terminal, find_verb(words.front(), verbs)));
  return 0;
}

int dispatch(std::vector<std::string> words, const std::vector<Verb>& verbs) {
  if (words.empty()) return print_help({}, verbs);
  const std::string first = words.front();
  words.erase(words.begin());
  if (first == "help" || first == "--help" || first == "-h") return print_help(words, verbs);
  if (first == "--version" || first == "-v") return dispatch({"version"}, verbs);
  if (first == "__complete") return print_completions(words, verbs);
  if (first == "completion") {
    StandardTerminal().out(completion_script(words.empty() ? "" : words.front()));
    return 0;
  }
  const Verb& verb = find_verb(first, verbs);
  try {
    return verb.run(parse(verb, std::move(words)));
  } catch (const HelpWanted&) {
    return print_help({first}, verbs);
  }
}

bool colour_of_errors() {
  const char* no_color = std::getenv("NO_COLOR");
  return ::isatty(STDERR_FILENO) && !(no_color && *no_color);
}

int report(const Error& error, bool as_json) {
  const CodeInfo& code = info(error.code());
  StandardTerminal terminal;
  if (as_json) {
    terminal.out(
        json::serialize(json::object{
            {"error",
             {{"code", code.name}, {"message", error.message()}, {"exit_code", code.exit_code}}}}) +
        "\n");
    return code.exit_code;
  }
  terminal.colour = colour_of_errors();
  terminal.err(fmt::format("{} {}\n", terminal.bad("nuri:"), error.message()));
  return code.exit_code;
}

}  // namespace

int run_command_line(int argc, char** argv, const std::vector<Verb>& verbs) {
  std::vector<std::string> words;
  for (int i = 1; i < argc; ++i) words.emplace_back(argv[i]);
  const auto end = std::ranges::find(words, "--");
  const bool as_json = std::find(words.begin(), end, "--json") != end;
  try {
    return dispatch(std::move(words), verbs);
  } catch (const Error& error) {
    return report(error, as_json);
  } catch (const std::exception& error) {
    return report(Error(Code::internal, error.what()), as_json);
  }
}

}  // namespace nuri::cli
