#pragma once

// A doubly linked list through its elements: no allocation, O(1) removal from the middle, and an
// element that is destroyed leaves its list by itself.

#include <cstddef>

#include "base/assert.h"

namespace nuri::async {

class Link {
 public:
  Link() = default;
  Link(const Link&) = delete;
  Link& operator=(const Link&) = delete;
  ~Link() { unlink(); }

  bool linked() const { return next_ != nullptr; }
  void unlink() {
    if (!next_) return;
    prev_->next_ = next_;
    next_->prev_ = prev_;
    next_ = prev_ = nullptr;
  }

 private:
  template <class T, Link T::*>
  friend class List;
  Link* prev_ = nullptr;
  Link* next_ = nullptr;
};

// List<Waiter, &Waiter::link>: T must outlive its membership (~Link ends it).
template <class T, Link T::* Member>
class List {
 public:
  List() { head_.next_ = head_.prev_ = &head_; }
  List(const List&) = delete;
  List& operator=(const List&) = delete;
  ~List() {
    while (!empty()) head_.next_->unlink();
    head_.next_ = head_.prev_ = nullptr;
  }

  bool empty() const { return head_.next_ == &head_; }
  void push_back(T& element) {
    Link& link = element.*Member;
    NURI_ASSERT(!link.linked());
    link.prev_ = head_.prev_;
    link.next_ = &head_;
    head_.prev_->next_ = &link;
    head_.prev_ = &link;
  }
  T& front() { return owner(head_.next_); }
  T& pop_front() {
    T& element = front();
    (element.*Member).unlink();
    return element;
  }
  // The element `n` places behind the front; n < size.
  T& at(std::size_t n) {
    Link* link = head_.next_;
    while (n-- > 0) link = link->next_;
    return owner(link);
  }
  // O(n).
  std::size_t size() const {
    std::size_t n = 0;
    for (const Link* link = head_.next_; link != &head_; link = link->next_) ++n;
    return n;
  }
  // Moves all elements of `other` to the end of this list; O(1).
  void splice_back(List& other) {
    if (other.empty()) return;
    Link& first = *other.head_.next_;
    Link& last = *other.head_.prev_;
    first.prev_ = head_.prev_;
    head_.prev_->next_ = &first;
    last.next_ = &head_;
    head_.prev_ = &last;
    other.head_.next_ = other.head_.prev_ = &other.head_;
  }

 private:
  static T& owner(Link* link) {
    // The offset of Member in T, without dereferencing a T.
    alignas(T) static char space[sizeof(T)];
    T* probe = reinterpret_cast<T*>(space);
    const auto offset = reinterpret_cast<char*>(&(probe->*Member)) - space;
    return *reinterpret_cast<T*>(reinterpret_cast<char*>(link) - offset);
  }
  Link head_;
};

}  // namespace nuri::async
