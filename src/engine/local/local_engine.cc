#include "engine/local/local_engine.h"

#include <fmt/format.h>

#include "async/deadline.h"
#include "base/log.h"
#include "engine/local/exit_file.h"
#include "engine/local/launch.h"
#include "engine/local/probe.h"
#include "engine/local/shim_client.h"

namespace nuri::engine::local {
namespace {

constexpr Duration kAddLayerDeadline = 10min;

}  // namespace

LocalEngine::LocalEngine(async::Loop& loop, async::BlockingPool& pool, async::BlockingPool& streams,
                         image::BlobStore& blobs, LocalSettings settings)
    : loop_(loop),
      pool_(pool),
      streams_(streams),
      blobs_(blobs),
      settings_(std::move(settings)),
      host_(loop, settings_.host_socket, changed_) {}

Task<image::oci::Image> LocalEngine::image_of(Digest manifest) {
  co_return co_await pool_.run(
      [&blobs = blobs_, manifest] { return image::oci::load_image(blobs, manifest); });
}

Task<void> LocalEngine::provide_layers(image::oci::Image image) {
  host::HasLayers wanted;
  for (const auto& layer : image.layers) wanted.diff_ids.push_back(layer.diff_id);
  const auto missing = co_await host_.ask<host::Layers>(wanted);
  for (const Digest& diff_id : missing.diff_ids) {
    for (const auto& layer : image.layers) {
      if (layer.diff_id != diff_id) continue;
      const auto blob = co_await pool_.run(
          [&blobs = blobs_, digest = layer.blob.digest] { return blobs.open(digest); });
      std::vector<int> fds{blob.fd.get()};
      co_await async::within(kAddLayerDeadline, host_.call(host::AddLayer{diff_id}, fds));
      break;
    }
  }
}

Task<void> LocalEngine::start(InstanceSpec spec) {
  auto image = co_await image_of(spec.image);
  host::StartInstance request = start_request(spec, image);
  co_await provide_layers(std::move(image));
  try {
    co_await host_.ask<host::Started>(std::move(request));
  } catch (const Error& error) {
    // It is there already: an earlier server asked for it.
    if (error.code() != Code::conflict) throw;
  }
}

Task<void> LocalEngine::stop(InstanceGuid guid, Duration grace) {
  door::Request request;
  request.verb = door::Verb::stop;
  request.grace_ms = grace / std::chrono::milliseconds(1);
  auto answer = co_await ask_shim(loop_, dir_of(guid.str()), request);
  if (answer) co_return;
  if (answer.error() == IoError::timed_out || answer.error() == IoError::cancelled)
    throw error_of(answer.error(), "ask an instance to stop");
  // No shim: it has ended; what it left goes with remove().
}

Task<void> LocalEngine::remove(InstanceGuid guid) {
  co_await host_.call(host::RemoveInstance{guid.str(), true});
  cpu_.erase(guid);
}

Task<model::InstanceExit> LocalEngine::exit_of(std::string guid) {
  co_return co_await pool_.run([dir = dir_of(guid)] { return read_exit(dir); });
}

Task<std::vector<Observed>> LocalEngine::observe() {
  std::vector<Observed> out;
  host::ListInstances list;
  for (bool more = true; more;) {
    auto page = co_await host_.ask<host::InstancePage>(list);
    for (const auto& info : page.instances) {
      Observed one{
          InstanceGuid(info.guid), AppGuid(info.app), info.kind == host::InstanceKind::build, {}};
      if (info.state == host::InstanceState::exited) one.exit = co_await exit_of(info.guid);
      out.push_back(std::move(one));
    }
    more = page.more && !page.instances.empty();
    if (more) list.after = page.instances.back().guid;
  }
  co_return out;
}

Task<ProbeResult> LocalEngine::probe(InstanceGuid guid, Probe probe) {
  return probe_instance(loop_, dir_of(guid.str()), std::move(probe));
}

Task<std::optional<Stats>> LocalEngine::stats(InstanceGuid guid) {
  door::Request request;
  request.verb = door::Verb::stats;
  auto answer = co_await ask_shim(loop_, dir_of(guid.str()), request);
  const auto* stats = answer ? std::get_if<door::Stats>(&answer->reply.body) : nullptr;
  if (!stats) co_return std::nullopt;
  Stats out;
  out.memory_bytes = stats->memory_bytes;
  out.disk_bytes = stats->disk_used;
  out.uptime = Duration(stats->uptime_ns);
  CpuReading& last = cpu_[guid];
  const Time now = loop_.now();
  const Duration since = last.cpu_ns ? now - last.at : out.uptime;
  if (since > Duration(0) && stats->cpu_ns >= last.cpu_ns)
    out.cpu = static_cast<double>(stats->cpu_ns - last.cpu_ns) / static_cast<double>(since.count());
  last = {stats->cpu_ns, now};
  co_return out;
}

std::string LocalEngine::upstream(const InstanceGuid& guid, int) const {
  return "door:" + dir_of(guid.str()) + "/door.sock";
}

Task<void> LocalEngine::forget_app(AppGuid app) {
  co_await host_.call(host::RemoveCache{app.str()});
}

Task<void> LocalEngine::collect(std::set<Digest> images_in_use) {
  std::set<Digest> used;
  for (const Digest& manifest : images_in_use) {
    try {
      for (const auto& layer : (co_await image_of(manifest)).layers) used.insert(layer.diff_id);
    } catch (const Error& error) {
      // An image that cannot be read might use any layer: nothing is taken away this time.
      throw error.within("find the layers of image " + manifest.str());
    }
  }
  host::ListLayers list;
  for (bool more = true; more;) {
    const auto page = co_await host_.ask<host::LayerPage>(list);
    host::RemoveLayers unused;
    for (const auto& layer : page.layers)
      if (!used.contains(layer.diff_id)) unused.diff_ids.push_back(layer.diff_id);
    if (!unused.diff_ids.empty()) co_await host_.call(unused);
    more = page.more && !page.layers.empty();
    if (more) list.after = page.layers.back().diff_id;
  }
}

}  // namespace nuri::engine::local
