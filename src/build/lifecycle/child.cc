#include "build/lifecycle/child.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <cstdio>

#include "base/error.h"
#include "base/fd.h"
#include "base/limits.h"

namespace nuri::lifecycle {
namespace {

std::vector<char*> pointers(std::vector<std::string>& texts) {
  std::vector<char*> out;
  for (auto& text : texts) out.push_back(text.data());
  out.push_back(nullptr);
  return out;
}

// Only calls that are safe between fork and exec; 127 and 126 as a shell would give them.
[[noreturn]] void become(char* const* argv, char* const* env, const char* directory, int output) {
  if (output >= 0) {
    ::dup2(output, STDOUT_FILENO);
    ::dup2(output, STDERR_FILENO);
  }
  const int null = ::open("/dev/null", O_RDONLY);
  if (null >= 0) ::dup2(null, STDIN_FILENO);
  // The build's own input and output (descriptors 3 and 4) are not the buildpacks' business.
  ::close_range(3, ~0U, 0);
  ::umask(022);
  if (::chdir(directory) != 0) ::_exit(126);
  ::execve(argv[0], argv, env);
  ::_exit(errno == ENOENT ? 127 : 126);
}

pid_t start(const Child& child, int output) {
  std::vector<std::string> argv = child.argv;
  std::vector<std::string> lines = to_lines(child.environment);
  const std::vector<char*> arguments = pointers(argv);
  const std::vector<char*> environment = pointers(lines);
  std::fflush(nullptr);
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error(fmt::format("cannot start {}", child.argv[0]), errno);
  if (pid == 0) become(arguments.data(), environment.data(), child.directory.c_str(), output);
  return pid;
}

int finish(pid_t pid, const std::string& program) {
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0)
    if (errno != EINTR) throw system_error(fmt::format("cannot wait for {}", program), errno);
  if (WIFSIGNALED(status)) return 128 + WTERMSIG(status);
  return WEXITSTATUS(status);
}

}  // namespace

int run(const Child& child) { return finish(start(child, -1), child.argv[0]); }

Captured run_captured(const Child& child) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw system_error("cannot make a pipe", errno);
  const Fd out(ends[0]);
  Fd in(ends[1]);
  const pid_t pid = start(child, in.get());
  in.reset();
  Captured result;
  std::array<char, 4096> buffer;
  for (;;) {
    const ssize_t n = ::read(out.get(), buffer.data(), buffer.size());
    if (n < 0 && errno == EINTR) continue;
    if (n <= 0) break;
    const std::size_t room = limits::kDetectOutputBytes - result.output.size();
    result.output.append(buffer.data(), std::min(room, static_cast<std::size_t>(n)));
  }
  result.status = finish(pid, child.argv[0]);
  return result;
}

}  // namespace nuri::lifecycle
