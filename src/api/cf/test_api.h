#pragma once

// For tests of the API: the whole API over stores in memory, a fake machine and a simulated loop,
// asked without a socket. Time is virtual, so an answer that is held takes none.

#include <gtest/gtest.h>
#include <stdlib.h>

#include <filesystem>
#include <optional>
#include <string>
#include <utility>

#include "api/cf/api.h"
#include "async/deadline.h"
#include "async/simulated_loop.h"
#include "engine/fake/fake_engine.h"
#include "http/error_answer.h"
#include "image/memory_blob_store.h"
#include "model/app.h"
#include "model/job.h"
#include "model/routing.h"
#include "model/source.h"
#include "model/tenancy.h"
#include "store/memory/memory_store.h"
#include "telemetry/memory_log_store.h"

namespace nuri::api {

class TextBody final : public http::Body {
 public:
  explicit TextBody(std::string text) : text_(std::move(text)) {}
  Task<IoResult<async::Chunk>> read() override {
    const auto rest = std::string_view(text_).substr(read_);
    auto chunk = async::Chunk::copy_of(rest.substr(0, limits::kChunkBytes));
    read_ += chunk.size();
    co_return std::move(chunk);
  }
  std::optional<std::uint64_t> length() const override { return text_.size(); }

 private:
  std::string text_;
  std::size_t read_ = 0;
};

// What was answered.
struct Answer {
  int status = 0;
  http::Headers headers;
  std::string body;

