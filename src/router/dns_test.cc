#include "router/dns.h"

#include <arpa/inet.h>
#include <gtest/gtest.h>
#include <sys/socket.h>

#include <atomic>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <thread>

#include "async/epoll_loop.h"
#include "async/task_group.h"
#include "router/test_sockets.h"

namespace nuri::router {
namespace {

// A question of the id `id`; what follows the header matters to nobody here.
std::string question(std::string id) {
  return id + std::string("\1\0\0\1\0\0\0\0\0\0", 10) + "name";
}
std::string answer_to(const std::string& asked) {
  std::string out = asked;
  out[2] = static_cast<char>(out[2] | 0x80);
  return out + "answer";
}
std::string framed(const std::string& message) {
  return std::string{static_cast<char>(message.size() >> 8),
                     static_cast<char>(message.size() & 255)} +
         message;
}

Fd udp_here(std::uint16_t& port) {
  Fd fd(::socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0));
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  EXPECT_EQ(::bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
  socklen_t size = sizeof address;
  ::getsockname(fd.get(), reinterpret_cast<sockaddr*>(&address), &size);
  port = ntohs(address.sin_port);
  const timeval patience{20, 0};
  ::setsockopt(fd.get(), SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
  return fd;
}

std::string datagram(int fd, sockaddr_in* from = nullptr) {
  std::string space(4096, '\0');
  sockaddr_in peer{};
  socklen_t size = sizeof peer;
  const ssize_t n =
      ::recvfrom(fd, space.data(), space.size(), 0, reinterpret_cast<sockaddr*>(&peer), &size);
  if (from) *from = peer;
  space.resize(n > 0 ? static_cast<std::size_t>(n) : 0);
  return space;
}

// A resolver that answers datagrams, first with a wrong id.
class Resolver {
 public:
  Resolver() : socket_(udp_here(port_)) {
    thread_ = std::thread([this] {
      for (;;) {
        sockaddr_in from{};
        const std::string asked = datagram(socket_.get(), &from);
        if (asked.size() < 12) return;
        for (const std::string& said : {answer_to("??" + asked.substr(2)), answer_to(asked)})
          ::sendto(socket_.get(), said.data(), said.size(), 0,
                   reinterpret_cast<const sockaddr*>(&from), sizeof from);
      }
    });
  }
  ~Resolver() {
    ::shutdown(socket_.get(), SHUT_RDWR);
    thread_.join();
  }
  std::uint16_t port() const { return port_; }

 private:
  std::uint16_t port_ = 0;
  Fd socket_;
  std::thread thread_;
};

class DnsTest : public testing::Test {
 protected:
  DnsTest() {
    char dir[] = "/tmp/nuri-dns-XXXXXX";
    EXPECT_NE(::mkdtemp(dir), nullptr);
    directory_ = dir;
    udp_ = udp_here(udp_port_);
    tcp_ = listen_here(tcp_port_);
  }
  ~DnsTest() override {
    if (thread_.joinable()) {
      loop_->post([this] { loop_->cancel(); });
      thread_.join();
    }
    std::filesystem::remove_all(directory_);
  }
  void serve(const std::string& resolv_conf) {
    std::ofstream(directory_ + "/resolv.conf") << resolv_conf;
    std::atomic<bool> ready = false;
    thread_ = std::thread([this, &ready] {
      async::EpollLoop loop;
      loop_ = &loop;
      loop.post([&ready] { ready = true; });
      loop.run(run(loop));
    });
    ASSERT_TRUE(eventually([&] { return ready.load(); }));
  }
  Task<void> run(async::Loop& loop) {
    async::TaskGroup group(loop);
    group.spawn(serve_dns_datagrams(loop, Fd(::dup(udp_.get())), directory_ + "/resolv.conf"));
    group.spawn(serve_dns_streams(loop, Fd(::dup(tcp_.get())), directory_ + "/resolv.conf"));
    co_await group.join();
  }
  std::string ask(const std::string& text) {
    std::uint16_t port;
    const Fd client = udp_here(port);
    sockaddr_in to{};
    to.sin_family = AF_INET;
    to.sin_port = htons(udp_port_);
    to.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    ::sendto(client.get(), text.data(), text.size(), 0, reinterpret_cast<const sockaddr*>(&to),
             sizeof to);
    return datagram(client.get());
  }

  std::string directory_;
  std::uint16_t udp_port_ = 0, tcp_port_ = 0;
  Fd udp_, tcp_;
  async::Loop* loop_ = nullptr;
  std::thread thread_;
};

TEST_F(DnsTest, PassesQuestionsToTheResolverAndAnswersBack) {
  Resolver resolver;
  serve("# a comment\nsearch example.com\nnameserver [127.0.0.1]:" +
        std::to_string(resolver.port()) + "\n");
  for (int n = 0; n < 50; ++n) {
    const std::string asked = question({'i', static_cast<char>(n)});
    EXPECT_EQ(ask(asked), answer_to(asked));
  }
}

TEST_F(DnsTest, TakesTheNextResolverWhenOneIsNotThere) {
  std::uint16_t nobody;
  udp_here(nobody);
  Resolver resolver;
  serve("nameserver [127.0.0.1]:" + std::to_string(nobody) +
        "\nnameserver [127.0.0.1]:" + std::to_string(resolver.port()) + "\n");
  EXPECT_EQ(ask(question("id")), answer_to(question("id")));
}

TEST_F(DnsTest, AnswersServerFailureWithoutAResolver) {
  serve("");
  const std::string said = ask(question("id"));
  ASSERT_EQ(said.size(), question("id").size());
  EXPECT_EQ(said.substr(0, 2), "id");
  EXPECT_EQ(static_cast<unsigned char>(said[2]) & 0x80, 0x80);
  EXPECT_EQ(said[3] & 0x0f, 2);
}

TEST_F(DnsTest, PassesStreamsToo) {
  std::uint16_t port;
  const Fd listener = listen_here(port);
  std::thread resolver([&] {
    for (int n = 0; n < 2; ++n) {
      Talk talk(Fd(::accept4(listener.get(), nullptr, nullptr, SOCK_CLOEXEC)));
      const std::string size = talk.hear(2);
      const std::string asked = talk.hear(static_cast<unsigned char>(size[1]));
      talk.say(framed(answer_to(asked) + std::string(20'000, 'x')));
      talk.hear_all();
    }
  });
  serve("nameserver [127.0.0.1]:" + std::to_string(port) + "\n");
  Talk client = Talk::to(tcp_port_);
  for (const char* id : {"ab", "cd"}) {
    const std::string wanted = framed(answer_to(question(id)) + std::string(20'000, 'x'));
    client.say(framed(question(id)).substr(0, 5));
    client.say(framed(question(id)).substr(5));
    EXPECT_EQ(client.hear(wanted.size()), wanted);
  }
  resolver.join();
}

}  // namespace
}  // namespace nuri::router
