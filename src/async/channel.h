#pragma once

// Channel<T>: a bounded queue between tasks of one loop. Mailbox<T>: the same from any thread to
// one loop.

#include <atomic>
#include <deque>
#include <memory>
#include <optional>

#include "async/event.h"
#include "async/task.h"

namespace nuri::async {

template <class T>
class Channel {
 public:
  explicit Channel(std::size_t limit) : limit_(limit) {}

  // False if the channel is full or closed: the caller decides what to drop.
  bool try_send(T value) {
    if (closed_ || queue_.size() >= limit_) return false;
    queue_.push_back(std::move(value));
    not_empty_.pulse();
    return true;
  }
  // Waits for room. An error if the scope was cancelled; IoError::end if the channel is closed.
  Task<IoResult<void>> send(T value) {
    if (const auto cause = (co_await current_scope()).cause()) co_return std::unexpected(*cause);
    while (!closed_ && queue_.size() >= limit_)
      if (auto waited = co_await not_full_.wait(); !waited)
        co_return std::unexpected(waited.error());
    if (!try_send(std::move(value))) co_return std::unexpected(IoError::end);
    co_return IoResult<void>{};
  }
  // IoError::end once closed and empty. A cancelled scope gets nothing, also if something is there.
  Task<IoResult<T>> receive() {
    if (const auto cause = (co_await current_scope()).cause()) co_return std::unexpected(*cause);
    while (queue_.empty()) {
      if (closed_) co_return std::unexpected(IoError::end);
      if (auto waited = co_await not_empty_.wait(); !waited)
        co_return std::unexpected(waited.error());
    }
    co_return *try_receive();
  }
  std::optional<T> try_receive() {
    if (queue_.empty()) return std::nullopt;
    std::optional<T> value(std::move(queue_.front()));
    queue_.pop_front();
    not_full_.pulse();
    return value;
  }
  void close() {
    closed_ = true;
    not_empty_.pulse();
    not_full_.pulse();
  }
  std::size_t size() const { return queue_.size(); }

 private:
  std::size_t limit_;
  std::deque<T> queue_;
  bool closed_ = false;
  Event not_empty_, not_full_;
};

// Receiving end on `loop`; senders may live in any thread and outlive the mailbox.
template <class T>
class Mailbox {
  struct Inbox {
    Inbox(Loop& on, std::size_t most) : loop(on), limit(most), channel(most) {}
    Loop& loop;
    const std::size_t limit;
    Channel<T> channel;
    std::atomic<std::size_t> on_the_way = 0;
    std::atomic<std::size_t> dropped = 0;
    bool open = true;
  };

 public:
  Mailbox(Loop& loop, std::size_t limit) : inbox_(std::make_shared<Inbox>(loop, limit)) {}
  ~Mailbox() { inbox_->open = false; }
  Mailbox(const Mailbox&) = delete;
  Mailbox& operator=(const Mailbox&) = delete;

  class Sender {
   public:
    // Any thread, while the receiving loop lives. What finds the mailbox full is dropped and
    // counted; at most `limit` more are on their way to a loop that is busy.
    void send(T value) const {
      if (inbox_->on_the_way.fetch_add(1) >= inbox_->limit) {
        --inbox_->on_the_way;
        ++inbox_->dropped;
        return;
      }
      inbox_->loop.post([inbox = inbox_, value = std::move(value)]() mutable {
        --inbox->on_the_way;
        if (inbox->open && !inbox->channel.try_send(std::move(value))) ++inbox->dropped;
      });
    }

   private:
    friend class Mailbox;
    explicit Sender(std::shared_ptr<Inbox> inbox) : inbox_(std::move(inbox)) {}
    std::shared_ptr<Inbox> inbox_;
  };
  Sender sender() { return Sender(inbox_); }
  Task<IoResult<T>> receive() { return inbox_->channel.receive(); }
  std::optional<T> try_receive() { return inbox_->channel.try_receive(); }
  std::size_t dropped() const { return inbox_->dropped; }

 private:
  std::shared_ptr<Inbox> inbox_;
};

}  // namespace nuri::async
