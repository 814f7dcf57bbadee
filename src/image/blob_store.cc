#include "image/blob_store.h"

#include <fmt/format.h>

#include "base/error.h"
#include "image/durable_file.h"

namespace nuri::image {
namespace {

BlobInfo put_through(std::unique_ptr<BlobWriter> writer, std::string_view bytes) {
  writer->write(bytes);
  return writer->commit();
}

}  // namespace

BlobInfo BlobBatch::put(std::string_view bytes, Expected expected) {
  return put_through(writer(std::move(expected)), bytes);
}

BlobInfo BlobStore::put(std::string_view bytes, Expected expected) {
  if (!expected.size) expected.size = bytes.size();
  return put_through(writer(std::move(expected)), bytes);
}

std::string BlobStore::read(const Digest& digest, std::size_t limit_bytes) const {
  const OpenBlob blob = open(digest);
  std::string bytes = read_all(blob.fd.get(), limit_bytes, fmt::format("blob {}", digest.str()));
  if (Digest::of(bytes) != digest)
    throw Error(Code::data_loss,
                fmt::format("blob {} is damaged on disk: its bytes have another digest; "
                            "delete it and push or import again",
                            digest.str()));
  return bytes;
}

}  // namespace nuri::image
