// What the tests run inside a sandbox: a static program that tries one thing after another and says
// what came of it, one "name=result" a line on standard output. Arguments: steps, each a word and
// its operands separated by commas.

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <sys/mount.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string>
#include <vector>

namespace {

using Words = std::vector<std::string>;

Words split(const std::string& text) {
  Words out(1);
  for (const char c : text) {
    if (c == ',')
      out.emplace_back();
    else
      out.back() += c;
  }
  return out;
}

void say(const std::string& name, const std::string& result) {
  std::printf("%s=%s\n", name.c_str(), result.c_str());
  std::fflush(stdout);
}

sockaddr_in address(const std::string& ip, const std::string& port) {
  sockaddr_in a{};
  a.sin_family = AF_INET;
  a.sin_port = htons(static_cast<unsigned short>(std::atoi(port.c_str())));
  ::inet_pton(AF_INET, ip.c_str(), &a.sin_addr);
  return a;
}

// connect,NAME,IP,PORT,MS
void connect_step(const Words& w) {
  const int s = ::socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK, 0);
  const sockaddr_in a = address(w[2], w[3]);
  const bool now = ::connect(s, reinterpret_cast<const sockaddr*>(&a), sizeof a) == 0;
  pollfd p{s, POLLOUT, 0};
  int err = now ? 0 : errno;
  if (err == EINPROGRESS) {
    err = ETIMEDOUT;
    socklen_t size = sizeof err;
    if (::poll(&p, 1, std::atoi(w[4].c_str())) == 1)
      ::getsockopt(s, SOL_SOCKET, SO_ERROR, &err, &size);
  }
  say(w[1], err == 0 ? "connected" : std::strerror(err));
  ::close(s);
}

// ask,NAME,IP,PORT: a datagram and its answer
void ask_step(const Words& w) {
  const int s = ::socket(AF_INET, SOCK_DGRAM, 0);
  const sockaddr_in a = address(w[2], w[3]);
  ::sendto(s, "question", 8, 0, reinterpret_cast<const sockaddr*>(&a), sizeof a);
  pollfd p{s, POLLIN, 0};
  char buffer[64];
  const bool came = ::poll(&p, 1, 3000) == 1;
  const ssize_t n = came ? ::recv(s, buffer, sizeof buffer, 0) : -1;
  say(w[1], n > 0 ? std::string(buffer, static_cast<std::size_t>(n)) : "silence");
  ::close(s);
}

// listen,PORT: answers each connection with a byte, in a process of its own
void listen_step(const Words& w) {
  const int s = ::socket(AF_INET, SOCK_STREAM, 0);
  const sockaddr_in a = address("0.0.0.0", w[1]);
  if (::bind(s, reinterpret_cast<const sockaddr*>(&a), sizeof a) != 0 || ::listen(s, 16) != 0)
    return say("listen", std::strerror(errno));
  say("listen", "yes");
  if (::fork() != 0) return;
  for (;;) {
    const int c = ::accept(s, nullptr, nullptr);
    if (c >= 0 && ::write(c, "x", 1) == 1) ::close(c);
  }
}

// cat,NAME,PATH: the file's first line
void cat_step(const Words& w) {
  char line[4096] = "";
  FILE* f = std::fopen(w[2].c_str(), "r");
  if (!f) return say(w[1], std::strerror(errno));
  if (!std::fgets(line, sizeof line, f)) line[0] = 0;
  std::fclose(f);
  line[std::strcspn(line, "\n")] = 0;
  say(w[1], line);
}

// grep,NAME,PATH,START: the line that begins so
void grep_step(const Words& w) {
  char line[4096];
  FILE* f = std::fopen(w[2].c_str(), "r");
  if (!f) return say(w[1], std::strerror(errno));
  while (std::fgets(line, sizeof line, f)) {
    line[std::strcspn(line, "\n")] = 0;
    if (std::strncmp(line, w[3].c_str(), w[3].size()) == 0) say(w[1], line + w[3].size());
  }
  std::fclose(f);
}

// write,NAME,PATH,BYTES
void write_step(const Words& w) {
  const int fd = ::open(w[2].c_str(), O_WRONLY | O_CREAT, 0644);
  if (fd < 0) return say(w[1], std::strerror(errno));
  const std::string block(1 << 20, 'x');
  long long left = std::atoll(w[3].c_str());
  int err = 0;
  while (left > 0 && !err) {
    const std::size_t n = left < (1 << 20) ? static_cast<std::size_t>(left) : 1 << 20;
    const ssize_t done = ::write(fd, block.data(), n);
    if (done <= 0) err = errno;
    left -= done;
  }
  if (!err && ::fsync(fd) != 0) err = errno;
  say(w[1], err ? std::strerror(err) : "written");
  ::close(fd);
}