  json::value json() const { return body.empty() ? json::value() : json::parse(body); }
  // By RFC 6901: at("/errors/0/detail").
  json::value at(std::string_view pointer) const {
    const json::value all = json();
    boost::system::error_code error;
    const json::value* found = all.find_pointer(pointer, error);
    if (found) return *found;
    ADD_FAILURE() << "no " << pointer << " in " << body;
    return {};
  }
  std::string text(std::string_view pointer) const {
    const json::value value = at(pointer);
    return value.is_string() ? std::string(value.get_string()) : json::serialize(value);
  }
};

class KeptResponse final : public http::Response {
 public:
  Task<IoResult<void>> send(int status, http::Headers headers, std::string body) override {
    answer = {status, std::move(headers), std::move(body)};
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> head(int status, http::Headers headers,
                            std::optional<std::uint64_t>) override {
    answer = {status, std::move(headers), {}};
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> write(std::string_view bytes) override {
    answer.body += bytes;
    co_return IoResult<void>{};
  }
  Task<IoResult<void>> finish() override { co_return IoResult<void>{}; }
  bool started() const override { return answer.status != 0; }

  Answer answer;
};

class ApiTest : public testing::Test {
 protected:
  ApiTest() {
    std::string folder = (std::filesystem::temp_directory_path() / "nuri-api-XXXXXX").string();
    if (!::mkdtemp(folder.data())) throw system_error("make a folder for a test", errno);
    upload_dir_ = folder;
    store_.write([&](store::Writer& tx) {
      admin_.username = "admin";
      admin_.password_hash = hash_.hash("secret");
      admin_.admin = true;
      insert(tx, admin_);
      org_.name = "default";
      insert(tx, org_);
      space_.name = "default";
      space_.org = org_.guid;
      insert(tx, space_);
      domain_.name = "localhost";
      insert(tx, domain_);
    });
    api_.emplace(Parts{loop_, live_, store_, pool_, engine_, blobs_, logs_, tokens_, logins_,
                       login_limit_, hash_, random_, "http://api.test", 8080, upload_dir_});
    token_ = "bearer " + tokens_.issue(admin_, "session");
  }
  ~ApiTest() override { std::filesystem::remove_all(upload_dir_); }

  // Gives the row a guid and times, and inserts it.
  template <class T>
  void insert(store::Writer& tx, T& row) {
    row.guid = decltype(row.guid)::make(random_);
    row.created_at = row.updated_at = loop_.wall();
    tx.insert(row);
  }
  template <class T>
  T insert(T row) {
    store_.write([&](store::Writer& tx) { insert(tx, row); });
    return row;
  }
  template <class T>
  T row(const Guid<T>& guid) {
    return store_.read([&](store::Reader& reader) { return reader.get(guid); });
  }
  model::App make_app(std::string name) {
    model::App app;
    app.name = std::move(name);
    app.space = space_.guid;
    return insert(std::move(app));
  }
  // STAGED, with a web process and a worker.
  model::Droplet make_droplet(const model::App& app, std::string_view image = "an image") {
    model::Droplet droplet;
    droplet.app = app.guid;
    droplet.image = Digest::of(image);
    droplet.process_types = {{"web", "node server.js"}, {"worker", "node worker.js"}};
    return insert(std::move(droplet));
  }
  // A user who is no admin; with `role`, that role in space_ (or, an org's role, in org_).
  model::User make_user(std::string name, std::optional<model::RoleType> role = std::nullopt) {
    model::User user;
    user.username = std::move(name);
    user.password_hash = hash_.hash("secret");
    user = insert(std::move(user));
    if (!role) return user;
    model::Role row;
    row.type = *role;
    row.user = user.guid;
    if (model::is_space_role(*role))
      row.space = space_.guid;
    else
      row.org = org_.guid;
    insert(std::move(row));
    return user;
  }
  // From now on requests are this user's.
  void log_in(const model::User& user) { token_ = "bearer " + tokens_.issue(user, "session"); }

  // The request's task, for a test that runs it beside others; `response` outlives it.
  Task<void> serve(http::Request request, std::string body, KeptResponse& response) {
    TextBody content(std::move(body));
    request.body = &content;
    co_await api_->serve(request, response);
  }
  http::Request request(std::string method, std::string target, http::Headers headers = {}) {
    http::Request out;
    out.method = std::move(method);
    out.target = target;
    const auto mark = target.find('?');
    out.path = target.substr(0, mark);
    if (mark != target.npos) out.query = target.substr(mark + 1);
    out.headers = std::move(headers);
    if (!token_.empty() && !out.headers.has("Authorization"))
      out.headers.add("Authorization", token_);
    return out;
  }
  Answer ask(std::string method, std::string target, std::string body = {},
             http::Headers headers = {}) {
    KeptResponse response;
    std::optional<Error> failure;
    try {
      loop_.run(serve(request(std::move(method), std::move(target), std::move(headers)),
                      std::move(body), response));
    } catch (const Error& error) {
      failure = error;
    }
    if (failure) loop_.run(answer_error(response, *failure));  // as http::Server does
    return response.answer;
  }
  Answer get(std::string target) { return ask("GET", std::move(target)); }
  Answer post(std::string target, const json::value& body = json::object()) {
    return ask("POST", std::move(target), json::serialize(body));
  }
  Answer patch(std::string target, const json::value& body) {
    return ask("PATCH", std::move(target), json::serialize(body));
  }
  Answer del(std::string target) { return ask("DELETE", std::move(target)); }

  // Lets virtual time pass.
  static Task<void> pass(Duration time) { (void)co_await async::sleep(time); }

  // The newest audit event's type; empty without any.
  std::string last_event() {
    const auto events =
        store_.read([](store::Reader& reader) { return reader.all(store::Query<model::Event>()); });
    return events.empty() ? std::string() : events.back().type;
  }

  static Task<void> answer_error(http::Response& response, Error error) {
    (void)co_await http::answer_error(response, std::move(error));
  }
  static identity::TokenKey key_of(Random& random) {
    identity::TokenKey key;
    random.fill(key.bytes);
    return key;
  }

  std::string upload_dir_;
  std::string token_;  // the Authorization header of what is asked; empty: none
  SeededRandom random_{1};
  async::SimulatedLoop loop_{1};
  async::SimulatedPool pool_{loop_, std::chrono::milliseconds(1)};
  store::MemoryStore store_;
  store::LiveStore live_{store_, pool_};
  engine::FakeMachine machine_{random_};
  engine::FakeEngine engine_{loop_, machine_, random_};
  image::MemoryBlobStore blobs_{loop_};
  telemetry::MemoryLogStore logs_;
  identity::FakePasswordHash hash_;
  identity::Tokens tokens_{key_of(random_), loop_, random_};
  identity::Logins logins_{tokens_, loop_, random_};
  identity::LoginLimit login_limit_{loop_};
  model::User admin_;
  model::Org org_;
  model::Space space_;
  model::Domain domain_;
  std::optional<CfApi> api_;
};

}  // namespace nuri::api
