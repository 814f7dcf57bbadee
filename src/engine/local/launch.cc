#include "engine/local/launch.h"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <charconv>

#include "base/json.h"
#include "base/limits.h"

namespace nuri::engine::local {
namespace {

constexpr std::string_view kBuildMetadata = "io.buildpacks.build.metadata";
constexpr std::string_view kLauncher = "/cnb/lifecycle/launcher";

json::object build_metadata(const image::oci::ImageConfig& config) {
  const auto label = config.labels.find(std::string(kBuildMetadata));
  return label == config.labels.end() ? json::object() : json::parse_object(label->second);
}

bool made_by_buildpacks(const image::oci::ImageConfig& config) {
  return config.labels.contains(std::string(kBuildMetadata));
}

// A process's command is a text or a list, its arguments a list. What a shell is given is shown as
// it was written.
std::string command_text(const json::object& process) {
  std::vector<std::string> words;
  const auto append = [&words](const json::value& part) {
    if (part.is_string()) words.emplace_back(part.get_string());
  };
  for (const char* key : {"command", "args"}) {
    const auto it = process.find(key);
    if (it == process.end()) continue;
    if (it->value().is_array())
      for (const auto& part : it->value().get_array()) append(part);
    else
      append(it->value());
  }
  const bool of_shell = words.size() == 3 && words[0] == "bash" && words[1] == "-c";
  return of_shell ? words[2] : fmt::format("{}", fmt::join(words, " "));
}

std::vector<std::string> argv_of(const InstanceSpec& spec, const image::oci::ImageConfig& config) {
  if (made_by_buildpacks(config)) {
    if (spec.command) return {std::string(kLauncher), *spec.command};
    if (!process_types(config).contains(spec.process_type))
      throw Error(Code::unprocessable,
                  fmt::format("the app has no process of type '{}' and no command was given for it",
                              spec.process_type));
    return {"/cnb/process/" + spec.process_type};
  }
  if (spec.command) return {"/bin/sh", "-c", *spec.command};
  std::vector<std::string> argv = config.entrypoint;
  argv.insert(argv.end(), config.cmd.begin(), config.cmd.end());
  if (argv.empty())
    throw Error(Code::unprocessable, "the image says nothing to run: give the app a start command");
  return argv;
}

std::uint32_t number_of(std::string_view text, std::string_view user) {
  std::uint32_t id = 0;
  const auto [end, error] = std::from_chars(text.data(), text.data() + text.size(), id);
  if (error != std::errc() || end != text.data() + text.size() || id == 0)
    throw Error(
        Code::unprocessable,
        fmt::format("the image runs as '{}': only a numeric user other than root is possible",
                    user));
  return id;
}

}  // namespace

std::map<std::string, std::string> process_types(const image::oci::ImageConfig& config) {
  std::map<std::string, std::string> out;
  const json::object metadata = build_metadata(config);
  if (const auto* processes = json::find_array(metadata, "processes"))
    for (const auto& process : *processes)
      if (process.is_object())
        out[json::require_string(process.get_object(), "type")] =
            command_text(process.get_object());
  return out;
}

std::vector<model::UsedBuildpack> buildpacks_of(const image::oci::ImageConfig& config) {
  std::vector<model::UsedBuildpack> out;
  const json::object metadata = build_metadata(config);
  if (const auto* buildpacks = json::find_array(metadata, "buildpacks"))
    for (const auto& buildpack : *buildpacks)
      if (buildpack.is_object())
        out.push_back({json::get_string(buildpack.get_object(), "id"),
                       json::get_string(buildpack.get_object(), "version"), ""});
  return out;
}

host::StartInstance start_request(const InstanceSpec& spec, const image::oci::Image& image) {
  host::StartInstance request;
  request.guid = spec.guid.str();
  request.app = spec.app.str();
  request.index = static_cast<std::uint32_t>(spec.index);
  for (const auto& layer : image.layers) request.layers.push_back(layer.diff_id);
  request.argv = argv_of(spec, image.config);
  std::map<std::string, std::string> env;
  for (const std::string& variable : image.config.env) {
    const auto equals = variable.find('=');
    if (equals != std::string::npos) env[variable.substr(0, equals)] = variable.substr(equals + 1);
  }
  for (const auto& [name, value] : spec.env) env[name] = value;
  request.env.assign(env.begin(), env.end());
  request.cwd = image.config.working_dir.empty() ? "/" : image.config.working_dir;
  if (!image.config.user.empty()) {
    const std::string_view user = image.config.user;
    const auto colon = user.find(':');
    request.uid = number_of(user.substr(0, colon), user);
    request.gid = colon == user.npos ? request.uid : number_of(user.substr(colon + 1), user);
  }
  request.limits.memory_bytes = static_cast<std::uint64_t>(spec.memory_mb) * limits::kMiB;
  request.limits.disk_bytes = static_cast<std::uint64_t>(spec.disk_mb) * limits::kMiB;
  std::string type = spec.process_type;
  for (char& c : type) c = c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c;
  request.log_source = "APP/PROC/" + type;
  request.port = static_cast<std::uint16_t>(spec.port);
  request.stop_grace_ms =
      static_cast<std::uint32_t>(spec.stop_grace / std::chrono::milliseconds(1));
  return request;
}

}  // namespace nuri::engine::local
