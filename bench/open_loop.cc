// Requests at a fixed rate, whatever the answers do:
//
//   open_loop PORT HOST CONNECTIONS RATE SECONDS
//
// Times at which requests are due are drawn beforehand (Poisson, same seed each time). A latency
// counts from the time at which the request was due, not from when it could be sent: one that found
// every connection busy has waited for as long as it was late, so that a proxy that stalls cannot
// hide what it made wait (coordinated omission). Every request is awaited.

#include <sys/epoll.h>
#include <sys/prctl.h>

#include <deque>
#include <random>

#include "loopback.h"

namespace {

using bench::Nanoseconds;

constexpr Nanoseconds kGrace = 5 * bench::kSecond;

struct Connection {
  int fd = -1;
  Nanoseconds due = 0;
  std::string received;
};

// Whether a whole answer is there. An answer that is not 200 ends the program.
bool answered(const std::string& text) {
  const auto end = text.find("\r\n\r\n");
  if (end == std::string::npos) return false;
  if (!text.starts_with("HTTP/1.1 200")) bench::fail("an answer that is not 200: " + text);
  const char* length = strcasestr(text.c_str(), "\r\ncontent-length:");
  if (length == nullptr) bench::fail("an answer without a length: " + text);
  const auto body = std::strtoul(length + std::strlen("\r\ncontent-length:"), nullptr, 10);
  return text.size() >= end + 4 + body;
}

class OpenLoop {
 public:
  OpenLoop(int port, const std::string& host, std::size_t connections)
      : request_("GET / HTTP/1.1\r\nHost: " + host + "\r\n\r\n"), all_(connections) {
    for (auto& one : all_) {
      one.fd = bench::connected(port);
      epoll_event event{.events = EPOLLIN, .data = {.ptr = &one}};
      if (epoll_ctl(epoll_, EPOLL_CTL_ADD, one.fd, &event) != 0) bench::fail_errno("epoll_ctl");
      free_.push_back(&one);
    }
  }

  void run(double rate, Nanoseconds lasts) {
    std::mt19937_64 random(1);
    std::exponential_distribution<double> gap(rate / 1e9);
    const Nanoseconds began = bench::now();
    const auto next = [&](Nanoseconds last) {
      return last + static_cast<Nanoseconds>(gap(random));
    };
    Nanoseconds due = next(began);
    for (;;) {
      const Nanoseconds now = bench::now();
      for (; due <= now && due < began + lasts; due = next(due)) waiting_.push_back(due);
      send_waiting();
      const bool sent_all = due >= began + lasts && waiting_.empty();
      if (sent_all && free_.size() == all_.size()) break;
      if (now > began + lasts + kGrace) bench::fail("answers are missing");
      await_answers(due >= began + lasts ? kGrace : std::max<Nanoseconds>(due - bench::now(), 0));
    }
    bench::print_result(latencies_, bench::now() - began);
  }

 private:
  void send_waiting() {
    for (; !waiting_.empty() && !free_.empty(); waiting_.pop_front(), free_.pop_front()) {
      free_.front()->due = waiting_.front();
      bench::send_whole(free_.front()->fd, request_);
    }
  }

  void await_answers(Nanoseconds most) {
    epoll_event events[256];
    const timespec timeout{.tv_sec = most / bench::kSecond, .tv_nsec = most % bench::kSecond};
    const int count = epoll_pwait2(epoll_, events, 256, &timeout, nullptr);
    if (count < 0 && errno != EINTR) bench::fail_errno("epoll_pwait2");
    for (int i = 0; i < count; ++i) {
      auto& one = *static_cast<Connection*>(events[i].data.ptr);
      bench::receive_some(one.fd, one.received, MSG_DONTWAIT);
      if (!answered(one.received)) continue;
      latencies_.push_back(bench::now() - one.due);
      one.received.clear();
      free_.push_back(&one);
    }
  }

  std::string request_;
  int epoll_ = epoll_create1(EPOLL_CLOEXEC);
  std::vector<Connection> all_;
  std::deque<Connection*> free_;
  std::deque<Nanoseconds> waiting_;  // when they were due
  std::vector<Nanoseconds> latencies_;
};

}  // namespace

int main(int argc, char** argv) {
  if (argc != 6) bench::fail("usage: open_loop PORT HOST CONNECTIONS RATE SECONDS");
  prctl(PR_SET_TIMERSLACK, 1);
  OpenLoop loop(std::atoi(argv[1]), argv[2], std::strtoul(argv[3], nullptr, 10));
  loop.run(std::atof(argv[4]), static_cast<Nanoseconds>(std::atof(argv[5]) * 1e9));
}
