#include "image/oci.h"

#include <gtest/gtest.h>

#include "base/error.h"
#include "image/directory_blob_store.h"
#include "image/durable_file.h"
#include "image/oci_import.h"
#include "image/scratch_folder.h"

namespace nuri::image::oci {
namespace {

template <class F>
std::string failure(F&& f, Code code = Code::unprocessable) {
  try {
    f();
  } catch (const Error& e) {
    EXPECT_EQ(e.code(), code) << e.message();
    return e.message();
  }
  ADD_FAILURE() << "nothing was thrown";
  return {};
}

constexpr std::string_view kDigest =
    "sha256:ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

TEST(OciJsonTest, AManifestReadsBack) {
  Manifest manifest;
  manifest.config = {std::string(kConfigType), Digest::of("c"), 1, {}, {}};
  manifest.layers = {{std::string(kLayerType), Digest::of("l"), 5, {{"k", "v"}}, {}}};
  manifest.annotations = {{"b", "2"}, {"a", "1"}};
  const std::string text = serialise(manifest);
  const Manifest back = parse_manifest(text);
  EXPECT_EQ(back.config, manifest.config);
  EXPECT_EQ(back.layers, manifest.layers);
  EXPECT_EQ(back.annotations, manifest.annotations);
  EXPECT_EQ(serialise(back), text);
  EXPECT_LT(text.find("\"a\""), text.find("\"b\""));
}

TEST(OciJsonTest, AConfigurationReadsBack) {
  ImageConfig config;
  config.platform = {"linux", "arm64", "v8"};
  config.created = "1980-01-01T00:00:01Z";
  config.author = "me";
  config.user = "1000:1000";
  config.env = {"PATH=/bin", "X=", "PATHS=1"};
  config.entrypoint = {"/nuri/bin/launcher"};
  config.cmd = {"web"};
  config.working_dir = "/workspace";
  config.stop_signal = "SIGINT";
  config.exposed_ports = {"8080/tcp"};
  config.volumes = {"/data"};
  config.labels = {{"io.buildpacks.stack.id", "nuri"}};
  config.diff_ids = {Digest::of("l")};
  config.history = {{"1980-01-01T00:00:01Z", "base", "why", false}, {"", "env", "", true}};
  const std::string text = serialise(config);
  const ImageConfig back = parse_config(text);
  EXPECT_EQ(serialise(back), text);
  EXPECT_EQ(back.platform, config.platform);
  EXPECT_EQ(back.env_value("PATH"), "/bin");
  EXPECT_EQ(back.env_value("X"), "");
  EXPECT_EQ(back.env_value("NONE"), "");
  EXPECT_TRUE(back.history[1].empty_layer);
  EXPECT_EQ(back.diff_ids, config.diff_ids);
}

TEST(OciJsonTest, NullsAndUnknownFieldsOfDockerAreFine) {
  const ImageConfig config =
      parse_config(R"({"architecture":"amd64","os":"linux","docker_version":"20",
    "config":{"Env":null,"Labels":null,"Cmd":null,"Hostname":"x"},
    "rootfs":{"type":"layers","diff_ids":[]}})");
  EXPECT_TRUE(config.env.empty() && config.labels.empty());
}

TEST(OciJsonTest, SaysWhichFieldOfAManifestIsWrong) {
  const auto manifest = [](std::string_view config, std::string_view layers,
                           std::string_view version = "2") {
    return R"({"schemaVersion":)" + std::string(version) + R"(,"config":)" + std::string(config) +
           R"(,"layers":)" + std::string(layers) + "}";
  };
  const std::string good =
      R"({"mediaType":"x","digest":")" + std::string(kDigest) + R"(","size":3})";
  EXPECT_NO_THROW(parse_manifest(manifest(good, "[]")));
  EXPECT_NE(failure([&] { parse_manifest(manifest(good, "[]", "1")); }).find("schemaVersion"),
            std::string::npos);
  EXPECT_NE(failure([&] { parse_manifest(manifest(good, "{}")); }).find("layers"),
            std::string::npos);
  EXPECT_NE(failure([&] { parse_manifest(manifest(good, "[1]")); }).find("layers"),
            std::string::npos);
  for (const char* bad :
       {R"({"mediaType":"x","digest":"sha512:aa","size":3})",
        R"({"mediaType":"x","digest":1,"size":3})", R"({"mediaType":"x","size":3})", R"([])"})
    failure([&] { parse_manifest(manifest(bad, "[]")); });
  failure([&] {
    parse_manifest(manifest(
        R"({"mediaType":"x","digest":")" + std::string(kDigest) + R"(","size":-1})", "[]"));
  });
  std::string many = "[" + good;
  for (std::size_t i = 0; i < limits::kImageLayers; ++i) many += "," + good;
  failure([&] { parse_manifest(manifest(good, many + "]")); }, Code::too_large);
  failure([&] { parse_manifest(std::string(limits::kImageJsonBytes + 1, ' ')); }, Code::too_large);
  failure([&] { parse_manifest("{"); }, Code::bad_request);
}

// A layer of real tar bytes with one file.
class OciImageTest : public testing::Test {
 protected:
  std::string tar_layer(const std::string& name, const std::string& contents) {
    scratch_.write("root/" + name, contents);
    const std::string tar = (scratch_ / (name + ".tar")).string();
    run_program({"tar", "--sort=name", "--mtime=@315532801", "--owner=0", "--group=0", "-C",
                 (scratch_ / "root").string(), "-cf", tar, name});
    return read_file(tar, 1 << 20);
  }
  std::string compressed(const std::string& tool, const std::string& bytes) {
    const std::string file = scratch_.write("layer.tar", bytes).string();
    return run_program({tool, "-q", "-c", file});
  }
  Layer add(const std::string& bytes, std::string_view type, const Digest& diff_id) {
    const BlobInfo info = blobs_.put(bytes);
    return {{std::string(type), info.digest, info.size, {}, {}}, diff_id};
  }
  // One layer of each kind.
  std::vector<Layer> three_layers() {
    const std::string a = tar_layer("a.txt", "aa"), b = tar_layer("b.txt", "bb"),
                      c = tar_layer("c.txt", "cc");
    return {add(a, kLayerType, Digest::of(a)),
            add(compressed("gzip", b), kLayerGzipType, Digest::of(b)),
            add(compressed("zstd", c), kLayerZstdType, Digest::of(c))};
  }
  Digest store(const std::vector<Layer>& layers) {
    ImageConfig config;
    config.platform = host_platform();
    config.labels = {{"made.by", "test"}};
    std::vector<Descriptor> blobs;
    for (const Layer& layer : layers) {
      config.diff_ids.push_back(layer.diff_id);
      blobs.push_back(layer.blob);
    }
    return store_image(blobs_, config, blobs);
  }
  Descriptor descriptor(const Digest& manifest) {
    return {std::string(kManifestType), manifest, *blobs_.size(manifest), {}, {}};
  }

