// ChangeHub: which sessions care about which mailbox. A change only marks them and wakes those that wait (IDLE); each
// then pulls what changed from the store, so nothing is queued and a lost wake-up only delays (design decision 6).
// Changes made here are handed to `publish` for the other nodes; what they tell comes back through remote().
// Runs on: any thread; one mutex, the only one of the protocol layer beside the snapshot cache's.
#pragma once

#include "base/ids.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cpm::imap {

class ChangeHub {
 public:
  using Publish = std::function<void(AccountId, MailboxId)>;

  // One session's interest; ends with its life.
  class Watch {
   public:
    ~Watch();
    Watch(const Watch&) = delete;
    Watch& operator=(const Watch&) = delete;
    bool take_dirty() { return dirty_.exchange(false); }

   private:
    friend class ChangeHub;
    Watch(ChangeHub& hub, AccountId account, MailboxId mailbox, std::function<void()> wake)
        : hub_(hub), account_(account), mailbox_(mailbox), wake_(std::move(wake)) {}
    ChangeHub& hub_;
    const AccountId account_;
    const MailboxId mailbox_;
    const std::function<void()> wake_;  // thread-safe, cheap: posts to the session's strand
    std::atomic<bool> dirty_{false};
  };

  void set_publish(Publish publish) { publish_ = std::move(publish); }  // before the first session

  [[nodiscard]] std::unique_ptr<Watch> watch(AccountId account, MailboxId mailbox, std::function<void()> wake);
  void changed(AccountId account, MailboxId mailbox);  // after the commit, by the session that made it
  void remote(AccountId account, MailboxId mailbox);   // heard from another node
  void all_changed();                                  // the listening connection was lost for a while
  [[nodiscard]] std::size_t watchers() const;

 private:
  struct Key {
    std::int64_t account;
    std::int32_t mailbox;
    bool operator==(const Key&) const = default;
  };
  struct KeyHash {
    std::size_t operator()(const Key& key) const noexcept {
      return std::hash<std::uint64_t>{}(static_cast<std::uint64_t>(key.account) * 1000003U +
                                        static_cast<std::uint32_t>(key.mailbox));
    }
  };
  void remove(Watch* watch);
  static void touch(Watch& watch);

  Publish publish_;
  mutable std::mutex mutex_;
  std::unordered_map<Key, std::vector<Watch*>, KeyHash> watches_;  // protected by mutex_
};

}  // namespace cpm::imap
