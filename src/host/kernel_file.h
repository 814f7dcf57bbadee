#pragma once

// Small files: the kernel's (cgroup, proc, sysctl) and the host's own records. Blocking; any
// thread. All throw Error naming the path.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "base/fd.h"

namespace nuri::host {

inline constexpr std::size_t kSmallFileBytes = 1 << 20;

// At most kSmallFileBytes of it.
std::string read_file(const std::string& path);
std::optional<std::string> read_file_if_there(const std::string& path);
// One write(2) to a file that exists.
void write_kernel_file(const std::string& path, std::string_view text);
// What a written record survives: the end of this process, or of power too (fsync).
enum class Survives { process, power };
// Temp file, rename.
void write_record(const std::string& path, std::string_view text, Survives survives,
                  unsigned mode = 0600);

// The number in `text` (spaces around it allowed); nullopt for anything else, "max" too.
std::optional<std::uint64_t> parse_number(std::string_view text);
// "key value" lines: the value after key; 0 when it is not there.
std::uint64_t keyed_number(std::string_view text, std::string_view key);

// Directories: made with their parents, mode of the last one set (whatever the umask). No link is
// followed in the last part.
Fd make_dir(const std::string& path, unsigned mode);
Fd open_dir(const std::string& path);
// Names in it but "." and "..", sorted.
std::vector<std::string> list_dir(const std::string& path);

// Removes what `name` is below `dir`, recursively, following no link and crossing no mount. Nothing
// there is a success.
void remove_tree(int dir, const std::string& name);
void remove_tree(const std::string& path);

}  // namespace nuri::host
