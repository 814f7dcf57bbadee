#include "host/shim/sandbox_fixture.h"

#include <fcntl.h>
#include <gtest/gtest.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <sstream>

#include "host/shim/packet_socket.h"

namespace nuri::shim {
namespace {

namespace fs = std::filesystem;
constexpr std::uint32_t kStoreBase = 1'500'000'000;
constexpr std::uint32_t kIds = 65536;
constexpr int kAnswerMs = 20'000;
int next_number = 0;

void own(const fs::path& path) {
  if (::lchown(path.c_str(), kStoreBase, kStoreBase) != 0) std::abort();
}

bool is_version_2() { return fs::exists("/sys/fs/cgroup/cgroup.controllers"); }

std::vector<fs::path> cgroup_dirs(const std::string& name) {
  std::vector<fs::path> dirs = {"/sys/fs/cgroup/" + name + "/app", "/sys/fs/cgroup/" + name};
  for (const auto& entry : fs::directory_iterator("/sys/fs/cgroup")) {
    if (!entry.is_directory() || entry.is_symlink()) continue;
    dirs.push_back(entry.path() / name / "app");
    dirs.push_back(entry.path() / name);
  }
  return dirs;
}

// Kills what is in the cgroups of `name`, removes them and its files. False: not everything went.
bool sweep_named(const std::string& name) {
  auto dirs = cgroup_dirs(name);
  bool clean = eventually([&] {
    for (const fs::path& dir : dirs) {
      std::ofstream(dir / "freezer.state") << "THAWED";
      std::ofstream(dir / "cgroup.freeze") << "0";
      std::ifstream in(dir / "cgroup.procs");
      for (pid_t pid = 0; in >> pid;) ::kill(pid, SIGKILL);
      ::rmdir(dir.c_str());
    }
    return std::none_of(dirs.begin(), dirs.end(),
                        [](const fs::path& dir) { return fs::exists(dir); });
  });
  std::error_code ignored;
  fs::remove_all("/tmp/" + name, ignored);
  return clean && !fs::exists("/tmp/" + name);
}

// What test programs left that did not live to clean up: nuri-shimtest-PID-N of a dead PID.
void sweep_crashed() {
  constexpr std::string_view kPrefix = "nuri-shimtest-";
  std::vector<std::string> names;
  for (const auto& entry : fs::directory_iterator("/tmp")) {
    std::string name = entry.path().filename();
    if (!name.starts_with(kPrefix)) continue;
    pid_t pid = std::atoi(name.c_str() + kPrefix.size());
    if (pid > 0 && ::kill(pid, 0) != 0 && errno == ESRCH) names.push_back(name);
  }
  for (const std::string& name : names) sweep_named(name);
}

void run_program(const std::vector<std::string>& argv) {
  std::vector<char*> raw;
  for (const std::string& word : argv) raw.push_back(const_cast<char*>(word.c_str()));
  raw.push_back(nullptr);
  pid_t child = ::fork();
  if (child == 0) {
    int null = ::open("/dev/null", O_RDWR);
    ::dup2(null, 1);
    ::execvp(raw[0], raw.data());
    ::_exit(127);
  }
  int status = -1;
  ::waitpid(child, &status, 0);
  ASSERT_EQ(status, 0) << argv[0];
}

constexpr char kConfig[] = R"({"ociVersion": "1.0.2",
"root": {"path": "@DIR@/rootfs", "readonly": false},
"hostname": "test",
"process": {"terminal": false, "user": {"uid": 0, "gid": 0}, "args": ["/.nuri/init", "init"],
 "env": [], "cwd": "/", "noNewPrivileges": true,
 "capabilities": {"bounding": ["CAP_KILL", "CAP_SETUID", "CAP_SETGID"],
  "effective": ["CAP_KILL", "CAP_SETUID", "CAP_SETGID"],
  "permitted": ["CAP_KILL", "CAP_SETUID", "CAP_SETGID"]}},
"mounts": [
 {"destination": "/proc", "type": "proc", "source": "proc"},
 {"destination": "/dev", "type": "tmpfs", "source": "tmpfs",
  "options": ["nosuid", "strictatime", "mode=755", "size=64k"]},
 {"destination": "/dev/pts", "type": "devpts", "source": "devpts",
  "options": ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]},
 {"destination": "/dev/shm", "type": "tmpfs", "source": "shm",
  "options": ["nosuid", "noexec", "nodev", "mode=1777", "size=8m"]}],
"linux": {"cgroupsPath": "/@NAME@",
 "resources": {"memory": {"limit": @MEMORY@}, "pids": {"limit": @PIDS@}},
 "namespaces": [{"type": "pid"}, {"type": "mount"}, {"type": "ipc"}, {"type": "uts"},
  {"type": "user"}],
 "uidMappings": [{"containerID": 0, "hostID": @BASE@, "size": 65536}],
 "gidMappings": [{"containerID": 0, "hostID": @BASE@, "size": 65536}]}}
)";

}  // namespace

