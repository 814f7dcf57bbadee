#include "engine/door.h"

#include <iterator>
#include <utility>

#include "base/limits.h"
#include "engine/packet.h"

namespace nuri::door {
namespace {

template <class E>
struct Name {
  E value;
  std::string_view text;
};

constexpr Name<Verb> kVerbs[] = {
    {Verb::hello, "hello"}, {Verb::sockets, "sockets"}, {Verb::listening, "listening"},
    {Verb::stats, "stats"}, {Verb::freeze, "freeze"},   {Verb::thaw, "thaw"},
    {Verb::wake, "wake"},   {Verb::stop, "stop"},
};
constexpr Name<Refused> kRefusals[] = {
    {Refused::bad_request, "bad_request"},
    {Refused::version, "version"},
    {Refused::not_listening, "not_listening"},
    {Refused::ended, "ended"},
    {Refused::failed, "failed"},
};
constexpr Name<Cause> kCauses[] = {
    {Cause::exited, "exited"},
    {Cause::signaled, "signaled"},
    {Cause::out_of_memory, "out_of_memory"},
    {Cause::sandbox_killed, "sandbox_killed"},
    {Cause::start_failed, "start_failed"},
};
constexpr Name<Handshake::Step> kSteps[] = {
    {Handshake::Step::namespaces, "namespaces"},
    {Handshake::Step::go, "go"},
    {Handshake::Step::started, "started"},
    {Handshake::Step::failed, "failed"},
};

template <class E, std::size_t N>
std::string_view text_of(const Name<E> (&names)[N], E value) {
  for (const Name<E>& name : names) {
    if (name.value == value) return name.text;
  }
  return "";
}

template <class E, std::size_t N>
bool value_of(const Name<E> (&names)[N], std::string_view text, E& out) {
  for (const Name<E>& name : names) {
    if (name.text != text) continue;
    out = name.value;
    return true;
  }
  return false;
}

std::unexpected<std::string> bad_value(const PacketReader& in) {
  return std::unexpected("bad value of " + in.bad_key() + " in " + std::string(in.verb()));
}

// A text that leaves room for the rest of its packet, escapes included.
std::string_view bounded(std::string_view text) { return text.substr(0, 1000); }

void write(PacketWriter& out, const Welcome& w) {
  out.number("version", w.version).text("guid", w.guid).text("app_guid", w.app_guid);
  out.number("index", w.index).number("pid", w.pid).number("init", w.init).number("port", w.port);
  out.flag("build", w.build).flag("frozen", w.frozen).flag("stopping", w.stopping);
  out.signed_number("started_ns", w.started_ns);
}

void read(PacketReader& in, Welcome& w) {
  in.number("version", w.version);
  in.text("guid", w.guid);
  in.text("app_guid", w.app_guid);
  in.number("index", w.index);
  in.number("pid", w.pid);
  in.number("init", w.init);
  in.number("port", w.port);
  in.flag("build", w.build);
  in.flag("frozen", w.frozen);
  in.flag("stopping", w.stopping);
  in.number("started_ns", w.started_ns);
}

void write(PacketWriter& out, const Stats& s) {
  out.number("cpu_ns", s.cpu_ns).number("memory_bytes", s.memory_bytes);
  out.number("memory_peak", s.memory_peak).number("pids", s.pids);
  out.number("oom_kills", s.oom_kills).number("disk_used", s.disk_used);
  out.number("disk_total", s.disk_total).number("log_lines_dropped", s.log_lines_dropped);
  out.signed_number("uptime_ns", s.uptime_ns).flag("frozen", s.frozen);
}

void read(PacketReader& in, Stats& s) {
  in.number("cpu_ns", s.cpu_ns);
  in.number("memory_bytes", s.memory_bytes);
  in.number("memory_peak", s.memory_peak);
  in.number("pids", s.pids);
  in.number("oom_kills", s.oom_kills);
  in.number("disk_used", s.disk_used);
  in.number("disk_total", s.disk_total);
  in.number("log_lines_dropped", s.log_lines_dropped);
  in.number("uptime_ns", s.uptime_ns);
  in.flag("frozen", s.frozen);
}

void write(PacketWriter& out, const Exit& e) {
  out.text("guid", e.guid).text("cause", text_of(kCauses, e.cause));
  out.signed_number("code", e.code).signed_number("signal", e.signal);
  out.flag("stop_requested", e.stop_requested).flag("grace_exceeded", e.grace_exceeded);
  out.number("oom_kills", e.oom_kills).number("pids_denied", e.pids_denied);
  out.number("memory_peak", e.memory_peak).number("disk_used", e.disk_used);
  out.number("disk_total", e.disk_total).flag("disk_full", e.disk_full);
  out.number("log_lines_dropped", e.log_lines_dropped);
  out.signed_number("started_ns", e.started_ns).signed_number("ended_ns", e.ended_ns);
  if (!e.text.empty()) out.text("text", bounded(e.text));
}

bool read(PacketReader& in, Exit& e) {
  std::string cause;
  in.text("guid", e.guid);
  in.text("cause", cause);
  in.number("code", e.code);
  in.number("signal", e.signal);
  in.flag("stop_requested", e.stop_requested);
  in.flag("grace_exceeded", e.grace_exceeded);
  in.number("oom_kills", e.oom_kills);
  in.number("pids_denied", e.pids_denied);
  in.number("memory_peak", e.memory_peak);
  in.number("disk_used", e.disk_used);
  in.number("disk_total", e.disk_total);
  in.flag("disk_full", e.disk_full);
  in.number("log_lines_dropped", e.log_lines_dropped);
  in.number("started_ns", e.started_ns);
  in.number("ended_ns", e.ended_ns);
  in.text("text", e.text);
  return value_of(kCauses, cause, e.cause);
}

std::string_view verb_of(const Reply& reply) {
  static constexpr std::string_view kNames[] = {"done",  "welcome", "sockets_made", "listening",
                                                "stats", "refused", "exit"};
  static_assert(std::size(kNames) == std::variant_size_v<decltype(reply.body)>);
  return kNames[reply.body.index()];
}

void write_body(PacketWriter& out, const Reply& reply) {
  if (const auto* welcome = std::get_if<Welcome>(&reply.body)) {
    write(out, *welcome);
  } else if (const auto* sockets = std::get_if<Sockets>(&reply.body)) {
    out.number("count", sockets->count).text("to", sockets->to);
  } else if (const auto* listening = std::get_if<Listening>(&reply.body)) {
    out.ports("ports", listening->ports);
  } else if (const auto* stats = std::get_if<Stats>(&reply.body)) {
    write(out, *stats);
  } else if (const auto* refusal = std::get_if<Refusal>(&reply.body)) {
    out.text("why", text_of(kRefusals, refusal->why)).text("text", bounded(refusal->text));
    out.ports("ports", refusal->ports);
  } else if (const auto* exit = std::get_if<Exit>(&reply.body)) {
    write(out, *exit);
  }
}

}  // namespace

std::string encode(const Request& request) {
  PacketWriter out(text_of(kVerbs, request.verb));
  out.number("id", request.id);
  switch (request.verb) {
    case Verb::hello:
      out.number("oldest", request.oldest).number("newest", request.newest);
      break;
    case Verb::sockets:
      out.number("count", request.count).number("port", request.port);
      break;
    case Verb::stop:
      out.signed_number("signal", request.signal).signed_number("grace_ms", request.grace_ms);
      break;
    default:
      break;
  }
  return std::move(out).take();
}

std::expected<Request, std::string> parse_request(std::string_view packet) {
  auto in = PacketReader::read(packet);
  if (!in) return std::unexpected(in.error());
  Request request;
  if (!value_of(kVerbs, in->verb(), request.verb)) {
    return std::unexpected("unknown verb " + std::string(in->verb()));
  }
  in->number("id", request.id);
  in->number("oldest", request.oldest);
  in->number("newest", request.newest);
  in->number("count", request.count);
  in->number("port", request.port);
  in->number("signal", request.signal);
  in->number("grace_ms", request.grace_ms);
  if (!in->good()) return bad_value(*in);
  if (request.count == 0 || request.count > limits::kSocketsPerBatch) {
    return std::unexpected("count must be 1 to 32");
  }
  if (request.signal < 0 || request.signal > 64) return std::unexpected("signal must be 0 to 64");
  if (request.grace_ms < -1 || request.grace_ms > 86'400'000) {
    return std::unexpected("grace_ms must be at most a day");
  }
  return request;
}

std::string encode(const Reply& reply) {
  PacketWriter out(verb_of(reply));
  out.number("id", reply.id);
  write_body(out, reply);
  return std::move(out).take();
}

std::expected<Reply, std::string> parse_reply(std::string_view packet) {
  auto in = PacketReader::read(packet);
  if (!in) return std::unexpected(in.error());
  Reply reply;
  in->number("id", reply.id);
  std::string_view verb = in->verb();
  if (verb == "done") {
    reply.body = Done{};
  } else if (verb == "welcome") {
    read(*in, reply.body.emplace<Welcome>());
  } else if (verb == "sockets_made") {
    auto& sockets = reply.body.emplace<Sockets>();
    in->number("count", sockets.count);
    in->text("to", sockets.to);
  } else if (verb == "listening") {
    in->ports("ports", reply.body.emplace<Listening>().ports);
  } else if (verb == "stats") {
    read(*in, reply.body.emplace<Stats>());
  } else if (verb == "refused") {
    auto& refusal = reply.body.emplace<Refusal>();
    std::string why;
    in->text("why", why);
    in->text("text", refusal.text);
    in->ports("ports", refusal.ports);
    if (!value_of(kRefusals, why, refusal.why)) refusal.why = Refused::failed;
  } else if (verb == "exit") {
    if (!read(*in, reply.body.emplace<Exit>()))
      return std::unexpected("exit without a known cause");
  } else {
    return std::unexpected("unknown verb " + std::string(verb));
  }
  if (!in->good()) return bad_value(*in);
  return reply;
}

std::string encode_exit_file(const Exit& exit) {
  PacketWriter out("nuri_exit");
  out.number("version", 1);
  write(out, exit);
  return std::move(out).take() + "\n";
}

std::expected<Exit, std::string> parse_exit_file(std::string_view text) {
  if (text.empty() || text.back() != '\n') return std::unexpected("exit file is cut short");
  text.remove_suffix(1);
  auto in = PacketReader::read(text);
  if (!in) return std::unexpected("exit file: " + in.error());
  std::uint32_t version = 0;
  in->number("version", version);
  if (in->verb() != "nuri_exit" || version != 1) {
    return std::unexpected("exit file is not of version 1");
  }
  Exit exit;
  if (!read(*in, exit)) return std::unexpected("exit file without a known cause");
  if (!in->good()) return bad_value(*in);
  return exit;
}

std::string encode(const Handshake& message) {
  PacketWriter out(text_of(kSteps, message.step));
  if (message.pid != 0) out.number("pid", message.pid);
  if (message.init != 0) out.number("init", message.init);
  if (!message.text.empty()) out.text("text", bounded(message.text));
  return std::move(out).take();
}

std::expected<Handshake, std::string> parse_handshake(std::string_view packet) {
  auto in = PacketReader::read(packet);
  if (!in) return std::unexpected(in.error());
  Handshake message;
  if (!value_of(kSteps, in->verb(), message.step)) {
    return std::unexpected("unknown step " + std::string(in->verb()));
  }
  in->number("pid", message.pid);
  in->number("init", message.init);
  in->text("text", message.text);
  if (!in->good()) return bad_value(*in);
  return message;
}

}  // namespace nuri::door