  ScratchFolder scratch_;
  SystemClock clock_;
  DirectoryBlobStore blobs_{{.root = scratch_ / "store"}, clock_};
};

TEST_F(OciImageTest, AnImageLoadsWithItsLayersAndDiffIds) {
  const std::vector<Layer> layers = three_layers();
  const Image image = load_image(blobs_, store(layers));
  ASSERT_EQ(image.layers.size(), 3u);
  EXPECT_EQ(image.layers[1].blob, layers[1].blob);
  EXPECT_EQ(image.layers[1].diff_id, layers[1].diff_id);
  EXPECT_EQ(image.config.labels.at("made.by"), "test");
  EXPECT_EQ(blobs_of_image(blobs_, image.digest).size(), 5u);
  EXPECT_EQ(store(layers), image.digest);
}

TEST_F(OciImageTest, OfAnIndexTheVariantOfThisMachineIsTaken) {
  const Digest manifest = store(three_layers());
  Index index;
  index.manifests = {descriptor(manifest), descriptor(manifest)};
  index.manifests[0].digest = Digest::of("another machine's");
  index.manifests[0].platform = Platform{"linux", "s390x", ""};
  index.manifests[1].platform = host_platform();
  const Digest top = blobs_.put(serialise(index)).digest;
  EXPECT_EQ(load_image(blobs_, top).digest, manifest);
  EXPECT_EQ(blobs_of_image(blobs_, top).size(), 7u);
  failure([&] { load_image(blobs_, top, {"linux", "riscv64", ""}); }, Code::not_found);
}

TEST_F(OciImageTest, LayersReadUncompressedWhateverTheyAre) {
  for (const Layer& layer : three_layers()) {
    std::string tar;
    read_layer(blobs_, layer.blob, layer.diff_id, 1 << 20,
               [&](std::string_view bytes) { tar += bytes; });
    EXPECT_EQ(Digest::of(tar), layer.diff_id) << layer.blob.media_type;
    const auto ignore = [](std::string_view) {};
    failure([&] { read_layer(blobs_, layer.blob, Digest::of("x"), 1 << 20, ignore); },
            Code::data_loss);
    failure([&] { read_layer(blobs_, layer.blob, layer.diff_id, 1000, ignore); }, Code::too_large);
  }
}

TEST_F(OciImageTest, ADamagedLayerIsNoticed) {
  const std::string tar = tar_layer("a.txt", "aa");
  for (const char* tool : {"gzip", "zstd"}) {
    const std::string packed = compressed(tool, tar);
    const auto type = std::string_view(tool) == "gzip" ? kLayerGzipType : kLayerZstdType;
    const Layer cut = add(packed.substr(0, packed.size() / 2), type, Digest::of(tar));
    const Layer junk = add("this is not compressed at all, but long enough to be looked at", type,
                           Digest::of(tar));
    for (const Layer& bad : {cut, junk})
      failure([&] { read_layer(blobs_, bad.blob, bad.diff_id, 1 << 20, [](std::string_view) {}); },
              Code::data_loss);
  }
}

TEST_F(OciImageTest, ManifestAndConfigurationMustFitTogether) {
  std::vector<Layer> layers = three_layers();
  std::swap(layers[0].diff_id, layers[1].diff_id);
  EXPECT_NE(failure([&] { store(layers); }).find("diff_id"), std::string::npos);
  ImageConfig config;
  config.platform = host_platform();
  failure([&] { store_image(blobs_, config, {layers[0].blob}); });
  const Layer absent{{std::string(kLayerType), Digest::of("absent"), 6, {}, {}},
                     Digest::of("absent")};
  EXPECT_NE(failure([&] { store({absent}); }).find("not in the store"), std::string::npos);
  const Layer foreign{{"application/x-foreign", Digest::of("x"), 1, {}, {}}, Digest::of("x")};
  failure([&] { store({foreign}); });
}

TEST_F(OciImageTest, WhatIsGoneIsMarkedAndSaid) {
  const Digest gone = Digest::of("gone");
  EXPECT_EQ(blobs_of_image(blobs_, gone), std::vector{gone});
  failure([&] { load_image(blobs_, gone); }, Code::not_found);
  failure([&] { load_image(blobs_, blobs_.put("{}").digest); }, Code::data_loss);
}

TEST_F(OciImageTest, SkopeoReadsTheStoreAndNuriReadsWhatSkopeoCopied) {
  const std::vector<Layer> layers = three_layers();
  const Digest digest = store(layers);
  set_ref(blobs_.root(), "other", descriptor(digest));
  set_ref(blobs_.root(), "app", descriptor(digest));
  set_ref(blobs_.root(), "app", descriptor(digest));
  remove_ref(blobs_.root(), "other");
  EXPECT_EQ(read_index(blobs_.root()).manifests.size(), 1u);

  const std::string source = "oci:" + blobs_.root().string() + ":app";
  const std::string shown = run_program({"skopeo", "inspect", source});
  EXPECT_NE(shown.find(digest.str()), std::string::npos) << shown;
  EXPECT_NE(shown.find("made.by"), std::string::npos) << shown;
  run_program({"skopeo", "--insecure-policy", "copy", "-q", "--preserve-digests",
               "--dest-oci-accept-uncompressed-layers", source,
               "oci:" + (scratch_ / "copy").string() + ":theirs"});

  DirectoryBlobStore fresh({.root = scratch_ / "fresh"}, clock_);
  const Imported imported = import_layout(fresh, scratch_ / "copy", "theirs");
  EXPECT_EQ(imported.manifest, digest);
  EXPECT_GT(imported.new_bytes, 10'000u);
  EXPECT_EQ(load_image(fresh, imported.manifest).layers.size(), 3u);
  EXPECT_EQ(import_layout(fresh, scratch_ / "copy", "").new_bytes, 0u);
  failure([&] { import_layout(fresh, scratch_ / "copy", "nobody"); }, Code::not_found);
}

TEST_F(OciImageTest, ALayoutWithADamagedBlobIsNotImported) {
  const std::vector<Layer> layers = three_layers();
  set_ref(blobs_.root(), "app", descriptor(store(layers)));
  std::ofstream(blobs_.path_of(layers[2].blob.digest), std::ios::in) << "XX";
  DirectoryBlobStore fresh({.root = scratch_ / "fresh"}, clock_);
  failure([&] { import_layout(fresh, blobs_.root(), "app"); });
  EXPECT_EQ(fresh.usage().blobs, 0u);
  failure([&] { import_layout(fresh, blobs_.root(), "app", {.total_bytes = 100}); },
          Code::too_large);
}

}  // namespace
}  // namespace nuri::image::oci
