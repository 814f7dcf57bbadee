#include "source_zip.h"

#include "base/assert.h"
#include "base/limits.h"
#include "image/archive.h"

namespace nuri::sim {

std::string zip_of(const std::map<std::string, std::string>& files) {
  std::string out(64 * limits::kKiB, '\0');
  std::size_t used = 0;
  const image::ArchivePtr zip(archive_write_new());
  NURI_ASSERT(archive_write_set_format_zip(zip.get()) == ARCHIVE_OK);
  NURI_ASSERT(archive_write_zip_set_compression_store(zip.get()) == ARCHIVE_OK);
  NURI_ASSERT(archive_write_open_memory(zip.get(), out.data(), out.size(), &used) == ARCHIVE_OK);
  for (const auto& [name, bytes] : files) {
    const image::EntryPtr entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_mode(entry.get(), AE_IFREG | 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    NURI_ASSERT(archive_write_header(zip.get(), entry.get()) == ARCHIVE_OK);
    archive_write_data(zip.get(), bytes.data(), bytes.size());
  }
  NURI_ASSERT(archive_write_close(zip.get()) == ARCHIVE_OK);
  out.resize(used);
  return out;
}

std::string upload_form(const std::map<std::string, std::string>& files) {
  return "--sep\r\nContent-Disposition: form-data; name=\"bits\"; filename=\"package.zip\"\r\n"
         "Content-Type: application/zip\r\n\r\n" +
         zip_of(files) + "\r\n--sep--\r\n";
}

}  // namespace nuri::sim
