// Turns<T>: a bounded queue that is fair between accounts. The next one is of the account that has the least at work
// now, and of those, of the one that waited longest for its turn.
// Runs on: one thread.
#pragma once

#include <cstddef>
#include <cstdint>
#include <deque>
#include <list>
#include <map>
#include <optional>
#include <utility>

namespace cpm::adapt {

template <class T>
class Turns {
 public:
  Turns(std::size_t most, std::size_t most_of_account) : most_(most), most_of_account_(most_of_account) {}

  // False: full.
  [[nodiscard]] bool push(std::int64_t account, T item) {
    Account& own = accounts_[account];
    const bool room = size_ < most_ && own.waiting.size() < most_of_account_;
    if (room) {
      if (own.waiting.empty()) order_.push_back(account);
      own.waiting.push_back(std::move(item));
      ++size_;
    }
    forget_idle(account);
    return room;
  }

  // The next one; its account has one more at work until done().
  [[nodiscard]] std::optional<std::pair<std::int64_t, T>> pop() {
    auto best = order_.end();
    for (auto it = order_.begin(); it != order_.end(); ++it) {
      if (best == order_.end() || accounts_[*it].working < accounts_[*best].working) best = it;
    }
    if (best == order_.end()) return std::nullopt;
    const std::int64_t account = *best;
    Account& own = accounts_[account];
    order_.erase(best);
    T item = std::move(own.waiting.front());
    own.waiting.pop_front();
    if (!own.waiting.empty()) order_.push_back(account);
    ++own.working;
    --size_;
    return std::pair(account, std::move(item));
  }

  // What pop() gave is the next one of its account again, and not at work. There is always room: it had been counted.
  void put_back(std::int64_t account, T item) {
    Account& own = accounts_[account];
    if (own.waiting.empty()) order_.push_front(account);
    own.waiting.push_front(std::move(item));
    ++size_;
    --own.working;
  }

  void done(std::int64_t account) {
    --accounts_[account].working;
    forget_idle(account);
  }

  // Takes out what `gone` is true for.
  template <class Predicate>
  void remove_if(Predicate gone) {
    for (auto it = order_.begin(); it != order_.end();) {
      const std::int64_t account = *it;
      std::deque<T>& waiting = accounts_[account].waiting;
      size_ -= std::erase_if(waiting, gone);
      it = waiting.empty() ? order_.erase(it) : std::next(it);
      forget_idle(account);
    }
  }

  [[nodiscard]] std::size_t size() const { return size_; }

 private:
  struct Account {
    std::deque<T> waiting;
    std::size_t working = 0;
  };

  void forget_idle(std::int64_t account) {
    const auto it = accounts_.find(account);
    if (it != accounts_.end() && it->second.waiting.empty() && it->second.working == 0) accounts_.erase(it);
  }

  std::size_t most_, most_of_account_, size_ = 0;
  std::map<std::int64_t, Account> accounts_;
  std::list<std::int64_t> order_;  // accounts that have something waiting
};

}  // namespace cpm::adapt
