// A push as clients hold it, over the whole API: manifest, matches, package, upload, build.

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/mman.h>
#include <unistd.h>

#include "api/cf/test_api.h"
#include "image/archive.h"
#include "image/durable_file.h"
#include "image/package.h"
#include "model/source.h"

namespace nuri::api {
namespace {

using Files = std::map<std::string, std::string>;

std::string zip_of(const Files& files) {
  const Fd memory(::memfd_create("zip", MFD_CLOEXEC));
  const image::ArchivePtr zip(archive_write_new());
  archive_write_set_format_zip(zip.get());
  EXPECT_EQ(archive_write_open_fd(zip.get(), memory.get()), ARCHIVE_OK);
  for (const auto& [name, bytes] : files) {
    const image::EntryPtr entry(archive_entry_new());
    archive_entry_set_pathname(entry.get(), name.c_str());
    archive_entry_set_mode(entry.get(), AE_IFREG | 0644);
    archive_entry_set_size(entry.get(), static_cast<la_int64_t>(bytes.size()));
    EXPECT_EQ(archive_write_header(zip.get(), entry.get()), ARCHIVE_OK);
    archive_write_data(zip.get(), bytes.data(), bytes.size());
  }
  archive_write_close(zip.get());
  ::lseek(memory.get(), 0, SEEK_SET);
  return image::read_all(memory.get(), limits::kMiB, "the zip");
}

std::string sha1_of(std::string_view bytes) {
  Hasher hasher(Hasher::Kind::sha1);
  hasher.update(bytes);
  return hasher.finish_hex();
}

json::array resources_of(const Files& files) {
  json::array out;
  for (const auto& [name, bytes] : files)
    out.push_back(json::object{{"path", name},
                               {"mode", "755"},
                               {"checksum", json::object{{"value", sha1_of(bytes)}}},
                               {"size_in_bytes", bytes.size()}});
  return out;
}

class PushTest : public ApiTest {
 protected:
  Answer apply(const std::string& yaml) {
    return ask("POST", "/v3/spaces/" + space_.guid.str() + "/actions/apply_manifest", yaml,
               {{"Content-Type", "application/x-yaml"}});
  }
  std::string app_guid(const std::string& name) {
    return get("/v3/apps?names=" + name).text("/resources/0/guid");
  }
  std::string package_for(const std::string& app) {
    return post("/v3/packages",
                json::object{
                    {"type", "bits"},
                    {"relationships",
                     json::object{{"app", json::object{{"data", json::object{{"guid", app}}}}}}}})
        .text("/guid");
  }
  Answer upload(const std::string& package, const std::string& bits,
                const std::optional<json::array>& resources = std::nullopt) {
    std::string body;
    if (resources)
      body += "--sep\r\nContent-Disposition: form-data; name=\"resources\"\r\n\r\n" +
              json::serialize(*resources) + "\r\n";
    if (!bits.empty())
      body +=
          "--sep\r\nContent-Disposition: form-data; name=\"bits\"; filename=\"package.zip\"\r\n"
          "Content-Type: application/zip\r\n\r\n" +
          bits + "\r\n";
    return ask("POST", "/v3/packages/" + package + "/upload", body + "--sep--\r\n",
               {{"Content-Type", "multipart/form-data; boundary=sep"}});
  }
  Answer match(const Files& files) {
    return post("/v3/resource_matches", json::object{{"resources", resources_of(files)}});
  }
  std::map<std::string, unsigned> paths_of(const std::string& package) {
    std::map<std::string, unsigned> out;
    const auto digest =
        Digest::from_hex(get("/v3/packages/" + package).text("/data/checksum/value"));
    for (const auto& file : image::load_package(blobs_, digest).files) out[file.path] = file.mode;
    return out;
  }

