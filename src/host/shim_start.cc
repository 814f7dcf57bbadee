#include "host/shim_start.h"

#include <fcntl.h>
#include <fmt/format.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cerrno>

#include "base/error.h"
#include "engine/door.h"
#include "host/kernel_file.h"
#include "host/shim/packet_socket.h"

namespace nuri::host {
namespace {

constexpr int kHandshakeFd = 3;

// The last lines that the shim wrote before it died.
std::string last_words(const std::string& path) {
  std::string text = read_file_if_there(path).value_or("");
  if (text.size() > 1000) text.erase(0, text.size() - 1000);
  while (text.ends_with('\n')) text.pop_back();
  return text.empty() ? "" : ": " + text;
}

door::Handshake await_step(int socket, door::Handshake::Step wanted, const ShimStart& start) {
  const auto packet =
      shim::await_packet(socket, static_cast<int>(start.deadline / 1ms), "the shim");
  if (!packet) throw Error(Code::timeout, fmt::format("starting the sandbox: {}", packet.error()));
  if (packet->end)
    throw Error(Code::internal, fmt::format("the sandbox's shim died while starting{}",
                                            last_words(start.error_path)));
  auto message = door::parse_handshake(packet->bytes);
  if (!message) throw Error(Code::internal, fmt::format("the shim's answer: {}", message.error()));
  if (message->step == door::Handshake::Step::failed)
    throw Error(Code::unprocessable, message->text);
  if (message->step != wanted) throw Error(Code::internal, "the shim answered out of turn");
  return *std::move(message);
}

void shake_hands(int socket, const Child& child, const ShimStart& start) {
  using Step = door::Handshake::Step;
  await_step(socket, Step::namespaces, start);
  start.wire(child.pid);
  door::Handshake go;
  go.step = Step::go;
  if (!shim::send_packet(socket, door::encode(go), start.descriptors))
    throw system_error("letting the shim go on", errno);
  await_step(socket, Step::started, start);
}

}  // namespace

Child start_shim(const ShimStart& start) {
  int pair[2];
  if (::socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
    throw system_error("making the handshake's socket", errno);
  Fd ours(pair[0]), theirs(pair[1]);
  const Fd errors(::open(start.error_path.c_str(),
                         O_WRONLY | O_CREAT | O_TRUNC | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600));
  if (!errors) throw system_error(fmt::format("making {}", start.error_path), errno);
  const ProgramRun run{start.program,
                       {"nuri-shim", "run", start.dir, "--handshake", std::to_string(kHandshakeFd)},
                       {"PATH=/usr/sbin:/usr/bin:/sbin:/bin"},
                       "",
                       start.deadline,
                       {{theirs.get(), kHandshakeFd}}};
  Child child = spawn_session(run, errors.get(), start.place);
  theirs.reset();
  try {
    shake_hands(ours.get(), child, start);
  } catch (...) {
    // The shim takes everything with it when the handshake's end is closed; SIGKILL if it hangs.
    ours.reset();
    ::kill(child.pid, SIGKILL);
    while (::waitpid(child.pid, nullptr, 0) < 0 && errno == EINTR) {
    }
    throw;
  }
  return child;
}

}  // namespace nuri::host
