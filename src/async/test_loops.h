#pragma once

// ON_EACH_LOOP(SomeTest): the tests of SomeTest, written as TYPED_TEST with TypeParam for the loop,
// run on every loop of the kernel. Where the kernel forbids one they fail: a test that did not run
// has shown nothing.

#include <gtest/gtest.h>

#include <string>
#include <type_traits>

#include "async/epoll_loop.h"
#include "async/uring_loop.h"

namespace nuri::async {

using KernelLoops = testing::Types<EpollLoop, UringLoop>;

struct LoopName {
  template <class Tested>
  static std::string GetName(int) {
    return std::is_same_v<Tested, EpollLoop> ? "epoll" : "io_uring";
  }
};

}  // namespace nuri::async

#define ON_EACH_LOOP(suite)              \
  template <class Tested>                \
  class suite : public testing::Test {}; \
  TYPED_TEST_SUITE(suite, ::nuri::async::KernelLoops, ::nuri::async::LoopName)
