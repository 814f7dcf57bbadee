#include "build/lifecycle/launch.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>

#include "base/fd.h"
#include "build/lifecycle/buildpack.h"
#include "build/lifecycle/toml_file.h"
#include "build/lifecycle/tree.h"

namespace nuri::lifecycle {
namespace {

std::vector<fs::path> sorted_entries(const fs::path& directory) {
  std::vector<fs::path> out;
  std::error_code ec;
  for (fs::directory_iterator it(directory, ec), end; !ec && it != end; it.increment(ec))
    out.push_back(it->path());
  std::sort(out.begin(), out.end());
  return out;
}

void strip_launcher(Environment& environment) {
  std::string kept;
  std::string_view path = environment["PATH"];
  while (!path.empty()) {
    const auto colon = path.find(':');
    const std::string_view part = path.substr(0, colon);
    if (part != "/cnb/process" && part != "/cnb/lifecycle")
      kept += (kept.empty() ? "" : ":") + std::string(part);
    path = colon == std::string_view::npos ? std::string_view() : path.substr(colon + 1);
  }
  environment["PATH"] = kept;
  for (const char* name : {"CNB_APP_DIR", "CNB_LAYERS_DIR", "CNB_PLATFORM_API"})
    environment.erase(name);
}

// Reads what the program writes to its descriptor 3.
std::string run_execd(const fs::path& program, const fs::path& app,
                      const Environment& environment) {
  std::array<int, 2> ends;
  if (::pipe2(ends.data(), O_CLOEXEC) != 0) throw system_error("cannot make a pipe", errno);
  const Fd out(ends[0]);
  Fd in(ends[1]);
  std::vector<std::string> lines = to_lines(environment);
  std::vector<char*> env;
  for (auto& line : lines) env.push_back(line.data());
  env.push_back(nullptr);
  std::string name = program.string();
  std::array<char*, 2> argv{name.data(), nullptr};
  const pid_t pid = ::fork();
  if (pid < 0) throw system_error(fmt::format("cannot start {}", name), errno);
  if (pid == 0) {
    if (in.get() == 3)
      ::fcntl(3, F_SETFD, 0);
    else
      ::dup2(in.get(), 3);
    if (::chdir(app.c_str()) != 0) ::_exit(126);
    ::execve(argv[0], argv.data(), env.data());
    ::_exit(126);
  }
  in.reset();
  std::string text;
  std::array<char, 4096> buffer;
  for (ssize_t n = 0; (n = ::read(out.get(), buffer.data(), buffer.size())) > 0;)
    if (text.size() < limits::kExecdBytes) text.append(buffer.data(), static_cast<std::size_t>(n));
  int status = 0;
  while (::waitpid(pid, &status, 0) < 0 && errno == EINTR) {
  }
  if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
    throw Error(Code::internal, fmt::format("{} failed (status {})", name, status));
  return text;
}

void run_all_execd(const std::vector<fs::path>& layers, const std::string& type,
                   const fs::path& app, Environment& environment) {
  const auto pass = [&](const fs::path& below) {
    for (const auto& layer : layers)
      for (const auto& program : sorted_entries(layer / below)) {
        if (!is_file(program)) continue;
        const std::string text = run_execd(program, app, environment);
        for (const auto& member : parse_toml(text, program.string())) {
          if (!member.value().is_string())
            throw Error(Code::unprocessable,
                        fmt::format("{}: '{}' must be a text", program.string(),
                                    std::string(member.key())));
          environment[std::string(member.key())] = std::string(member.value().get_string());
        }
      }
  };
  pass("exec.d");
  if (!type.empty()) pass(fs::path("exec.d") / type);
}

const Process* find_process(const LaunchMetadata& metadata, const std::string& type) {
  for (const Process& process : metadata.processes)
    if (process.type == type) return &process;
  return nullptr;
}

}  // namespace

LaunchMetadata read_launch_metadata(const fs::path& layers) {
  LaunchMetadata metadata;
  const fs::path file = layers / "config" / "metadata.toml";
  const auto document = read_toml(file);
  if (!document) throw Error(Code::not_found, fmt::format("{} is missing", file.string()));
  if (const auto* buildpacks = json::find_array(*document, "buildpacks"))
    for (const auto& item : *buildpacks)
      metadata.buildpacks.push_back(json::require_string(require_table(item, "a buildpack"), "id"));
  metadata.processes = read_processes(*document);
  return metadata;
}

StartCommand choose_command(const LaunchMetadata& metadata, const std::string& called_as,
                            const std::vector<std::string>& args, const fs::path& app,
                            const std::string& shell) {
  StartCommand start;
  start.directory = app;
  if (const Process* process = find_process(metadata, called_as)) {
    start.type = process->type;
    start.argv = process->command;
    const auto& rest = args.empty() ? process->args : args;
    start.argv.insert(start.argv.end(), rest.begin(), rest.end());
    if (!process->working_directory.empty()) start.directory = app / process->working_directory;
    return start;
  }
  if (args.size() > 1 && args[0] == "--") {
    start.argv.assign(args.begin() + 1, args.end());
    return start;
  }
  if (!args.empty() && args[0] != "--") {
    start.argv = {shell, "-c", args[0], shell};
    start.argv.insert(start.argv.end(), args.begin() + 1, args.end());
    return start;
  }
  std::vector<std::string> types;
  for (const Process& process : metadata.processes) types.push_back("/cnb/process/" + process.type);
  throw Error(
      Code::not_found,
      fmt::format("nothing to start: '{}' is not a process type of this image and no command was "
                  "given. {}",
                  called_as,
                  types.empty() ? "It has no process types; give a command."
                                : fmt::format("There are: {}", fmt::join(types, ", "))));
}

Environment launch_environment(const LaunchMetadata& metadata, const fs::path& layers,
                               const std::string& type, const fs::path& app, Environment start) {
  strip_launcher(start);
  std::vector<fs::path> all;
  for (const auto& id : metadata.buildpacks) {
    std::vector<fs::path> own;
    for (const auto& entry : sorted_entries(layers / directory_name(id)))
      if (is_real_directory(entry)) own.push_back(entry);
    add_layer_paths(start, own, Phase::launch);
    for (const auto& layer : own) add_layer_variables(start, layer, Phase::launch, type);
    all.insert(all.end(), own.begin(), own.end());
  }
  run_all_execd(all, type, app, start);
  return start;
}

}  // namespace nuri::lifecycle