bool eventually(const std::function<bool()>& condition, std::chrono::milliseconds patience) {
  auto end = std::chrono::steady_clock::now() + patience;
  while (!condition()) {
    if (std::chrono::steady_clock::now() > end) return false;
    ::poll(nullptr, 0, 2);
  }
  return true;
}

std::string read_file(const std::string& path) {
  std::ifstream in(path, std::ios::binary);
  std::stringstream text;
  text << in.rdbuf();
  return text.str();
}

bool is_done(const door::Reply& reply) { return std::holds_alternative<door::Done>(reply.body); }

bool is_gone(pid_t pid) {
  std::string stat = read_file("/proc/" + std::to_string(pid) + "/stat");
  return stat.empty() || stat.find(") Z ") != std::string::npos;
}

door::Request stop_request(std::int64_t grace_ms) {
  door::Request request;
  request.verb = door::Verb::stop;
  request.grace_ms = grace_ms;
  return request;
}

DoorClient::DoorClient(const std::string& path, bool greet) {
  Fd made(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0));
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  std::strncpy(address.sun_path, path.c_str(), sizeof address.sun_path - 1);
  if (::connect(made.get(), reinterpret_cast<sockaddr*>(&address), sizeof address) != 0) return;
  socket_ = std::move(made);
  if (!greet) return;
  door::Reply reply = ask({});
  EXPECT_TRUE(std::holds_alternative<door::Welcome>(reply.body)) << door::encode(reply);
}

door::Reply DoorClient::ask(door::Request request) {
  static std::uint32_t id = 0;
  request.id = ++id;
  EXPECT_TRUE(send_packet(socket_.get(), door::encode(request)));
  door::Reply reply = receive();
  EXPECT_EQ(reply.id, request.id) << door::encode(reply);
  return reply;
}

door::Reply DoorClient::receive() {
  fds_.clear();
  pollfd wait{socket_.get(), POLLIN, 0};
  if (::poll(&wait, 1, kAnswerMs) != 1) {
    ADD_FAILURE() << "no answer from the shim";
    return {};
  }
  char bytes[4096];
  alignas(cmsghdr) char control[CMSG_SPACE(sizeof(int) * 64)];
  iovec data{bytes, sizeof bytes};
  msghdr message{};
  message.msg_iov = &data;
  message.msg_iovlen = 1;
  message.msg_control = control;
  message.msg_controllen = sizeof control;
  ssize_t size = ::recvmsg(socket_.get(), &message, MSG_CMSG_CLOEXEC);
  if (size <= 0) {
    ADD_FAILURE() << "the shim has closed the connection";
    return {};
  }
  for (cmsghdr* h = CMSG_FIRSTHDR(&message); h != nullptr; h = CMSG_NXTHDR(&message, h)) {
    for (std::size_t i = 0; i < (h->cmsg_len - CMSG_LEN(0)) / sizeof(int); ++i) {
      int fd = -1;
      std::memcpy(&fd, CMSG_DATA(h) + i * sizeof(int), sizeof fd);
      fds_.emplace_back(fd);
    }
  }
  auto reply = door::parse_reply({bytes, static_cast<std::size_t>(size)});
  if (reply) return *reply;
  ADD_FAILURE() << reply.error();
  return {};
}

bool DoorClient::at_end() {
  pollfd wait{socket_.get(), POLLIN, 0};
  char bytes[4096];
  for (;;) {
    if (::poll(&wait, 1, kAnswerMs) != 1) return false;
    if (::recv(socket_.get(), bytes, sizeof bytes, 0) <= 0) return true;
  }
}

