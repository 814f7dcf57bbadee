#include "host/layers.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include "base/error.h"
#include "base/json.h"
#include "base/limits.h"
#include "base/log.h"
#include "host/kernel_file.h"
#include "host/program.h"
#include "host/unpack.h"

namespace nuri::host {
namespace {

std::pair<Fd, Fd> socket_pair() {
  int fds[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, fds) != 0)
    throw system_error("making a socket pair", errno);
  return {Fd(fds[0]), Fd(fds[1])};
}

Code code_of_exit(int exit_code) {
  switch (exit_code) {
    case kUnpackWrongDigest:
      return Code::data_loss;
    case kUnpackTooLarge:
      return Code::too_large;
    case kUnpackNoSpace:
      return Code::no_space;
    case kUnpackBadArchive:
      return Code::bad_request;
    default:
      return Code::internal;
  }
}

// Waits for the helper's word that it is in its namespace, maps its ids, lets it go on. The
// helper's pid comes with the word (SCM_CREDENTIALS would be translated; SO_PEERCRED names who made
// the pair).
void map_ids(int pid, std::uint32_t first) {
  const std::string line = fmt::format("0 {} {}\n", first, kIdsPerRange);
  write_kernel_file(fmt::format("/proc/{}/uid_map", pid), line);
  write_kernel_file(fmt::format("/proc/{}/gid_map", pid), line);
}

void expect_word(int fd, char word) {
  pollfd p{fd, POLLIN, 0};
  char c = 0;
  if (::poll(&p, 1, 10'000) != 1 || ::recv(fd, &c, 1, 0) != 1 || c != word)
    throw Error(Code::internal, "the unpack helper did not get into its user namespace");
}

constexpr auto kSyncAfter = 5s;

// Also when it was removed meanwhile: then there is nothing to mark.
void mark_synced(const std::string& dir) {
  const Fd fd(::open((dir + "/synced").c_str(), O_WRONLY | O_CREAT | O_CLOEXEC, 0600));
  if (fd && ::fsync(fd.get()) != 0) throw system_error("syncing a layer", errno);
}

std::string read_to_end(int fd, Time until) {
  const SystemClock clock;
  std::string out;
  for (;;) {
    const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(until - clock.now());
    pollfd p{fd, POLLIN, 0};
    const int ready = ::poll(&p, 1, static_cast<int>(std::max<long>(left.count(), 0)));
    if (ready < 0 && errno == EINTR) continue;
    if (ready == 0) throw Error(Code::timeout, "unpacking a layer took too long");
    char buffer[1024];
    const ssize_t n = ::read(fd, buffer, sizeof buffer);
    if (n <= 0) return out;
    if (out.size() < 4096) out.append(buffer, static_cast<std::size_t>(n));
  }
}

}  // namespace

LayerStore::LayerStore(const Realm& realm, std::string unpack_program)
    : realm_(realm),
      program_(std::move(unpack_program)),
      root_(realm.private_dir() + "/layers/sha256"),
      temp_(realm.private_dir() + "/layers/tmp") {
  make_dir(root_, 0700);
  remove_tree(temp_);
  make_dir(temp_, 0700);
  forget_unsynced();
  syncer_ = std::thread([this] { sync_later(); });
}

LayerStore::~LayerStore() {
  {
    const std::lock_guard lock(mutex_);
    ending_ = true;
  }
  changed_.notify_all();
  syncer_.join();
}

// What was not synced is whole only as long as the kernel that unpacked it runs.
void LayerStore::forget_unsynced() {
  const std::string boot = read_file("/proc/sys/kernel/random/boot_id");
  for (const std::string& name : list_dir(root_)) {
    const std::string path = root_ + "/" + name;
    if (read_file_if_there(path + "/synced")) continue;
    const auto info = read_file_if_there(path + "/info.json");
    const auto digest = Digest::parse("sha256:" + name);
    if (info && digest && json::get_string(json::parse_object(*info), "boot") == boot)
      unsynced_.insert(*digest);
    else
      remove_tree(path);
  }
}

void LayerStore::sync_later() {
  std::unique_lock lock(mutex_);
  for (;;) {
    changed_.wait(lock, [&] { return ending_ || !unsynced_.empty(); });
    // The next start of the host goes on with it.
    if (changed_.wait_for(lock, kSyncAfter, [&] { return ending_; })) return;
    const std::set<Digest> now = unsynced_;
    lock.unlock();
    try {
      const Fd root = open_dir(root_);
      if (::syncfs(root.get()) != 0) throw system_error("syncing layers", errno);
      for (const Digest& d : now) mark_synced(dir(d));
    } catch (const Error& e) {
      log_error("layers could not be synced", {{"error", e.message()}});
    }
    lock.lock();
    for (const Digest& d : now) unsynced_.erase(d);
  }
}

void LayerStore::add(const Digest& diff_id, int blob) {
  {
    std::unique_lock lock(mutex_);
    changed_.wait(lock, [&] { return !unpacking_.contains(diff_id); });
    if (lease(diff_id)) return;
    unpacking_.insert(diff_id);
  }
  std::string temp;
  {
    const std::lock_guard lock(mutex_);
    temp = fmt::format("{}/{}", temp_, ++serial_);
  }
  std::exception_ptr failure;
  try {
    unpack(diff_id, blob, temp);
  } catch (...) {
    failure = std::current_exception();
    remove_tree(temp);
  }
  {
    const std::lock_guard lock(mutex_);
    unpacking_.erase(diff_id);
  }
  changed_.notify_all();
  if (failure) std::rethrow_exception(failure);
}

void LayerStore::unpack(const Digest& diff_id, int blob, const std::string& temp) {
  make_dir(temp, 0700);
  const Fd target = make_dir(temp + "/fs", 0755);
  if (::fchown(target.get(), realm_.store_ids(), realm_.store_ids()) != 0)
    throw system_error("giving a layer to the store", errno);
  int out[2];
  if (::pipe2(out, O_CLOEXEC) != 0) throw system_error("making a pipe", errno);
  Fd output(out[0]), its_output(out[1]);
  auto [gate, its_gate] = socket_pair();
  const ProgramRun run{program_,
                       {"nuri", "host-unpack", diff_id.str(), std::to_string(limits::kLayerBytes),
                        std::to_string(limits::kLayerFiles)},
                       {"LC_ALL=C.UTF-8"},
                       "",
                       limits::kUnpackDeadline,
                       {{blob, kUnpackBlob},
                        {target.get(), kUnpackTarget},
                        {its_gate.get(), kUnpackGate},
                        {its_output.get(), 1}}};
  Child child = spawn_session(run, its_output.get(), [](int) {});
  its_gate.reset();
  its_output.reset();
  std::string said;
  int status = 0;
  const auto reap = [&] {
    while (::waitpid(child.pid, &status, 0) < 0 && errno == EINTR) {
    }
  };
  try {
    expect_word(gate.get(), 'u');
    map_ids(child.pid, realm_.store_ids());
    if (::send(gate.get(), "g", 1, MSG_NOSIGNAL) != 1) throw system_error("unpacking", errno);
    said = read_to_end(output.get(), SystemClock().now() + limits::kUnpackDeadline);
  } catch (...) {
    ::kill(child.pid, SIGKILL);
    reap();
    throw;
  }
  reap();
  while (said.ends_with('\n')) said.pop_back();
  if (!WIFEXITED(status))
    throw Error(Code::internal, fmt::format("unpacking {} was killed by signal {}", diff_id.str(),
                                            WTERMSIG(status)));
  if (WEXITSTATUS(status) != 0)
    throw Error(code_of_exit(WEXITSTATUS(status)),
                fmt::format("unpacking layer {}: {}", diff_id.str(), said));
  write_record(
      temp + "/info.json",
      json::serialize(json::object{{"version", 1},
                                   {"bytes", keyed_number(said, "bytes")},
                                   {"boot", read_file("/proc/sys/kernel/random/boot_id")}}),
      Survives::process);
  const std::lock_guard lock(mutex_);
  if (::rename(temp.c_str(), dir(diff_id).c_str()) != 0)
    throw system_error(fmt::format("putting layer {} in place", diff_id.str()), errno);
  unsynced_.insert(diff_id);
  changed_.notify_all();
}

bool LayerStore::lease(const Digest& diff_id) {
  if (::utimensat(AT_FDCWD, dir(diff_id).c_str(), nullptr, 0) == 0) return true;
  if (errno == ENOENT) return false;
  throw system_error("leasing a layer", errno);
}

std::string LayerStore::path(const Digest& diff_id) {
  if (!lease(diff_id))
    throw Error(Code::not_found,
                fmt::format("layer {} is not on this host: add it first", diff_id.str()));
  return dir(diff_id) + "/fs";
}

LayerPage LayerStore::list(const Digest& after) const {
  LayerPage page;
  const auto names = list_dir(root_);
  for (auto name = std::ranges::upper_bound(names, after.hex()); name != names.end(); ++name) {
    const auto digest = Digest::parse("sha256:" + *name);
    if (!digest) continue;
    if (page.layers.size() == limits::kHostListEntries) {
      page.more = true;
      break;
    }
    const auto info = read_file_if_there(root_ + "/" + *name + "/info.json");
    if (!info) continue;  // removed meanwhile
    const std::int64_t bytes = json::get_int(json::parse_object(*info), "bytes");
    page.layers.push_back({*digest, static_cast<std::uint64_t>(std::max<std::int64_t>(bytes, 0))});
  }
  return page;
}

std::vector<Digest> LayerStore::remove(const std::vector<Digest>& diff_ids,
                                       const std::set<Digest>& used, WallTime now) {
  std::vector<Digest> removed;
  for (const Digest& d : diff_ids) {
    std::string away;
    {
      const std::lock_guard lock(mutex_);
      struct stat st{};
      if (used.contains(d) || unpacking_.contains(d) || ::stat(dir(d).c_str(), &st) != 0) continue;
      const WallTime leased{st.st_mtim.tv_sec * 1'000'000'000 + st.st_mtim.tv_nsec};
      if (now < leased + limits::kLayerLease) continue;
      away = fmt::format("{}/{}", temp_, ++serial_);
      if (::rename(dir(d).c_str(), away.c_str()) != 0)
        throw system_error("removing a layer", errno);
    }
    remove_tree(away);
    removed.push_back(d);
  }
  return removed;
}

}  // namespace nuri::host
