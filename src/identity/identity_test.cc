#include <fcntl.h>
#include <gmock/gmock.h>
#include <sys/stat.h>

#include <filesystem>
#include <fstream>

#include "base/encoding.h"
#include "base/error.h"
#include "base/json.h"
#include "identity/logins.h"
#include "store/memory/memory_store.h"

namespace nuri::identity {
namespace {

using testing::HasSubstr;

class ManualClock final : public Clock {
 public:
  Time now() const override { return now_; }
  WallTime wall() const override { return {1'800'000'000'000'000'000 + now_.ns}; }
  void advance(Duration by) { now_ = now_ + by; }

 private:
  Time now_{0};
};

class Identity : public testing::Test {
 protected:
  Identity() {
    user_.guid = UserGuid::make(random_);
    user_.username = "ann";
    user_.password_hash = hash_.hash("right");
    store_.write([&](store::Writer& tx) { tx.insert(user_); });
  }

  static TokenKey make_key(Random& random) {
    TokenKey key;
    random.fill(key.bytes);
    return key;
  }
  Login log_in() {
    Login login;
    store_.write([&](store::Writer& tx) { login = logins_.begin(tx, user_); });
    return login;
  }
  Logins::Renewal renew(const std::string& token) {
    Logins::Renewal renewal;
    store_.write([&](store::Writer& tx) { renewal = logins_.renew(tx, token); });
    return renewal;
  }
  template <class Body>
  Code code_of(Body&& body) {
    try {
      body();
    } catch (const Error& error) {
      return error.code();
    }
    ADD_FAILURE() << "no error";
    return Code::internal;
  }

