// The part of LocalEngine that runs builds.

#include <errno.h>
#include <fcntl.h>
#include <fmt/format.h>

#include "async/deadline.h"
#include "async/task_group.h"
#include "base/log.h"
#include "engine/local/build_input.h"
#include "engine/local/exit_file.h"
#include "engine/local/launch.h"
#include "engine/local/local_engine.h"
#include "image/oci_import.h"
#include "image/package.h"

namespace nuri::engine::local {
namespace {

constexpr Duration kSweepDeadline = 60s;
constexpr std::uint32_t kBuildCpuWeight = 20;
constexpr std::uint32_t kBuildPids = 2048;

struct Pipe {
  Fd read_end, write_end;
  Pipe() {
    int fds[2];
    if (::pipe2(fds, O_CLOEXEC) != 0) throw system_error("make a pipe for a build", errno);
    read_end = Fd(fds[0]);
    write_end = Fd(fds[1]);
  }
};

host::StartInstance sandbox_of(const BuildSpec& spec, const image::oci::Image& image,
                               const LocalSettings& settings) {
  host::StartInstance request;
  request.guid = spec.guid.str();
  request.app = spec.app.str();
  request.kind = host::InstanceKind::build;
  for (const auto& layer : image.layers) request.layers.push_back(layer.diff_id);
  request.argv = {"/nuri/bin/nuri-lifecycle"};
  for (const std::string& variable : image.config.env) {
    const auto equals = variable.find('=');
    if (equals != std::string::npos)
      request.env.emplace_back(variable.substr(0, equals), variable.substr(equals + 1));
  }
  const int memory = spec.memory_mb > 0 ? spec.memory_mb : settings.build_memory_mb;
  const int disk = spec.disk_mb > 0 ? spec.disk_mb : settings.build_disk_mb;
  request.limits.memory_bytes = static_cast<std::uint64_t>(memory) * limits::kMiB;
  request.limits.disk_bytes = static_cast<std::uint64_t>(disk) * limits::kMiB;
  request.limits.cpu_weight = kBuildCpuWeight;
  request.limits.pids = kBuildPids;
  request.log_source = "STG";
  request.mounts = {host::ExtraMount::lifecycle, host::ExtraMount::buildpacks,
                    host::ExtraMount::cache};
  request.hostname = "build";
  return request;
}

// Writes the input until the sandbox has read it all, or has gone.
Task<void> feed(async::BlockingPool& pool, image::BlobStore& blobs, Digest package,
                image::BuildInput input, Fd to) {
  try {
    co_await pool.run([&blobs, package, input = std::move(input), fd = std::move(to)] {
      image::write_build_input(image::load_package(blobs, package), blobs, input, fd.get());
    });
  } catch (const Error& error) {
    // A build that ends early does not read its input: its exit code says why.
    if (error.code() != Code::cancelled) throw;
  }
}

struct Outcome {
  std::optional<image::oci::Imported> image;
  std::string failure;
};

// Reads the output; a build that failed leaves it incomplete.
Task<void> take(async::BlockingPool& pool, image::BlobStore& blobs,
                std::vector<image::oci::Layer> reusable, Fd from, Outcome& outcome) {
  try {
    outcome.image =
        co_await pool.run([&blobs, reusable = std::move(reusable), fd = std::move(from)] {
          return image::oci::import_build_output(blobs, fd.get(), reusable);
        });
  } catch (const Error& error) {
    if (error.code() == Code::cancelled || error.code() == Code::timeout) throw;
    outcome.failure = error.message();
  }
}

}  // namespace

Task<model::InstanceExit> LocalEngine::build_end(std::string guid) {
  for (;;) {
    for (const Observed& one : co_await observe())
      if (one.guid.str() == guid && one.exit) co_return *one.exit;
    auto waited = [](async::Event& event) -> Task<IoResult<void>> {
      co_return co_await event.wait();
    };
    auto result = co_await async::within(1s, waited(changed_));
    if (!result && result.error() != IoError::timed_out)
      throw error_of(result.error(), "wait for the end of a build");
    if ((co_await async::current_scope()).cancelled())
      throw error_of(*(co_await async::current_scope()).cause(), "wait for the end of a build");
  }
}

Task<void> LocalEngine::run_build(BuildSpec spec, BuildResult& result) {
  const auto run_image = co_await image_of(settings_.run_image);
  auto build_image = co_await image_of(settings_.build_image);
  std::optional<image::oci::Image> previous;
  if (spec.previous_image) {
    try {
      previous = co_await image_of(*spec.previous_image);
    } catch (const Error& error) {
      log_warn("a build starts without its previous image", {{"error", error.message()}});
    }
  }
  std::vector<image::oci::Layer> reusable = run_image.layers;
  if (previous) reusable.insert(reusable.end(), previous->layers.begin(), previous->layers.end());
  host::StartInstance request = sandbox_of(spec, build_image, settings_);
  co_await provide_layers(std::move(build_image));

  Pipe input, output;
  std::vector<int> fds{input.read_end.get(), output.write_end.get()};
  co_await host_.ask<host::Started>(std::move(request), fds);
  input.read_end.reset();
  output.write_end.reset();

  Outcome outcome;
  async::TaskGroup group(loop_);
  group.spawn(
      feed(streams_, blobs_, spec.package,
           {build_json(spec, run_image, previous, settings_.platform_env), settings_.ca_bundle},
           std::move(input.write_end)));
  group.spawn(take(streams_, blobs_, std::move(reusable), std::move(output.read_end), outcome));
  co_await group.join();
  const auto exit = co_await build_end(spec.guid.str());
  if (exit.reason != model::ExitReason::exited)
    throw Error(Code::unprocessable, "the build ended: " + model::describe(exit));
  if (exit.code != 0) throw Error(Code::unprocessable, failure_of_exit(exit.code));
  if (!outcome.image)
    throw Error(Code::unprocessable, "the image of the build cannot be taken: " + outcome.failure);

  result.image = outcome.image->manifest;
  const auto image = co_await image_of(result.image);
  result.process_types = process_types(image.config);
  result.buildpacks = buildpacks_of(image.config);
  for (const auto& layer : image.layers) result.size_bytes += layer.blob.size;
}

Task<BuildResult> LocalEngine::build(BuildSpec spec) {
  const InstanceGuid sandbox(spec.guid.str());
  co_await remove(sandbox);  // what a build that was cut off left
  BuildResult result;
  std::exception_ptr error;
  try {
    co_await run_build(std::move(spec), result);
  } catch (...) {
    error = std::current_exception();
  }
  // Whatever happened, also a cancellation: nothing of the build stays.
  std::string left;
  try {
    co_await async::shielded(kSweepDeadline, remove(sandbox));
  } catch (const Error& failure) {
    left = failure.message();
  }
  if (!left.empty()) log_warn("a build's sandbox could not be removed", {{"error", left}});
  if (error) std::rethrow_exception(error);
  co_return result;
}

}  // namespace nuri::engine::local
