#include "router/basic_auth.h"

#include <crypt.h>
#include <gtest/gtest.h>
#include <sodium.h>

#include "base/encoding.h"

namespace nuri::router {
namespace {

std::string header(std::string_view text) { return "Basic " + base64(text); }

TEST(BasicAuth, CredentialsAreReadStrictly) {
  const auto given = basic_credentials(header("alice:se:cret"));
  ASSERT_TRUE(given);
  EXPECT_EQ(given->user, "alice");
  EXPECT_EQ(given->password, "se:cret");
  EXPECT_TRUE(basic_credentials("bAsIc " + base64("a:b")));
  EXPECT_FALSE(basic_credentials(""));
  EXPECT_FALSE(basic_credentials("Bearer " + base64("a:b")));
  EXPECT_FALSE(basic_credentials("Basic !!!"));
  EXPECT_FALSE(basic_credentials(header("no colon")));
  EXPECT_FALSE(basic_credentials(header(std::string_view("a\0:b", 4))));
  EXPECT_FALSE(basic_credentials(header("a:" + std::string(5000, 'x'))));
}

TEST(BasicAuth, HashesOfCryptAndOfArgon2AreKnown) {
  for (const char* salt : {"$6$rounds=1000$salt", "$5$salt", "$2b$04$abcdefghijklmnopqrstuu"}) {
    const std::string hash = ::crypt("secret", salt);
    EXPECT_TRUE(password_matches(hash, "secret")) << hash;
    EXPECT_FALSE(password_matches(hash, "Secret")) << hash;
  }
  char argon[crypto_pwhash_STRBYTES];
  ASSERT_EQ(::crypto_pwhash_str(argon, "secret", 6, crypto_pwhash_OPSLIMIT_MIN,
                                crypto_pwhash_MEMLIMIT_MIN),
            0);
  EXPECT_TRUE(password_matches(argon, "secret"));
  EXPECT_FALSE(password_matches(argon, "secreT"));
}

TEST(BasicAuth, WhatIsNoHashMatchesNothing) {
  for (const char* hash : {"", "*0", "secret", "$9$x$y", "$argon2id$nonsense"})
    EXPECT_FALSE(password_matches(hash, "secret")) << hash;
}

TEST(BasicAuth, OnlyAPasswordThatWasShownIsKnown) {
  KnownPasswords known;
  EXPECT_FALSE(known.holds({"alice", "secret"}));
  known.add({"alice", "secret"});
  EXPECT_TRUE(known.holds({"alice", "secret"}));
  EXPECT_FALSE(known.holds({"alice", "secret2"}));
  EXPECT_FALSE(known.holds({"bob", "secret"}));
}

}  // namespace
}  // namespace nuri::router