  const Files files_{{"index.js", "console.log(1)\n"}, {"package.json", "{\"name\":\"a\"}"}};
};

TEST_F(PushTest, GoesFromAManifestToABuild) {
  const Answer applied = apply("applications:\n- name: hello\n  path: .\n  default-route: true\n");
  EXPECT_EQ(applied.status, 202) << applied.body;
  const std::string job(applied.headers.get("Location").value_or(""));
  EXPECT_EQ(get(job.substr(std::string("http://api.test").size())).text("/state"), "COMPLETE");
  const std::string app = app_guid("hello");
  EXPECT_EQ(match(files_).text("/resources"), "[]");

  const std::string package = package_for(app);
  const Answer uploaded = upload(package, zip_of(files_));
  EXPECT_EQ(uploaded.status, 200) << uploaded.body;
  EXPECT_EQ(uploaded.text("/state"), "READY") << uploaded.body;
  EXPECT_EQ(paths_of(package).size(), 2u);
  EXPECT_EQ(last_event(), "audit.app.upload-bits");

  const Answer build =
      post("/v3/builds", json::object{{"package", json::object{{"guid", package}}}});
  EXPECT_EQ(build.status, 201) << build.body;
  EXPECT_EQ(build.text("/state"), "STAGING");
  EXPECT_EQ(build.text("/package/guid"), package);
  EXPECT_EQ(get("/v3/apps/" + app + "/routes").text("/resources/0/url"), "hello.localhost");
  EXPECT_EQ(get("/v3/apps/" + app + "/routes").text("/resources/0/destinations/0/app/process/type"),
            "web");
}

TEST_F(PushTest, UploadsOnlyWhatTheSpaceLacks) {
  apply("applications:\n- name: hello\n");
  const std::string app = app_guid("hello");
  upload(package_for(app), zip_of(files_));
  const Answer matched = match({{"index.js", "console.log(1)\n"}, {"new.js", "2"}});
  ASSERT_EQ(matched.at("/resources").as_array().size(), 1u) << matched.body;
  EXPECT_EQ(matched.text("/resources/0/path"), "index.js");
  EXPECT_EQ(matched.text("/resources/0/mode"), "755");

  const std::string second = package_for(app);
  const Answer uploaded =
      upload(second, zip_of({{"new.js", "2"}}), matched.at("/resources").as_array());
  EXPECT_EQ(uploaded.text("/state"), "READY") << uploaded.body;
  EXPECT_EQ(paths_of(second),
            (std::map<std::string, unsigned>{{"index.js", 0755}, {"new.js", 0644}}));

  const std::string third = package_for(app);
  EXPECT_EQ(upload(third, "", resources_of(files_)).text("/state"), "READY");
  EXPECT_EQ(paths_of(third).size(), 2u);
}

TEST_F(PushTest, TellsNobodyWhatAnotherSpaceHas) {
  apply("applications:\n- name: hello\n");
  upload(package_for(app_guid("hello")), zip_of(files_));
  model::Space other;
  other.name = "other";
  other.org = org_.guid;
  other = insert(other);
  model::App theirs;
  theirs.name = "theirs";
  theirs.space = other.guid;
  theirs = insert(theirs);
  const auto mallory = make_user("mallory");
  model::Role role;
  role.type = model::RoleType::space_developer;
  role.user = mallory.guid;
  role.space = other.guid;
  insert(role);
  log_in(mallory);
  EXPECT_EQ(match(files_).text("/resources"), "[]");
  const std::string package = package_for(theirs.guid.str());
  const Answer refused = upload(package, "", resources_of(files_));
  EXPECT_EQ(refused.status, 422) << refused.body;
  EXPECT_EQ(get("/v3/packages/" + package + "?wait=false").text("/state"), "AWAITING_UPLOAD");
}

TEST_F(PushTest, SaysWhyABadZipFailed) {
  apply("applications:\n- name: hello\n");
  const std::string package = package_for(app_guid("hello"));
  const Answer failed = upload(package, "this is no zip");
  EXPECT_EQ(failed.text("/state"), "FAILED") << failed.body;
  EXPECT_NE(failed.text("/data/error"), "null");
  const Answer again = upload(package, zip_of(files_));
  EXPECT_EQ(again.status, 400) << again.body;
  const Answer build =
      post("/v3/builds", json::object{{"package", json::object{{"guid", package}}}});
  EXPECT_EQ(build.status, 400);
  EXPECT_EQ(build.text("/errors/0/detail"),
            "Bad request: Cannot stage package whose state is not ready.");
}

TEST_F(PushTest, BringsAnAppToItsManifest) {
  apply(
      "applications:\n- name: hello\n  memory: 128M\n  instances: 2\n  env: {A: one}\n"
      "  routes:\n  - route: a.localhost:8080/x\n  processes:\n  - type: worker\n"
      "    instances: 3\n    command: work\n");
  const std::string app = "/v3/apps/" + app_guid("hello");
  EXPECT_EQ(get(app + "/processes/web").text("/memory_in_mb"), "128");
  EXPECT_EQ(get(app + "/processes/worker").text("/instances"), "3");
  EXPECT_EQ(get(app + "/env").text("/environment_variables/A"), "one");
  EXPECT_EQ(get(app + "/routes").text("/resources/0/url"), "a.localhost/x");

  EXPECT_EQ(apply("applications:\n- name: hello\n  instances: 1\n  env: {B: two}\n"
                  "  no-route: true\n  services: [db]\n")
                .status,
            202);
  EXPECT_EQ(get(app + "/processes/web").text("/instances"), "1");
  EXPECT_EQ(get(app + "/processes/web").text("/memory_in_mb"), "128");
  EXPECT_EQ(get(app + "/env").text("/environment_variables/A"), "one");
  EXPECT_EQ(get(app + "/env").text("/environment_variables/B"), "two");
  EXPECT_EQ(get(app + "/routes").text("/resources"), "[]");
}

TEST_F(PushTest, ChangesNothingIfOneAppOfAManifestIsWrong) {
  const Answer refused =
      apply("applications:\n- name: good\n- name: bad\n  routes:\n  - route: bad.example.org\n");
  EXPECT_EQ(refused.status, 422) << refused.body;
  EXPECT_NE(refused.body.find("bad.example.org"), std::string::npos);
  EXPECT_EQ(get("/v3/apps").text("/resources"), "[]");
}

TEST_F(PushTest, ShowsHowAManifestDiffers) {
  apply("applications:\n- name: hello\n  memory: 128M\n  env: {A: one}\n");
  const auto diff = [&](const std::string& yaml) {
    return ask("POST", "/v3/spaces/" + space_.guid.str() + "/manifest_diff", yaml);
  };
  EXPECT_EQ(diff("applications:\n- name: hello\n  memory: 128M\n  env: {A: one}\n").text("/diff"),
            "[]");
  const Answer changed =
      diff("applications:\n- name: hello\n  memory: 1G\n  env: {A: one, B/C: two}\n");
  EXPECT_EQ(changed.status, 201);
  EXPECT_EQ(json::serialize(changed.at("/diff")),
            R"([{"op":"add","path":"/applications/0/env/B~1C","value":"two"},)"
            R"({"op":"replace","path":"/applications/0/memory","was":"128M","value":"1G"}])");
  EXPECT_NE(get("/v3/apps/" + app_guid("hello") + "/manifest").body.find("- name: hello"),
            std::string::npos);
}

}  // namespace
}  // namespace nuri::api