  ManualClock clock_;
  SeededRandom random_{1};
  FakePasswordHash hash_;
  Tokens tokens_{make_key(random_), clock_, random_};
  Logins logins_{tokens_, clock_, random_};
  store::MemoryStore store_;
  model::User user_;
};

json::object payload_of(const std::string& jwt) {
  const auto dot = jwt.find('.');
  return json::parse_object(*decode_base64url(jwt.substr(dot + 1, jwt.rfind('.') - dot - 1)));
}

class TokenTest : public Identity {
 protected:
  bool accepts(const std::string& jwt) {
    try {
      tokens_.verify(jwt);
      return true;
    } catch (const Error& error) {
      EXPECT_EQ(error.code(), Code::unauthenticated);
      EXPECT_EQ(error.message(), "Invalid Auth Token");
      return false;
    }
  }
};

TEST_F(TokenTest, HaveTheClaimsThatClientsReadAsStrings) {
  const auto claims = payload_of(tokens_.issue(user_, "session"));
  for (const char* key : {"user_name", "user_id", "origin", "jti", "client_id"})
    EXPECT_TRUE(claims.at(key).is_string()) << key;
  EXPECT_EQ(claims.at("user_id").as_string(), user_.guid.str());
  EXPECT_EQ(claims.at("exp").as_int64() - claims.at("iat").as_int64(), 600);
  EXPECT_FALSE(claims.contains("revocable"));
}

TEST_F(TokenTest, SayWhoCalls) {
  user_.admin = true;
  const Claims claims = tokens_.verify_authorization("Bearer " + tokens_.issue(user_, "session"));
  EXPECT_EQ(claims.user, user_.guid);
  EXPECT_EQ(claims.username, "ann");
  EXPECT_EQ(claims.session, "session");
  EXPECT_THAT(claims.scope, testing::Contains("cloud_controller.admin"));
  EXPECT_EQ(code_of([&] { tokens_.verify_authorization("Basic YTpi"); }), Code::unauthenticated);
  EXPECT_EQ(code_of([&] { tokens_.verify_authorization("bearer "); }), Code::unauthenticated);
  EXPECT_EQ(code_of([&] { tokens_.verify_authorization(""); }), Code::unauthenticated);
}

TEST_F(TokenTest, EndAfterTenMinutes) {
  const auto jwt = tokens_.issue(user_, "session");
  clock_.advance(10min - 1s);
  EXPECT_TRUE(accepts(jwt));
  clock_.advance(1s);
  EXPECT_FALSE(accepts(jwt));
}

TEST_F(TokenTest, OfAnotherKeyAreRefused) {
  Tokens others(make_key(random_), clock_, random_);
  EXPECT_FALSE(accepts(others.issue(user_, "session")));
}

TEST_F(TokenTest, WithOneCharacterChangedAreRefused) {
  const auto jwt = tokens_.issue(user_, "session");
  ASSERT_TRUE(accepts(jwt));
  for (std::size_t i = 0; i < jwt.size(); ++i) {
    auto changed = jwt;
    changed[i] = changed[i] == 'A' ? 'B' : 'A';
    EXPECT_FALSE(accepts(changed)) << i;
  }
}

TEST_F(TokenTest, ThatSayAnotherAlgorithmAreRefused) {
  const auto jwt = tokens_.issue(user_, "session");
  const auto body = jwt.substr(jwt.find('.'), jwt.rfind('.') - jwt.find('.') + 1);
  EXPECT_FALSE(accepts(base64url(R"({"alg":"none","typ":"JWT"})") + body));
  for (const char* malformed : {"", ".", "..", "a.b.c", "...."}) EXPECT_FALSE(accepts(malformed));
  EXPECT_FALSE(accepts(std::string(100'000, 'a')));
}

class TokenKeyTest : public testing::Test {
 protected:
  TokenKeyTest() {
    std::string pattern =
        (std::filesystem::temp_directory_path() / "nuri-identity-XXXXXX").string();
    EXPECT_NE(::mkdtemp(pattern.data()), nullptr);
    folder_ = pattern;
  }
  ~TokenKeyTest() override { std::filesystem::remove_all(folder_); }
  std::string folder_;
  SystemRandom random_;
};

TEST_F(TokenKeyTest, IsMadeOnceForItsOwnerOnly) {
  const auto path = folder_ + "/key";
  const auto made = load_or_make_token_key(path, random_);
  EXPECT_EQ(load_or_make_token_key(path, random_).bytes, made.bytes);
  struct stat status{};
  ASSERT_EQ(::stat(path.c_str(), &status), 0);
  EXPECT_EQ(status.st_mode & 0777, 0600u);
  EXPECT_NE(load_or_make_token_key(folder_ + "/other", random_).bytes, made.bytes);
}

TEST_F(TokenKeyTest, IsRefusedWhenOthersCanReadItOrItIsCutShort) {
  const auto path = folder_ + "/key";
  load_or_make_token_key(path, random_);
  ::chmod(path.c_str(), 0644);
  EXPECT_THROW(load_or_make_token_key(path, random_), Error);
  ::chmod(path.c_str(), 0600);
  std::filesystem::resize_file(path, 31);
  try {
    load_or_make_token_key(path, random_);
    FAIL();
  } catch (const Error& error) {
    EXPECT_EQ(error.code(), Code::data_loss);
  }
}

TEST(Argon2id, VerifiesOnlyTheRightPassword) {
  Argon2idHash hash;
  const auto stored = hash.hash("right");
  EXPECT_THAT(stored, testing::StartsWith("$argon2id$"));
  EXPECT_TRUE(hash.verify(stored, "right"));
  EXPECT_FALSE(hash.verify(stored, "wrong"));
  EXPECT_FALSE(hash.verify("right", "right"));
  EXPECT_FALSE(hash.verify("", ""));
}

TEST_F(Identity, APasswordIsCheckedAgainstTheStore) {
  EXPECT_EQ(check_password(store_, hash_, "ann", "right").guid, user_.guid);
  const auto refused = [&](const char* name, const char* password) {
    return code_of([&] { check_password(store_, hash_, name, password); });
  };
  EXPECT_EQ(refused("ann", "wrong"), Code::unauthenticated);
  EXPECT_EQ(refused("bob", "right"), Code::unauthenticated);
  EXPECT_EQ(refused("ann", ""), Code::unauthenticated);
  store_.write([&](auto& tx) { tx.change(user_.guid, [](auto& user) { user.active = false; }); });
  EXPECT_EQ(refused("ann", "right"), Code::unauthenticated);
}

TEST_F(Identity, TheFirstStartMakesOneAdmin) {
  const auto password = bootstrap_admin(store_, hash_, clock_, random_);
  ASSERT_TRUE(password.has_value());
  EXPECT_EQ(password->size(), 26u);
  EXPECT_TRUE(check_password(store_, hash_, "admin", *password).admin);
  EXPECT_EQ(bootstrap_admin(store_, hash_, clock_, random_), std::nullopt);
}

TEST_F(Identity, ARefreshTokenIsExchangedForNewOnes) {
  const Login login = log_in();
  clock_.advance(1h);
  const auto renewal = renew(login.refresh_token);
  ASSERT_TRUE(renewal.login.has_value());
  EXPECT_NE(renewal.login->refresh_token, login.refresh_token);
  EXPECT_EQ(tokens_.verify(renewal.login->access_token).user, user_.guid);
  EXPECT_EQ(tokens_.verify(renewal.login->access_token).jti, renewal.login->jti);
}

TEST_F(Identity, TheStoreDoesNotHoldTheTokenItself) {
  const Login login = log_in();
  store_.read([&](store::Reader& reader) {
    for (const auto& kept : reader.all(store::Query<model::RefreshToken>()))
      EXPECT_THAT(json::serialize(model::to_json(kept)),
                  testing::Not(HasSubstr(login.refresh_token)));
  });
}

TEST_F(Identity, TwoCommandsMayRenewWithOneTokenAtOnce) {
  const Login login = log_in();
  EXPECT_TRUE(renew(login.refresh_token).login.has_value());
  clock_.advance(kReuseGrace);
  EXPECT_TRUE(renew(login.refresh_token).login.has_value());
}

TEST_F(Identity, AStolenRefreshTokenEndsItsSession) {
  const Login login = log_in();
  const Login elsewhere = log_in();
  const auto renewal = renew(login.refresh_token);
  clock_.advance(kReuseGrace + 1s);
  const auto stolen = renew(login.refresh_token);
  EXPECT_TRUE(stolen.stolen);
  EXPECT_FALSE(stolen.login.has_value());
  EXPECT_EQ(code_of([&] { renew(renewal.login->refresh_token); }), Code::unauthenticated);
  EXPECT_TRUE(renew(elsewhere.refresh_token).login.has_value());
}

TEST_F(Identity, RefreshTokensEndAndAreSwept) {
  const Login login = log_in();
  clock_.advance(kRefreshTokenLife);
  EXPECT_EQ(code_of([&] { renew(login.refresh_token); }), Code::unauthenticated);
  std::size_t swept = 0;
  store_.write([&](store::Writer& tx) { swept = logins_.sweep(tx); });
  EXPECT_EQ(swept, 1u);
  EXPECT_EQ(code_of([&] { renew("nonsense"); }), Code::unauthenticated);
}

TEST_F(Identity, ARevokedSessionOrAnInactiveUserCannotRenew) {
  const Login login = log_in();
  const auto session = tokens_.verify(login.access_token).session;
  store_.write([&](store::Writer& tx) { logins_.revoke_session(tx, session); });
  EXPECT_EQ(code_of([&] { renew(login.refresh_token); }), Code::unauthenticated);
  const Login second = log_in();
  store_.write([&](auto& tx) { tx.change(user_.guid, [](auto& user) { user.active = false; }); });
  EXPECT_EQ(code_of([&] { renew(second.refresh_token); }), Code::unauthenticated);
}

TEST_F(Identity, FailedLoginsSlowDown) {
  LoginLimit limit(clock_);
  for (int i = 0; i < LoginLimit::kFailuresAllowed; ++i) limit.failed("ann");
  EXPECT_NO_THROW(limit.check("ann"));
  limit.failed("ann");
  EXPECT_EQ(code_of([&] { limit.check("ann"); }), Code::too_many);
  EXPECT_NO_THROW(limit.check("bob"));
  clock_.advance(1s);
  EXPECT_NO_THROW(limit.check("ann"));
  limit.failed("ann");
  clock_.advance(1s);
  EXPECT_EQ(code_of([&] { limit.check("ann"); }), Code::too_many);
  for (int i = 0; i < 100; ++i) limit.failed("ann");
  clock_.advance(5min);
  EXPECT_NO_THROW(limit.check("ann"));
  limit.succeeded("ann");
  limit.failed("ann");
  EXPECT_NO_THROW(limit.check("ann"));
}

}  // namespace
}  // namespace nuri::identity
