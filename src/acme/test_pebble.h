#pragma once

// A certificate authority of one's own for tests: pebble and its DNS (package pebble), as children,
// on loopback, with a certificate of a test's root.

#include <fcntl.h>
#include <gtest/gtest.h>

#include <filesystem>
#include <fstream>
#include <iostream>
#include <random>

#include "async/child.h"
#include "async/deadline.h"
#include "base/error.h"
#include "http/client.h"
#include "net/listener.h"
#include "net/test_authority.h"

namespace nuri::acme {

class Pebble {
 public:
  explicit Pebble(async::Loop& loop) : loop_(loop) {
    char name[] = "/tmp/nuri-pebble-XXXXXX";
    folder_ = ::mkdtemp(name);
    const net::PemPair pem = root_.issue("localhost");
    write("cert.pem", pem.chain);
    write("key.pem", pem.key);
    write("config.json", R"({"pebble":{"listenAddress":"127.0.0.1:)" + std::to_string(port_) +
                             R"(","certificate":")" + folder_ + R"(/cert.pem","privateKey":")" +
                             folder_ + R"(/key.pem","httpPort":)" + std::to_string(http_port) +
                             R"(,"tlsPort":9}})");
    log_ = Fd(::open((folder_ + "/log").c_str(), O_CREAT | O_WRONLY | O_APPEND | O_CLOEXEC, 0600));
  }
  ~Pebble() {
    if (testing::Test::HasFailure()) {
      std::ifstream log(folder_ + "/log");
      std::cerr << log.rdbuf();
    }
    children_.clear();
    std::filesystem::remove_all(folder_);
  }
  Pebble(const Pebble&) = delete;

  std::string directory() const { return "https://localhost:" + std::to_string(port_) + "/dir"; }
  std::string roots() const { return root_.pem(); }
  const std::string& folder() const { return folder_; }

  // A program as DnsHook runs it, which tells the DNS.
  std::string hook() const {
    const std::string at = "http://127.0.0.1:" + std::to_string(manage_port_);
    write("hook",
          "#!/bin/sh\n"
          "test \"$1\" = present && what=set-txt || what=clear-txt\n"
          "echo \"$@\" >> " +
              folder_ +
              "/asked\n"
              "exec curl -sf -m 5 -d \"{\\\"host\\\":\\\"$2.\\\",\\\"value\\\":\\\"$3\\\"}\" " +
              at + "/$what\n");
    std::filesystem::permissions(folder_ + "/hook", std::filesystem::perms::owner_all);
    return folder_ + "/hook";
  }

  // Ends when it answers.
  Task<void> start(http::Client& client) {
    spawn({"pebble-challtestsrv", "-defaultIPv4", "127.0.0.1", "-defaultIPv6", "", "-dns01",
           "127.0.0.1:" + std::to_string(dns_port_), "-http01", "", "-https01", "", "-tlsalpn01",
           "", "-management", "127.0.0.1:" + std::to_string(manage_port_)});
    spawn({"pebble", "-strict", "-config", folder_ + "/config.json", "-dnsserver",
           "127.0.0.1:" + std::to_string(dns_port_)});
    const Time until = loop_.now() + 20s;
    for (;;) {
      std::string why;
      auto answer = co_await client.request({.url = directory(), .why = &why});
      if (answer) co_return;
      if (loop_.now() > until) throw error_of(answer.error(), "wait for pebble (" + why + ")");
      co_await async::sleep(20ms);
    }
  }

  const std::uint16_t http_port = free_port();  // where it looks for HTTP-01

 private:
  // None that the kernel lends to a connection while its program starts.
  static std::uint16_t free_port() {
    std::random_device random;
    for (;;) {
      const auto port = std::uniform_int_distribution<std::uint16_t>(10'000, 32'000)(random);
      try {
        net::listen_on(net::Address::loopback(port));
        return port;
      } catch (const Error&) {  // somebody else's
      }
    }
  }
  void write(const std::string& name, const std::string& text) const {
    std::ofstream(folder_ + "/" + name) << text;
  }
  void spawn(std::vector<std::string> argv) {
    // A fifth of the nonces is refused, and no validation dawdles.
    static const std::vector<std::string> env{"PATH=/usr/bin:/bin", "PEBBLE_VA_NOSLEEP=1",
                                              "PEBBLE_WFE_NONCEREJECT=20", "PEBBLE_AUTHZREUSE=0"};
    async::SpawnOptions options;
    options.argv = std::move(argv);
    options.env = &env;
    options.out = options.err = log_.get();
    children_.push_back(async::Child::spawn(loop_, options));
  }

  async::Loop& loop_;
  net::TestAuthority root_{"test root"};
  const std::uint16_t port_ = free_port(), dns_port_ = free_port(), manage_port_ = free_port();
  std::string folder_;
  Fd log_;
  std::vector<async::Child> children_;
};

}  // namespace nuri::acme
