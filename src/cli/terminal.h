#pragma once

// Where the command line writes: results to standard output, progress, warnings and questions to
// standard error, so that a script can read the one without the other.

#include <string>
#include <string_view>

namespace nuri::cli {

class Terminal {
 public:
  virtual ~Terminal() = default;
  virtual void out(std::string_view text) = 0;
  virtual void err(std::string_view text) = 0;

  // Text as it is shown: styled where the output is a terminal and NO_COLOR is not set.
  std::string name(std::string_view text) const { return styled(text, "1;36"); }
  std::string good(std::string_view text) const { return styled(text, "32"); }
  std::string bad(std::string_view text) const { return styled(text, "31"); }
  std::string strong(std::string_view text) const { return styled(text, "1"); }

  bool colour = false;   // of `out`
  bool rewrite = false;  // `out` is a terminal: a line may be written anew

 private:
  std::string styled(std::string_view text, std::string_view sgr) const;
};

// The process's own.
class StandardTerminal final : public Terminal {
 public:
  StandardTerminal();
  void out(std::string_view text) override;
  void err(std::string_view text) override;
};

// Keeps what was written.
class MemoryTerminal final : public Terminal {
 public:
  void out(std::string_view text) override { written += text; }
  void err(std::string_view text) override { noted += text; }
  std::string written, noted;
};

// How many columns `text` takes, without the styles of Terminal.
std::size_t shown_width(std::string_view text);

enum class Echo { on, off };
// Asks on the terminal and reads a line. Throws Error{bad_request} saying `instead` if there is
// none to ask on, or no answer. Blocking; limits::kPasswordBytes.
std::string ask(std::string_view question, Echo echo, std::string_view instead);

}  // namespace nuri::cli