// forbidden: what needs privilege
void forbidden_step(const Words&) {
  const auto tried = [](const char* name, long result) {
    say(name, result >= 0 ? "DONE" : std::strerror(errno));
  };
  tried("mount", ::mount("none", "/tmp", "tmpfs", 0, nullptr));
  tried("unshare", ::unshare(CLONE_NEWUSER));
  tried("setuid", ::setuid(0));
  tried("raw", ::socket(AF_INET, SOCK_RAW, IPPROTO_ICMP));
  tried("packet", ::socket(AF_PACKET, SOCK_RAW, 0));
  tried("mknod", ::mknod("/tmp/disk", S_IFBLK, 0xfe00));
  tried("chroot", ::chroot("/tmp"));
  tried("hostname", ::sethostname("x", 1));
  tried("sysctl", ::open("/proc/sys/kernel/hostname", O_WRONLY));
  tried("kcore", ::open("/proc/kcore", O_RDONLY));
  tried("cgroup", ::mkdir("/sys/fs/cgroup/memory/x", 0755));
  tried("killinit", ::kill(1, SIGKILL));
}

// forks,NAME,MOST: how many children can be had at one time
void forks_step(const Words& w) {
  int n = 0;
  for (; n < std::atoi(w[2].c_str()); ++n) {
    const pid_t pid = ::fork();
    if (pid < 0) break;
    if (pid == 0) {
      ::pause();
      ::_exit(0);
    }
  }
  say(w[1], std::to_string(n));
  ::signal(SIGTERM, SIG_IGN);
  ::kill(0, SIGTERM);
  while (::wait(nullptr) > 0) {
  }
  ::signal(SIGTERM, SIG_DFL);
}

// eat,BYTES: memory, until killed
void eat_step(const Words& w) {
  const std::size_t bytes = static_cast<std::size_t>(std::atoll(w[1].c_str()));
  char* p = static_cast<char*>(std::malloc(bytes));
  std::memset(p, 1, bytes);
  say("eat", std::to_string(p[bytes / 2]));
}

// count,NAME,PATH: entries of a directory
void count_step(const Words& w) {
  DIR* d = ::opendir(w[2].c_str());
  int n = 0;
  while (d && ::readdir(d)) ++n;
  say(w[1], d ? std::to_string(n) : std::strerror(errno));
  if (d) ::closedir(d);
}

// writable,NAME,PATH: whether the file system there can be written, whoever may
void writable_step(const Words& w) {
  struct statvfs fs{};
  if (::statvfs(w[2].c_str(), &fs) != 0) return say(w[1], std::strerror(errno));
  say(w[1], fs.f_flag & ST_RDONLY ? "no" : "yes");
}

// copy: what comes on descriptor 3 goes to descriptor 4
void copy_step(const Words&) {
  char buffer[4096];
  for (ssize_t n = 0; (n = ::read(3, buffer, sizeof buffer)) > 0;)
    if (::write(4, buffer, static_cast<std::size_t>(n)) != n) break;
  ::close(4);
  say("copy", "done");
}

void step(const Words& w) {
  struct Step {
    const char* word;
    void (*run)(const Words&);
  };
  constexpr Step steps[] = {{"connect", connect_step},
                            {"ask", ask_step},
                            {"listen", listen_step},
                            {"cat", cat_step},
                            {"grep", grep_step},
                            {"write", write_step},
                            {"forbidden", forbidden_step},
                            {"forks", forks_step},
                            {"eat", eat_step},
                            {"count", count_step},
                            {"copy", copy_step},
                            {"writable", writable_step}};
  for (const Step& s : steps)
    if (w[0] == s.word) return s.run(w);
  if (w[0] == "env") return say(w[1], std::getenv(w[1].c_str()) ? std::getenv(w[1].c_str()) : "");
  if (w[0] == "say") return say(w[1], w[2]);
  if (w[0] == "exit") std::exit(std::atoi(w[1].c_str()));
  if (w[0] == "wait")
    for (;;) ::pause();
  say(w[0], "unknown step");
}

}  // namespace

int main(int argc, char** argv) {
  for (int i = 1; i < argc; ++i) step(split(argv[i]));
  return 0;
}