bool DoorClient::at_end_before_answer() {
  pollfd wait{socket_.get(), POLLIN, 0};
  char byte = 0;
  return ::poll(&wait, 1, kAnswerMs) != 1 || ::recv(socket_.get(), &byte, 1, MSG_PEEK) <= 0;
}

TestSandbox::TestSandbox() {
  if (next_number == 0) sweep_crashed();
  EXPECT_EQ(::geteuid(), 0U) << "these tests make real sandboxes: run them as root";
  int number = ++next_number;
  name_ = "nuri-shimtest-" + std::to_string(::getpid()) + "-" + std::to_string(number);
  root_ = "/tmp/" + name_;
  fs::create_directories(root_ + "/i/bundle");
  fs::create_directories(root_ + "/logs");
  if (::chown((root_ + "/logs").c_str(), 61001, 61001) != 0) std::abort();
  spec.guid = name_;
  spec.app_guid = "app-" + std::to_string(number);
  spec.log_source = "APP/PROC/WEB";
  spec.log_dir = root_ + "/logs";
  spec.disk_image = root_ + "/disk";
  spec.ids = {kStoreBase, 1'600'000'000 + kIds * static_cast<std::uint32_t>(::getpid() % 4000),
              kIds};
  spec.env = {"PATH=/bin", "PORT=8080"};
  spec.port = 8080;
  spec.grace_ms = 5000;
  spec.owners = {61001, 61001, {61005}, 61002, 61002, 61003, 61003};
  make_base_layer();
}

TestSandbox::~TestSandbox() { sweep(); }

std::string TestSandbox::add_layer() {
  std::string layer = root_ + "/layer" + std::to_string(spec.lowers.size());
  fs::create_directory(layer);
  own(layer);
  spec.lowers.insert(spec.lowers.begin(), layer);
  return layer;
}

void TestSandbox::make_base_layer() {
  std::string layer = add_layer();
  for (const char* dir : {"bin", "etc", "tmp", "proc", "dev", "sys", "www"}) {
    fs::create_directory(layer + "/" + dir);
    own(layer + "/" + dir);
  }
  fs::copy_file("/bin/busybox", layer + "/bin/busybox");
  own(layer + "/bin/busybox");
  for (const char* tool : {"sh", "sleep", "cat", "dd", "id", "echo", "httpd", "yes", "ls", "kill",
                           "nc", "env", "touch", "stat", "mkdir", "true", "grep", "setsid"}) {
    fs::create_symlink("busybox", layer + "/bin/" + tool);
    own(layer + "/bin/" + tool);
  }
  std::ofstream(layer + "/www/index.html") << "hello from inside\n";
  own(layer + "/www/index.html");
}

void TestSandbox::make_cgroups() {
  if (is_version_2()) {
    std::string dir = "/sys/fs/cgroup/" + name_;
    fs::create_directory(dir);
    if (spec.cgroups.unified.empty()) spec.cgroups = {2, dir, "", "", "", ""};
    return;
  }
  const std::pair<const char*, std::string*> dirs[] = {{"freezer", &spec.cgroups.freezer},
                                                       {"memory", &spec.cgroups.memory},
                                                       {"cpuacct", &spec.cgroups.cpuacct},
                                                       {"pids", &spec.cgroups.pids}};
  for (const auto& [controller, path] : dirs) {
    std::string dir = std::string("/sys/fs/cgroup/") + controller + "/" + name_;
    fs::create_directory(dir);
    if (path->empty()) *path = dir;
  }
}

std::string TestSandbox::pids_file(const std::string& file) const {
  return (is_version_2() ? "/sys/fs/cgroup/" : "/sys/fs/cgroup/pids/") + name_ + "/" + file;
}

void TestSandbox::write_config() const {
  std::string text = kConfig;
  const std::pair<std::string, std::string> values[] = {
      {"@DIR@", dir()},
      {"@NAME@", name_},
      {"@MEMORY@", std::to_string(memory_limit)},
      {"@PIDS@", std::to_string(pids_limit)},
      {"@BASE@", std::to_string(spec.ids.instance_base)},
  };
  for (const auto& [mark, value] : values) {
    for (std::size_t at = 0; (at = text.find(mark)) != std::string::npos;) {
      text.replace(at, mark.size(), value);
    }
  }
  std::ofstream(dir() + "/bundle/config.json") << text;
}

