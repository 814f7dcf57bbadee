#include "host/shim/launch.h"

#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "host/shim/init_link.h"
#include "host/shim/packet_socket.h"

namespace nuri::shim {
namespace {

constexpr std::string_view kDefaultPath =
    "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";
// The app dies of memory before init does; raising needs no privilege.
constexpr std::string_view kOomScore = "300";

struct LimitName {
  std::string_view name;
  __rlimit_resource resource;
};
constexpr LimitName kLimits[] = {
    {"as", RLIMIT_AS},           {"core", RLIMIT_CORE},
    {"cpu", RLIMIT_CPU},         {"data", RLIMIT_DATA},
    {"fsize", RLIMIT_FSIZE},     {"locks", RLIMIT_LOCKS},
    {"memlock", RLIMIT_MEMLOCK}, {"msgqueue", RLIMIT_MSGQUEUE},
    {"nice", RLIMIT_NICE},       {"nofile", RLIMIT_NOFILE},
    {"nproc", RLIMIT_NPROC},     {"rss", RLIMIT_RSS},
    {"rtprio", RLIMIT_RTPRIO},   {"sigpending", RLIMIT_SIGPENDING},
    {"stack", RLIMIT_STACK},
};

std::string_view path_of(const std::vector<std::string>& env) {
  for (const std::string& entry : env) {
    if (entry.starts_with("PATH=")) return std::string_view(entry).substr(5);
  }
  return kDefaultPath;
}

// Best effort above what the machine allows: the hard limit that is there is then the app's.
Result<> set_limit(const Rlimit& wanted) {
  for (const LimitName& limit : kLimits) {
    if (limit.name != wanted.name) continue;
    struct rlimit value{wanted.soft, wanted.hard};
    if (::setrlimit(limit.resource, &value) == 0) return {};
    struct rlimit now{};
    ::getrlimit(limit.resource, &now);
    value = {std::min<rlim_t>(wanted.soft, now.rlim_max),
             std::min<rlim_t>(wanted.hard, now.rlim_max)};
    if (::setrlimit(limit.resource, &value) == 0) return {};
    return failure("cannot set the limit " + wanted.name, errno);
  }
  return std::unexpected("there is no limit named " + wanted.name);
}

Result<> become_user(const ShimSpec& spec) {
  for (const Rlimit& limit : spec.rlimits) {
    if (auto done = set_limit(limit); !done) return done;
  }
  if (::setgroups(spec.groups.size(), spec.groups.data()) != 0 ||
      ::setresgid(spec.gid, spec.gid, spec.gid) != 0 ||
      ::setresuid(spec.uid, spec.uid, spec.uid) != 0) {
    return failure(
        "cannot become user " + std::to_string(spec.uid) + ":" + std::to_string(spec.gid), errno);
  }
  // Leaving user 0 has emptied the capability sets; this keeps programs from bringing some back.
  if (::prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
    return failure("cannot give up new privileges", errno);
  }
  if (::chdir(spec.cwd.c_str()) != 0)
    return failure("cannot enter the directory " + spec.cwd, errno);
  return {};
}

Result<> arrange_files(const AppFiles& files, bool build) {
  Fd in(::open("/dev/null", O_RDONLY));
  if (!in) return failure("cannot open /dev/null inside", errno);
  // All of them above 4 first, so that no dup2 overwrites one that is still needed.
  int sources[] = {in.get(), files.out.get(), files.err.get(), files.input.get(),
                   files.output.get()};
  const int count = build ? 5 : 3;
  for (int i = 0; i < count; ++i) {
    sources[i] = ::fcntl(sources[i], F_DUPFD_CLOEXEC, 10);
    if (sources[i] < 0) return failure("cannot arrange the app's descriptors", errno);
  }
  for (int i = 0; i < count; ++i) {
    if (::dup2(sources[i], i) < 0) return failure("cannot arrange the app's descriptors", errno);
  }
  return {};
}

void reset_signals() {
  sigset_t none;
  sigemptyset(&none);
  ::sigprocmask(SIG_SETMASK, &none, nullptr);
  for (int signal = 1; signal < 65; ++signal) ::signal(signal, SIG_DFL);
}

std::string why_not(const std::string& argv0, const std::vector<std::string>& places,
                    std::string_view path, int error) {
  std::string text = "cannot run \"" + argv0 + "\": ";
  if (error == ENOENT && places.size() == 1 && ::access(places.front().c_str(), F_OK) == 0) {
    return text + "the program that its first line (#!) or its loader names is not in the image";
  }
  if (error == ENOENT && argv0.find('/') == std::string::npos) {
    return text + "command not found in PATH (" + std::string(path) + ")";
  }
  return failure(text + "execve", error).error();
}

// Returns only if nothing could be executed.
std::string execute(const ShimSpec& spec) {
  std::vector<char*> argv, env;
  for (const std::string& word : spec.argv) argv.push_back(const_cast<char*>(word.c_str()));
  for (const std::string& entry : spec.env) env.push_back(const_cast<char*>(entry.c_str()));
  argv.push_back(nullptr);
  env.push_back(nullptr);
  int error = ENOENT;
  std::vector<std::string> found;
  for (const std::string& place : candidates(spec.argv.front(), spec.env)) {
    ::execve(place.c_str(), argv.data(), env.data());
    if (errno != ENOENT && errno != ENOTDIR) error = errno;
    if (::access(place.c_str(), F_OK) == 0) found.push_back(place);
    if (error != ENOENT && error != EACCES) break;
  }
  return why_not(spec.argv.front(), found, path_of(spec.env), error);
}

[[noreturn]] void run_child(const ShimSpec& spec, const AppFiles& files, int shim_socket, Fd gate,
                            Fd result) {
  InitMessage here;
  here.kind = InitMessage::Kind::here;
  char go = 0;
  if (!send_packet(shim_socket, encode(here)) || ::read(gate.get(), &go, 1) != 1) ::_exit(126);
  ::setsid();
  reset_signals();
  ::umask(022);
  ::prctl(PR_SET_DUMPABLE, 1);  // else this process's own files in /proc are not its own
  Fd score(::open("/proc/self/oom_score_adj", O_WRONLY | O_CLOEXEC));
  if (score) (void)!::write(score.get(), kOomScore.data(), kOomScore.size());
  std::string text;
  const bool build = static_cast<bool>(files.input) && static_cast<bool>(files.output);
  Result<> ready = become_user(spec);
  if (ready) {
    int kept = ::fcntl(result.get(), F_DUPFD_CLOEXEC, 10);
    result = Fd(kept);
    ready = arrange_files(files, build);
  }
  if (ready) {
    ::close_range(build ? 5 : 3, ~0U, CLOSE_RANGE_CLOEXEC);
    text = execute(spec);
  } else {
    text = ready.error();
  }
  (void)!::write(result.get(), text.data(), text.size());
  ::_exit(127);
}

}  // namespace

std::vector<std::string> candidates(std::string_view argv0, const std::vector<std::string>& env) {
  if (argv0.find('/') != std::string_view::npos) return {std::string(argv0)};
  std::vector<std::string> places;
  std::string_view path = path_of(env);
  for (;;) {
    std::size_t colon = path.find(':');
    std::string_view dir = path.substr(0, colon);
    places.push_back((dir.empty() ? "." : std::string(dir)) + "/" + std::string(argv0));
    if (colon == std::string_view::npos) return places;
    path.remove_prefix(colon + 1);
  }
}

Result<Launch> launch(const ShimSpec& spec, const AppFiles& files, int shim_socket) {
  int gate[2], result[2];
  if (::pipe2(gate, O_CLOEXEC) != 0) return failure("cannot make a pipe", errno);
  Fd gate_in(gate[0]), gate_out(gate[1]);
  if (::pipe2(result, O_CLOEXEC) != 0) return failure("cannot make a pipe", errno);
  Fd result_in(result[0]), result_out(result[1]);
  pid_t child = ::fork();
  if (child < 0) return failure("cannot fork for the app", errno);
  if (child == 0) {
    gate_out.reset();
    result_in.reset();
    run_child(spec, files, shim_socket, std::move(gate_in), std::move(result_out));
  }
  return Launch{child, std::move(gate_out), std::move(result_in)};
}

}  // namespace nuri::shim
