#include "cli/terminal.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <termios.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "base/error.h"
#include "base/fd.h"
#include "base/limits.h"

namespace nuri::cli {
namespace {

void write_all(int fd, std::string_view text) {
  while (!text.empty()) {
    const ssize_t n = ::write(fd, text.data(), text.size());
    if (n < 0 && errno == EINTR) continue;
    if (n < 0 && errno == EAGAIN) continue;
    // Nobody reads any more (`nuri logs | head`): what is left to say has no listener.
    if (n < 0 && errno == EPIPE && fd == STDOUT_FILENO) ::_exit(141);
    if (n < 0) return;
    text.remove_prefix(static_cast<std::size_t>(n));
  }
}

// Switches the echo off while it lives.
class Silence {
 public:
  Silence(int fd, Echo echo) : fd_(fd) {
    if (echo == Echo::on || ::tcgetattr(fd, &before_) != 0) return;
    termios silent = before_;
    silent.c_lflag &= ~static_cast<tcflag_t>(ECHO);
    silent.c_lflag |= ECHONL;
    changed_ = ::tcsetattr(fd, TCSAFLUSH, &silent) == 0;
  }
  ~Silence() {
    if (changed_) ::tcsetattr(fd_, TCSAFLUSH, &before_);
  }
  Silence(const Silence&) = delete;
  Silence& operator=(const Silence&) = delete;

 private:
  int fd_;
  termios before_{};
  bool changed_ = false;
};

}  // namespace

std::string Terminal::styled(std::string_view text, std::string_view sgr) const {
  return colour ? fmt::format("\x1b[{}m{}\x1b[0m", sgr, text) : std::string(text);
}

StandardTerminal::StandardTerminal() {
  const char* no_color = std::getenv("NO_COLOR");
  const char* term = std::getenv("TERM");
  const bool dumb = term && std::string_view(term) == "dumb";
  colour = ::isatty(STDOUT_FILENO) && !dumb && !(no_color && *no_color);
  rewrite = ::isatty(STDOUT_FILENO) && !dumb;
}

void StandardTerminal::out(std::string_view text) { write_all(STDOUT_FILENO, text); }
void StandardTerminal::err(std::string_view text) { write_all(STDERR_FILENO, text); }

std::size_t shown_width(std::string_view text) {
  std::size_t width = 0;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\x1b') {
      i = std::min(text.find('m', i), text.size());
    } else if ((static_cast<unsigned char>(text[i]) & 0xc0) != 0x80) {
      ++width;
    }
  }
  return width;
}

std::string ask(std::string_view question, Echo echo, std::string_view instead) {
  const Fd terminal(::open("/dev/tty", O_RDWR | O_CLOEXEC | O_NOCTTY));
  if (!terminal)
    throw Error(Code::bad_request,
                fmt::format("there is no terminal to ask '{}' on; {}", question, instead));
  write_all(terminal.get(), fmt::format("{}> ", question));
  const Silence silence(terminal.get(), echo);
  std::string line;
  for (char c = 0; line.size() < limits::kPasswordBytes;) {
    const ssize_t n = ::read(terminal.get(), &c, 1);
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0 || c == '\n') break;
    line += c;
  }
  if (line.empty())
    throw Error(Code::bad_request, fmt::format("'{}' had no answer; {}", question, instead));
  return line;
}

}  // namespace nuri::cli
