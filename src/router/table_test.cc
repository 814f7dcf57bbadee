#include "router/table.h"

#include <gtest/gtest.h>

#include "base/random.h"

namespace nuri::router {
namespace {

Table some_table(Random& random) {
  model::RouteTable told;
  for (int n = 0; n < 20; ++n) {
    told.routes.push_back({.host = std::to_string(random.below(30)),
                           .path = random.chance(50) ? "/x" : "",
                           .app = std::to_string(random.below(3)),
                           .upstreams = {}});
    told.certificates.push_back({.id = std::to_string(random.below(30)),
                                 .hosts = {"a"},
                                 .chain = std::to_string(random.below(3)),
                                 .key = "key"});
    told.challenges.push_back({std::to_string(random.below(30)), std::to_string(random.below(3))});
  }
  return table_of(std::move(told));
}

TEST(Table, DifferenceTurnsOneIntoTheOther) {
  SeededRandom random(1);
  for (int n = 0; n < 200; ++n) {
    Table from = some_table(random);
    const Table to = some_table(random);
    apply_change(from, difference(from, to));
    EXPECT_EQ(from, to);
    EXPECT_TRUE(difference(to, to).empty());
    Table anew;
    apply_change(anew, whole_of(to));
    EXPECT_EQ(anew, to);
  }
}

TEST(Table, WordsPutTogetherDoWhatTheyDoOneByOne) {
  SeededRandom random(2);
  TableWords words;
  for (int n = 0; n < 100; ++n) {
    const Table before = some_table(random);
    Table by_one = before, together = before;
    for (int change = 0; change < 5; ++change) {
      const TableChange next = difference(by_one, some_table(random));
      apply_change(by_one, next);
      words.note(next);
    }
    apply_change(together, words.take());
    EXPECT_EQ(together, by_one);
    EXPECT_TRUE(words.take().empty());
  }
}

}  // namespace
}  // namespace nuri::router
