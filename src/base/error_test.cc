#include "base/error.h"

#include <gtest/gtest.h>

#include <cerrno>
#include <set>

namespace nuri {
namespace {

constexpr Code kAll[] = {Code::bad_request, Code::unauthenticated, Code::forbidden, Code::not_found,
                         Code::conflict,    Code::unprocessable,   Code::too_large, Code::too_many,
                         Code::no_space,    Code::unavailable,     Code::timeout,   Code::cancelled,
                         Code::data_loss,   Code::internal};

TEST(ErrorTest, EveryCodeHasOneRowWithANameOfItsOwn) {
  std::set<std::string_view> names;
  for (const Code code : kAll) {
    const CodeInfo& row = info(code);
    EXPECT_EQ(row.code, code);
    EXPECT_TRUE(names.insert(row.name).second) << row.name;
    EXPECT_GE(row.http_status, 400);
    EXPECT_LT(row.http_status, 600);
    EXPECT_GT(row.exit_code, 1);
    EXPECT_LT(row.exit_code, 256);
    EXPECT_TRUE(row.cf_title.starts_with("CF-"));
  }
}

TEST(ErrorTest, AStatusFromAPeerBecomesACode) {
  EXPECT_EQ(code_of_status(404), Code::not_found);
  EXPECT_EQ(code_of_status(503), Code::unavailable);
  EXPECT_EQ(code_of_status(500), Code::internal);
  EXPECT_EQ(code_of_status(403), Code::forbidden);
  EXPECT_EQ(code_of_status(418), Code::bad_request);
  EXPECT_EQ(code_of_status(502), Code::internal);
  EXPECT_EQ(code_of_status(200), Code::internal);
}

TEST(ErrorTest, ContextIsAddedInFrontAndTheCodeStays) {
  const Error error = Error(Code::conflict, "name taken").within("create app shop");
  EXPECT_EQ(error.code(), Code::conflict);
  EXPECT_STREQ(error.what(), "create app shop: name taken");
}

TEST(ErrorTest, ErrnoSaysWhatWentWrong) {
  EXPECT_EQ(system_error("write x", ENOSPC).code(), Code::no_space);
  EXPECT_EQ(system_error("write x", EDQUOT).code(), Code::no_space);
  EXPECT_EQ(system_error("open x", ENOENT).code(), Code::not_found);
  EXPECT_EQ(system_error("open x", EIO).code(), Code::internal);
  EXPECT_EQ(system_error("open x", ENOENT).message(), "open x: No such file or directory");
}

}  // namespace
}  // namespace nuri
