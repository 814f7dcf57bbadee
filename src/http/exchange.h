#pragma once

// One request of a Client and its answer, on one connection. The answer's content is read from the
// exchange itself, which puts the connection back when it ends.

#include <exception>
#include <list>

#include "async/task_group.h"
#include "http/client.h"
#include "http/input.h"

namespace nuri::http {

// Connections that no request uses at the moment; each for at most limits::kKeptDeadline.
class Client::Kept final : async::Timer {
 public:
  explicit Kept(async::Loop& loop) : loop_(loop) {}
  // The one used last, if any is still good for `key`; null if none.
  std::unique_ptr<net::Stream> take(const std::string& key);
  void put(std::string key, std::unique_ptr<net::Stream> stream);
  void clear() { all_.clear(); }
  std::size_t size() const { return all_.size(); }

 private:
  void on_timer() override;
  struct One {
    std::string key;
    std::unique_ptr<net::Stream> stream;
    Time until;
  };
  async::Loop& loop_;
  std::list<One> all_;  // oldest first
};

class Client::Exchange final : public Body {
 public:
  Exchange(std::unique_ptr<net::Stream> stream, bool used_before, std::string key,
           std::weak_ptr<Kept> kept)
      : stream_(std::move(stream)),
        input_(*stream_),
        used_before_(used_before),
        key_(std::move(key)),
        kept_(std::move(kept)) {}
  ~Exchange() override { give_back(); }

  // Sends `request` and fills in the answer's head.
  Task<IoResult<void>> run(ClientRequest& request, const Url& url, HeadSpace& space,
                           ClientResponse& response);
  // After run() failed: whether the same request may be tried on another connection.
  bool repeatable(const ClientRequest& request) const;

  Task<IoResult<async::Chunk>> read() override;
  std::optional<std::uint64_t> length() const override { return body_->length(); }

 private:
  struct Sending;
  static Task<void> send_upload(Exchange& exchange, Sending& sending);
  Task<IoResult<void>> send_piece(Sending& sending, std::string_view bytes);
  Task<IoResult<void>> send_and_read(ClientRequest& request, std::string_view head,
                                     HeadSpace& space, ClientResponse& response);
  Task<IoResult<void>> read_head(const ClientRequest& request, HeadSpace& space,
                                 ClientResponse& response);
  void take_head(const HeadView& head, const ClientRequest& request, ClientResponse& response);
  void give_back();

  std::unique_ptr<net::Stream> stream_;
  Input input_;
  bool used_before_;
  std::string key_;
  std::weak_ptr<Kept> kept_;
  std::optional<FramedBody> body_;
  bool keep_ = false;
  bool answered_ = false;      // a byte came
  bool nothing_sent_ = false;  // the first write failed
  bool upload_begun_ = false;
};

}  // namespace nuri::http
