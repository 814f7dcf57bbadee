#include <fcntl.h>
#include <gtest/gtest.h>

#include <thread>

#include "base/error.h"
#include "image/archive.h"
#include "image/durable_file.h"
#include "image/memory_blob_store.h"
#include "image/oci_import.h"
#include "image/scratch_folder.h"

namespace nuri::image::oci {
namespace {

struct Entry {
  std::string path;
  std::string bytes;
  mode_t type = AE_IFREG;
};

std::string blob_path(std::string_view bytes) { return "blobs/sha256/" + Digest::of(bytes).hex(); }
Descriptor describe(std::string_view type, std::string_view bytes) {
  return {std::string(type), Digest::of(bytes), bytes.size(), {}, {}};
}

class BuildOutputTest : public testing::Test {
 protected:
  BuildOutputTest() { reusable_ = {{describe(kLayerType, kBase), Digest::of(kBase)}}; }

  // What a good build writes, index.json last.
  std::vector<Entry> good() {
    ImageConfig config;
    config.platform = host_platform();
    config.diff_ids = {Digest::of(kBase), Digest::of(kNew)};
    const std::string config_text = serialise(config);
    Manifest manifest;
    manifest.config = describe(kConfigType, config_text);
    manifest.layers = {describe(kLayerType, kBase), describe(kLayerType, kNew)};
    return around(config_text, serialise(manifest), {kNew});
  }
  std::vector<Entry> around(const std::string& config, const std::string& manifest,
                            const std::vector<std::string>& layers) {
    std::vector<Entry> entries{{"oci-layout", R"({"imageLayoutVersion":"1.0.0"})"},
                               {"blobs/", "", AE_IFDIR},
                               {"blobs/sha256/", "", AE_IFDIR}};
    for (const std::string& layer : layers) entries.push_back({blob_path(layer), layer});
    entries.push_back({blob_path(config), config});
    entries.push_back({blob_path(manifest), manifest});
    Index index;
    index.manifests = {describe(kManifestType, manifest)};
    entries.push_back({"index.json", serialise(index)});
    return entries;
  }

  std::string tar(const std::vector<Entry>& entries) {
    const std::string path = (scratch_ / "out.tar").string();
    {
      const ArchivePtr a(archive_write_new());
      archive_write_set_format_pax_restricted(a.get());
      archive_write_set_bytes_in_last_block(a.get(), 1);
      archive_write_open_filename(a.get(), path.c_str());
      const EntryPtr e(archive_entry_new());
      for (const Entry& entry : entries) {
        archive_entry_clear(e.get());
        archive_entry_set_pathname(e.get(), entry.path.c_str());
        archive_entry_set_mode(e.get(), entry.type | 0644);
        if (entry.type == AE_IFREG)
          archive_entry_set_size(e.get(), static_cast<la_int64_t>(entry.bytes.size()));
        if (entry.type == AE_IFLNK) archive_entry_set_symlink(e.get(), entry.bytes.c_str());
        EXPECT_EQ(archive_write_header(a.get(), e.get()), ARCHIVE_OK);
        if (entry.type == AE_IFREG)
          archive_write_data(a.get(), entry.bytes.data(), entry.bytes.size());
      }
    }
    return read_file(path, 64 << 20);
  }

  // As from a build: through a pipe.
  Imported import(const std::string& stream, const ImportLimits& limits = {}) {
    int ends[2];
    EXPECT_EQ(::pipe2(ends, O_CLOEXEC), 0);
    ::signal(SIGPIPE, SIG_IGN);
    Fd in(ends[0]);
    std::thread writer([&stream, out = Fd(ends[1])] {
      try {
        write_all(out.get(), stream, "a pipe");
      } catch (const Error&) {
        // The reader gave up early.
      }
    });
    try {
      const Imported result = import_build_output(blobs_, in.get(), reusable_, limits);
      writer.join();
      return result;
    } catch (...) {
      in.reset();
      writer.join();
      throw;
    }
  }

  // The message; and nothing of it stays visible.
  std::string refused(const std::vector<Entry>& entries, Code code = Code::unprocessable) {
    return refused_stream(tar(entries), code);
  }
  std::string refused_stream(const std::string& stream, Code code = Code::unprocessable,
                             const ImportLimits& limits = {}) {
    const std::uint64_t before = blobs_.usage().blobs;
    try {
      import(stream, limits);
      ADD_FAILURE() << "it was taken";
    } catch (const Error& e) {
      EXPECT_EQ(e.code(), code) << e.message();
      EXPECT_EQ(blobs_.usage().blobs, before);
      return e.message();
    }
    return {};
  }

