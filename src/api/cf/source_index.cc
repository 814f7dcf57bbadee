#include "api/cf/source_index.h"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>
#include <set>

#include "api/cf/access.h"
#include "base/limits.h"
#include "model/job.h"

namespace nuri::api {
namespace {

using model::SourceFile;
using store::Query;

constexpr std::size_t kBatch = 500;  // values of one query
// How long a file is known to be in use before it is noted again: far below the age at which files
// are forgotten.
constexpr Duration kFresh = std::chrono::hours(24);
constexpr std::size_t kSha1Digits = 40;

unsigned mode_of(const json::object& resource) {
  const std::string text = json::get_string(resource, "mode", "644");
  unsigned mode = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), mode, 8);
  if (error != std::errc() || end != text.data() + text.size())
    throw Error(Code::unprocessable,
                fmt::format("Resources: the mode of '{}' must be octal, as \"644\"",
                            json::get_string(resource, "path")));
  return mode & 0777;
}

bool is_sha1(std::string_view text) {
  return text.size() == kSha1Digits &&
         text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

NamedFile parse_one(const json::value& value) {
  if (!value.is_object()) throw Error(Code::unprocessable, "Resources must be objects");
  const json::object& resource = value.get_object();
  NamedFile file;
  file.path = json::get_string(resource, "path");
  file.mode = mode_of(resource);
  file.sha1 = json::require_string(json::require_object(resource, "checksum"), "value");
  const std::int64_t size = json::require_int(resource, "size_in_bytes");
  if (!is_sha1(file.sha1) || size < 0)
    throw Error(
        Code::unprocessable,
        fmt::format("Resources: '{}' needs a SHA-1 of 40 hex digits and its size", file.path));
  file.size = static_cast<std::uint64_t>(size);
  return file;
}

// Calls visit(values) with each of the batches that `all` falls into.
template <class T, class Visit>
void in_batches(const std::vector<T>& all, Visit visit) {
  for (std::size_t i = 0; i < all.size(); i += kBatch)
    visit(std::vector<T>(
        all.begin() + static_cast<std::ptrdiff_t>(i),
        all.begin() + static_cast<std::ptrdiff_t>(std::min(i + kBatch, all.size()))));
}

template <class T>
std::vector<T> once(std::vector<T> all) {
  std::ranges::sort(all);
  all.erase(std::ranges::unique(all).begin(), all.end());
  return all;
}

void refresh(store::Writer& tx, const Act& act, SourceFile file) {
  if (act.now - file.updated_at < kFresh) return;
  file.updated_at = act.now;
  tx.update(file);
}

}  // namespace

std::vector<NamedFile> parse_named_files(const json::array& resources) {
  if (resources.size() > limits::kUploadFiles)
    throw Error(Code::too_large,
                fmt::format("Resources: at most {} files at once", limits::kUploadFiles));
  std::vector<NamedFile> out;
  out.reserve(resources.size());
  for (const json::value& one : resources) out.push_back(parse_one(one));
  return out;
}

KnownFiles known_files(store::Reader& reader, const SpaceGuid& space,
                       const std::vector<NamedFile>& files) {
  std::vector<std::string> names;
  for (const NamedFile& file : files) names.push_back(file.sha1);
  KnownFiles out;
  std::set<std::string> ambiguous;
  in_batches(once(std::move(names)), [&](std::vector<std::string> some) {
    for (SourceFile& row : reader.all(
             Query<SourceFile>().where(&SourceFile::space, space).any(&SourceFile::sha1, some))) {
      std::string name = row.sha1;
      const auto [place, added] = out.try_emplace(std::move(name), std::move(row));
      if (!added) ambiguous.insert(place->first);
    }
  });
  for (const std::string& name : ambiguous) out.erase(name);
  return out;
}

const SourceFile* find_known(const KnownFiles& known, const NamedFile& file) {
  const auto found = known.find(file.sha1);
  if (found == known.end() || found->second.size_bytes != static_cast<std::int64_t>(file.size))
    return nullptr;
  return &found->second;
}

void learn_files(store::Writer& tx, const Act& act, const SpaceGuid& space,
                 const image::Package& uploaded, const KnownFiles& matched) {
  for (const auto& [sha1, file] : matched)
    if (auto row = tx.find(file.guid)) refresh(tx, act, std::move(*row));
  std::map<Digest, const image::PackageFile*> fresh;
  for (const image::PackageFile& file : uploaded.files)
    if (!file.sha1.empty()) fresh.emplace(file.sha256, &file);
  std::vector<Digest> digests;
  for (const auto& [digest, file] : fresh) digests.push_back(digest);
  in_batches(digests, [&](std::vector<Digest> some) {
    for (SourceFile& row : tx.all(
             Query<SourceFile>().where(&SourceFile::space, space).any(&SourceFile::digest, some))) {
      fresh.erase(row.digest);
      refresh(tx, act, std::move(row));
    }
  });
  for (const auto& [digest, file] : fresh) {
    auto row = made<SourceFile>(act);
    row.space = space;
    row.sha1 = file->sha1;
    row.digest = digest;
    row.size_bytes = static_cast<std::int64_t>(file->size);
    tx.insert(row);
  }
}

std::optional<SpaceGuid> pushing_space(store::Reader& reader, const model::User& user) {
  using model::Job;
  const auto last = reader.first(Query<Job>()
                                     .where(&Job::user, user.guid)
                                     .where(&Job::operation, "space.apply_manifest")
                                     .order_by(&Job::created_at, store::Order::descending));
  if (last) {
    const auto space = reader.find(SpaceGuid(last->resource_guid));
    if (space && may(reader, user, *space, Access::write)) return space->guid;
  }
  std::optional<SpaceGuid> only;
  for (const auto& space : reader.all(Query<model::Space>())) {
    if (!may(reader, user, space, Access::write)) continue;
    if (only) return std::nullopt;
    only = space.guid;
  }
  return only;
}

}  // namespace nuri::api