door::Handshake TestSandbox::fork_shim() {
  if (!fs::exists(spec.disk_image)) {
    std::ofstream(spec.disk_image).close();
    fs::resize_file(spec.disk_image, disk_bytes);
    run_program({"mkfs.ext4", "-q", "-F", "-m", "0", "-O", "^has_journal", spec.disk_image});
  }
  make_cgroups();
  write_config();
  std::ofstream(dir() + "/shim.spec") << encode(spec);
  fs::permissions(dir() + "/shim.spec", fs::perms(spec_mode));
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0) std::abort();
  handshake_ = Fd(pair[0]);
  Fd theirs(pair[1]);
  shim_ = ::fork();
  if (shim_ == 0) {
    std::string inherited = std::to_string(::dup(theirs.get()));
    std::string directory = dir();
    ::execl(NURI_SHIM, NURI_SHIM, "run", directory.c_str(), "--handshake", inherited.c_str(),
            nullptr);
    ::_exit(127);
  }
  theirs.reset();
  door::Handshake first = next_step();
  if (first.step == door::Handshake::Step::namespaces) {
    EXPECT_EQ(first.pid, static_cast<std::uint32_t>(shim_));
  }
  return first;
}

door::Handshake TestSandbox::next_step() {
  using Step = door::Handshake::Step;
  auto packet = await_packet(handshake_.get(), kAnswerMs, "the shim");
  if (!packet) return {Step::failed, 0, 0, "test: " + packet.error()};
  auto message = door::parse_handshake(packet->bytes);
  return message ? *message : door::Handshake{Step::failed, 0, 0, message.error()};
}

door::Handshake TestSandbox::start(int input, int output) {
  door::Handshake first = fork_shim();
  if (first.step != door::Handshake::Step::namespaces) return first;
  std::vector<int> fds;
  if (input >= 0) fds = {input, output};
  send_packet(handshake_.get(), door::encode(door::Handshake{door::Handshake::Step::go, 0, 0, ""}),
              fds);
  door::Handshake second = next_step();
  init_ = static_cast<pid_t>(second.init);
  return second;
}

void TestSandbox::abandon() {
  EXPECT_EQ(fork_shim().step, door::Handshake::Step::namespaces);
  handshake_.reset();
}

bool TestSandbox::shim_ends() {
  bool left = eventually([&] { return ::waitpid(shim_, nullptr, WNOHANG) == shim_; });
  if (left) shim_ = -1;
  return left;
}

door::Exit TestSandbox::wait_exit() {
  EXPECT_TRUE(shim_ends()) << "the shim is still there";
  auto exit = door::parse_exit_file(read_file(dir() + "/exit"));
  EXPECT_TRUE(exit.has_value()) << (exit ? "" : exit.error());
  return exit ? *exit : door::Exit{};
}

bool TestSandbox::has_exit_file() const { return fs::exists(dir() + "/exit"); }

std::vector<pid_t> TestSandbox::inside() const {
  std::vector<pid_t> pids;
  for (const char* file : {"cgroup.procs", "app/cgroup.procs"}) {
    std::ifstream in(pids_file(file));
    for (pid_t pid = 0; in >> pid;) {
      if (pid != init_) pids.push_back(pid);
    }
  }
  return pids;
}

std::vector<std::string> TestSandbox::log() const {
  std::vector<std::string> records, files;
  for (const auto& entry : fs::directory_iterator(spec.log_dir)) files.push_back(entry.path());
  std::sort(files.begin(), files.end());
  for (const std::string& file : files) {
    std::ifstream in(file);
    for (std::string line; std::getline(in, line);) {
      if (!line.starts_with("nuri-log ")) records.push_back(line.substr(line.find(' ') + 1));
    }
  }
  return records;
}

bool TestSandbox::log_has(const std::string& record) const {
  std::vector<std::string> all = log();
  return std::find(all.begin(), all.end(), record) != all.end();
}

void TestSandbox::sweep() {
  if (shim_ > 0) {
    ::kill(shim_, SIGKILL);
    EXPECT_TRUE(shim_ends());
  }
  EXPECT_TRUE(sweep_named(name_)) << "something of " << name_ << " cannot be removed";
}

}  // namespace nuri::shim
