// The least that any proxy does: each client's connection has one to the upstream, and what comes
// on one goes out on the other, unread.
//
//   relay PORT UPSTREAM_PORT                             until it is killed
//
// No parser, no table, no time-outs, nothing shared between connections; edge-triggered epoll. What
// a socket does not take at once ends the program: the answers that it is measured with are small.

#include <sys/epoll.h>

#include <memory>

#include "loopback.h"

namespace {

struct Side {
  int fd = -1;
  Side* other = nullptr;
};

struct Relayed {
  Side client, upstream;
};

void watch(int epoll, int fd, unsigned how, Side* side) {
  epoll_event event{.events = EPOLLIN | how, .data = {.ptr = side}};
  if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) bench::fail_errno("epoll_ctl");
}

// Closed connections stay in `all`: an event of theirs may be in hand.
void close_both(Side& side) {
  close(side.fd);
  close(side.other->fd);
  side.fd = side.other->fd = -1;
}

void move_on(Side& side) {
  static char space[16 << 10];
  if (side.fd < 0) return;
  const ssize_t n = recv(side.fd, space, sizeof space, MSG_DONTWAIT);
  if (n < 0 && errno == EAGAIN) return;
  if (n <= 0) return close_both(side);
  if (send(side.other->fd, space, static_cast<std::size_t>(n), MSG_NOSIGNAL | MSG_DONTWAIT) == n)
    return;
  if (errno == EAGAIN) bench::fail("a socket is full");
  close_both(side);
}

}  // namespace

int main(int count, char** words) {
  if (count != 3) bench::fail("relay PORT UPSTREAM_PORT");
  const int listener = bench::listening(std::atoi(words[1]));
  const int epoll = epoll_create1(EPOLL_CLOEXEC);
  watch(epoll, listener, 0, nullptr);
  std::vector<std::unique_ptr<Relayed>> all;
  for (;;) {
    epoll_event events[256];
    const int ready = epoll_wait(epoll, events, 256, -1);
    for (int i = 0; i < ready; ++i) {
      if (auto* side = static_cast<Side*>(events[i].data.ptr)) {
        move_on(*side);
        continue;
      }
      auto& one = *all.emplace_back(std::make_unique<Relayed>());
      one.client = {bench::accepted(listener), &one.upstream};
      one.upstream = {bench::connected(std::atoi(words[2])), &one.client};
      watch(epoll, one.client.fd, EPOLLET, &one.client);
      watch(epoll, one.upstream.fd, EPOLLET, &one.upstream);
    }
  }
}