  const std::string kBase = "bytes of the base layer", kNew = std::string(100'000, 'n');
  ScratchFolder scratch_;
  SystemClock clock_;
  MemoryBlobStore blobs_{clock_};
  std::vector<Layer> reusable_;
};

TEST_F(BuildOutputTest, AWholeImageIsTakenOver) {
  blobs_.put(kBase);
  const Imported imported = import(tar(good()));
  const Image image = load_image(blobs_, imported.manifest);
  EXPECT_EQ(image.layers.size(), 2u);
  EXPECT_EQ(blobs_.read(image.layers[1].diff_id, 1 << 20), kNew);
  EXPECT_GT(imported.new_bytes, kNew.size());
  EXPECT_EQ(import(tar(good())).manifest, imported.manifest);
}

TEST_F(BuildOutputTest, AStreamCutAnywhereLeavesNothing) {
  blobs_.put(kBase);
  const std::string whole = tar(good());
  for (const std::size_t length :
       {std::size_t{0}, std::size_t{300}, std::size_t{512}, std::size_t{5000}, whole.size() / 2,
        whole.size() - 2048, whole.size() - 3000})
    refused_stream(whole.substr(0, length));
}

TEST_F(BuildOutputTest, ADamagedBlobIsRefused) {
  blobs_.put(kBase);
  std::string damaged = tar(good());
  damaged[damaged.find("nnnnnnnn") + 5000] = 'x';
  EXPECT_NE(refused_stream(damaged).find("damaged"), std::string::npos);
}

TEST_F(BuildOutputTest, OtherLayersOfTheStoreCannotBeTakenByTheirDigest) {
  blobs_.put(kBase);
  reusable_.clear();
  EXPECT_NE(refused(good()).find("may reuse"), std::string::npos);
  reusable_ = {{describe(kLayerGzipType, kBase), Digest::of("another diff_id")}};
  refused(good());
}

TEST_F(BuildOutputTest, AReusedLayerMustBeInTheStore) {
  EXPECT_NE(refused(good()).find("not in the store"), std::string::npos);
}

TEST_F(BuildOutputTest, OnlyTheFilesOfALayoutAreTaken) {
  blobs_.put(kBase);
  const auto with = [&](Entry bad) {
    std::vector<Entry> entries = good();
    entries.insert(entries.begin() + 3, std::move(bad));
    return refused(entries);
  };
  with({"../evil", "x"});
  with({"/etc/passwd", "x"});
  with({"blobs/sha256/../../x", "x"});
  with({"blobs/sha512/" + std::string(128, 'a'), "x"});
  with({"blobs/sha256/" + std::string(64, 'A'), "x"});
  with({"link", "/etc/passwd", AE_IFLNK});
  with({blob_path("x"), "/etc/passwd", AE_IFLNK});
  with({"other/", "", AE_IFDIR});
  EXPECT_NE(with({blob_path("nobody points to me"), "nobody points to me"}).find("no part"),
            std::string::npos);
  EXPECT_NE(with({blob_path(kNew), kNew}).find("twice"), std::string::npos);
  std::vector<Entry> late = good();
  late.push_back({blob_path("late"), "late"});
  EXPECT_NE(refused(late).find("after index.json"), std::string::npos);
}

TEST_F(BuildOutputTest, ImagesThatDoNotFitTogetherAreRefused) {
  blobs_.put(kBase);
  ImageConfig config;
  config.platform = host_platform();
  config.diff_ids = {Digest::of(kNew)};
  const std::string config_text = serialise(config);
  Manifest manifest;
  manifest.config = describe(kConfigType, config_text);
  manifest.layers = {describe(kLayerGzipType, kNew)};
  EXPECT_NE(refused(around(config_text, serialise(manifest), {kNew})).find("compressed"),
            std::string::npos);
  manifest.layers = {describe(kLayerType, kNew), describe(kLayerType, kBase)};
  refused(around(config_text, serialise(manifest), {kNew}));
  manifest.layers = {describe(kLayerType, kNew)};
  manifest.layers[0].size -= 1;
  refused(around(config_text, serialise(manifest), {kNew}));
  manifest.layers[0].size += 1;
  manifest.config.digest = Digest::of("not here");
  refused(around(config_text, serialise(manifest), {kNew}));
  refused(around(config_text, "no json", {kNew}), Code::bad_request);
  std::vector<Entry> empty_index = good();
  empty_index.back().bytes = serialise(Index{});
  refused(empty_index);
}

TEST_F(BuildOutputTest, LimitsHoldWhileItStreams) {
  blobs_.put(kBase);
  const std::string whole = tar(good());
  refused_stream(whole, Code::too_large, {.total_bytes = 50'000});
  refused_stream(whole, Code::too_large, {.blobs = 2});
  blobs_.set_free_bytes(50'000);
  refused_stream(whole, Code::no_space);
}

}  // namespace
}  // namespace nuri::image::oci
