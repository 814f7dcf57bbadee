#include "main/processes.h"

#include <filesystem>

#include "base/limits.h"
#include "base/log.h"
#include "host/unpack.h"
#include "main/process_lock.h"

namespace nuri {
namespace {

int host_process(const cli::Arguments& arguments) {
  const Settings settings = settings_from(arguments);
  set_log_process("host");
  std::filesystem::create_directories(settings.run_dir);
  const ProcessLock lock(settings.lock_of("host"), "nuri host");
  return host::host_main(host_options(settings));
}

int unpack(const cli::Arguments& arguments) {
  std::vector<std::string> words = arguments.all("ARGUMENT");
  words.insert(words.begin(), "host-unpack");
  std::vector<char*> argv;
  for (auto& word : words) argv.push_back(word.data());
  return host::unpack_main(static_cast<int>(argv.size()), argv.data());
}

}  // namespace

host::HostOptions host_options(const Settings& settings) {
  host::HostOptions out;
  out.realm = settings.realm;
  out.state_dir = settings.state_dir;
  out.run_dir = settings.run_dir;
  out.subnet = settings.subnet;
  out.shim_program = settings.program_dir + "/nuri-shim";
  out.lifecycle_dir = settings.program_dir;
  out.buildpacks_dir = settings.buildpacks_dir;
  if (settings.disk_reserve_mb > 0)
    out.disk_reserve_bytes = settings.disk_reserve_mb * limits::kMiB;
  return out;
}

cli::Verb host_verb() {
  cli::Verb verb;
  verb.name = "host";
  verb.group = "Processes";
  verb.summary = "The privileged helper: sandboxes, layers, network (nuri up runs it)";
  verb.flags = settings_flags();
  verb.run = host_process;
  return verb;
}

cli::Verb unpack_verb() {
  cli::Verb verb;
  verb.name = "host-unpack";
  verb.group = "";
  verb.summary = "Unpacks one layer (nuri host runs it)";
  verb.positionals = {{"ARGUMENT", "what the host says", cli::Positional::Need::rest}};
  verb.run = unpack;
  return verb;
}

}  // namespace nuri
