#include <fcntl.h>
#include <fmt/format.h>
#include <sys/stat.h>

#include <cerrno>
#include <cstdio>
#include <filesystem>

#include "base/error.h"
#include "base/fd.h"
#include "identity/tokens.h"

namespace nuri::identity {
namespace {

[[noreturn]] void failed(std::string_view doing, const std::string& path) {
  throw system_error(fmt::format("{} the token key {}", doing, path), errno);
}

TokenKey read_key(const Fd& file, const std::string& path) {
  struct stat status{};
  if (::fstat(file.get(), &status) != 0) failed("looking at", path);
  if ((status.st_mode & 077) != 0)
    throw Error(
        Code::forbidden,
        fmt::format("others than its owner may read the token key {} (mode {:o}): remove it "
                    "(all logins end) or set its mode to 600 if nobody has read it",
                    path, status.st_mode & 0777));
  TokenKey key;
  unsigned char more = 0;
  const auto got = ::read(file.get(), key.bytes.data(), key.bytes.size());
  if (got < 0) failed("reading", path);
  if (got != static_cast<ssize_t>(key.bytes.size()) || ::read(file.get(), &more, 1) != 0)
    throw Error(Code::data_loss, fmt::format("the token key {} is not {} bytes; remove it to make "
                                             "a new one (all logins end)",
                                             path, key.bytes.size()));
  return key;
}

void write_key(const TokenKey& key, const std::string& path) {
  const std::string part = path + ".part";
  {
    const Fd file(
        ::open(part.c_str(), O_WRONLY | O_CREAT | O_TRUNC | O_NOFOLLOW | O_CLOEXEC, 0600));
    if (!file) failed("making", part);
    if (::fchmod(file.get(), 0600) != 0) failed("protecting", part);
    const auto written = ::write(file.get(), key.bytes.data(), key.bytes.size());
    if (written != static_cast<ssize_t>(key.bytes.size())) failed("writing", part);
    if (::fsync(file.get()) != 0) failed("syncing", part);
  }
  if (std::rename(part.c_str(), path.c_str()) != 0) failed("renaming", part);
  const auto folder = std::filesystem::path(path).parent_path();
  const Fd parent(::open(folder.empty() ? "." : folder.c_str(), O_RDONLY | O_CLOEXEC));
  if (!parent || ::fsync(parent.get()) != 0) failed("syncing the folder of", path);
}

}  // namespace

TokenKey load_or_make_token_key(const std::string& path, Random& random) {
  const Fd file(::open(path.c_str(), O_RDONLY | O_CLOEXEC));
  if (file) return read_key(file, path);
  if (errno != ENOENT) failed("opening", path);
  TokenKey key;
  random.fill(key.bytes);
  write_key(key, path);
  return key;
}

}  // namespace nuri::identity
