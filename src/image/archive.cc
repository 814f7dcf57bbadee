#include "image/archive.h"

#include <fmt/format.h>
#include <locale.h>

#include <cerrno>

#include "base/assert.h"

namespace nuri::image {

Utf8Names::Utf8Names() : made_(::newlocale(LC_CTYPE_MASK, "C.UTF-8", nullptr)) {
  NURI_ASSERT(made_ != nullptr);
  before_ = ::uselocale(static_cast<locale_t>(made_));
}

Utf8Names::~Utf8Names() {
  ::uselocale(static_cast<locale_t>(before_));
  ::freelocale(static_cast<locale_t>(made_));
}

Error archive_failure(archive* a, std::string_view doing, Code otherwise) {
  const int err = archive_errno(a);
  if (err == ENOSPC || err == EDQUOT || err == EIO) return system_error(doing, err);
  if (err == EPIPE)
    return Error(Code::cancelled, fmt::format("{}: the other side went away", doing));
  const char* why = archive_error_string(a);
  return Error(otherwise, fmt::format("{}: {}", doing, why ? why : "unknown reason"));
}

std::string entry_path(archive_entry* entry) {
  const char* path = archive_entry_pathname(entry);
  return path ? path : "";
}

}  // namespace nuri::image
