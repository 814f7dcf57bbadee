#pragma once

// A verb of the command line as data, so that one place parses, helps and completes for all of them
// (cli/command_line.cc, the only file that knows the parsing library), and a verb's file says what
// it takes and what it does.

#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace nuri::cli {

struct Flag {
  std::string_view name;    // "--recent"
  std::string_view letter;  // "-r"; empty: none
  std::string_view value;   // what it takes, for the help: "N", "DIR"; empty: it is a switch
  std::string_view help;
};

struct Positional {
  std::string_view name;  // "APP"
  std::string_view help;
  enum class Need { required, optional, rest } need = Need::required;
};

// What was given. Names as declared: "--recent", "APP".
class Arguments {
 public:
  bool has(std::string_view name) const { return values_.contains(name); }
  // The last value given, else `otherwise`.
  std::string get(std::string_view name, std::string_view otherwise = {}) const;
  std::vector<std::string> all(std::string_view name) const;
  // Throws Error{bad_request} naming the flag if its value is not a whole number within the bounds.
  long number(std::string_view name, long otherwise, long least, long most) const;
  void add(std::string_view name, std::string value) {
    values_[std::string(name)].push_back(std::move(value));
  }

 private:
  std::map<std::string, std::vector<std::string>, std::less<>> values_;
};

struct Verb {
  std::string_view name;     // "map-route"
  std::string_view group;    // heading in the overview: "Apps", "Routes", "Platform"
  std::string_view summary;  // one line
  std::string_view details;  // more, with examples; shown by --help
  std::vector<Positional> positionals;
  std::vector<Flag> flags;
  // Returns the exit code. What it throws is printed as one line (or JSON with --json), exit code
  // from the error's table.
  std::function<int(const Arguments&)> run;
};

// Parses, runs one verb, returns the exit code of the program.
int run_command_line(int argc, char** argv, const std::vector<Verb>& verbs);

}  // namespace nuri::cli
