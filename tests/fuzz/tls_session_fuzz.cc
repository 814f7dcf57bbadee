// What comes from strangers before anybody knows who they are: a server's session is fed anything,
// in pieces, fresh or in the middle of a client's true handshake. It may fail; it may not crash, be
// established by what no client said, or answer without end.

#include "base/assert.h"
#include "base/limits.h"
#include "net/tls_client.h"
#include "net/tls_server.h"

namespace {

using namespace nuri;
using namespace nuri::net;

struct Place {
  Place() {
    SystemRandom random;
    const PemPair pem = make_self_signed({"a.example.com"}, SystemClock().wall(), 240h);
    server = std::make_unique<TlsServer>(TlsTicketKeys::make(random),
                                         std::vector<std::string>{"h2", "http/1.1"});
    server->set_default(Certificate::parse(pem.chain, pem.key));
    client = std::make_unique<TlsClient>(pem.chain, std::vector<std::string>{"http/1.1"});
  }
  std::unique_ptr<TlsServer> server;
  std::unique_ptr<TlsClient> client;
};

bool shake(TlsSession& client, TlsSession& server, int flights) {
  std::string there, back;
  for (int i = 0; i < flights; ++i) {
    std::string_view in = back;
    const bool done = client.handshake(in).has_value();
    client.take_output(there);
    in = there;
    if (server.handshake(in) && done) return true;
    server.take_output(back);
  }
  return false;
}

void feed(TlsSession& session, std::string_view bytes, std::size_t piece, bool from_nothing) {
  char space[512];
  std::string out;
  while (!bytes.empty()) {
    std::string_view in = bytes.substr(0, piece);
    const std::size_t had = in.size();
    const bool established = session.established();
    bool stopped = false;
    if (established) {
      const auto n = session.read(in, space);
      stopped = !n && n.error() != TlsStop::wants_input;
    } else {
      const auto done = session.handshake(in);
      stopped = !done && done.error() == TlsStop::failed;
      NURI_ASSERT(!from_nothing || !done);
      NURI_ASSERT(done || stopped || in.empty());
    }
    session.take_output(out);
    NURI_ASSERT(out.size() <= limits::kTlsUnaskedBytes);
    if (stopped) return;
    bytes.remove_prefix(had - in.size());
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const unsigned char* data, std::size_t size) {
  static Place place;
  if (size < 2) return 0;
  // How far the true handshake has come, and the size of the pieces.
  const int flights = data[0] % 4;
  const std::size_t piece = 1 + data[1] * 4;
  const std::string_view bytes(reinterpret_cast<const char*>(data) + 2, size - 2);
  TlsSession server = place.server->accept();
  TlsSession client = place.client->connect("a.example.com");
  shake(client, server, flights);
  feed(server, bytes, piece, flights == 0);
  return 0;
}
