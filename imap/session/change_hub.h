// ChangeHub: which sessions care about which mailbox, or about a whole account (NOTIFY). A change only marks them and
// wakes those that wait; each then pulls what changed from the store, so nothing is queued and a lost wake-up only
// delays (design decision 6). Changes made here are handed to `publish` for the other nodes; what they tell comes back
// through remote(). Numbers that no mailbox has stand for the names and for the annotations of an account (below).
// Runs on: any thread; one mutex, the only one of the protocol layer beside the snapshot cache's.
#pragma once

#include "base/ids.h"

#include <atomic>
#include <functional>
#include <memory>
#include <mutex>
#include <optional>
#include <unordered_map>
#include <utility>
#include <vector>

namespace cpm::imap {

// Instead of a mailbox: names were made, removed, renamed, subscribed or unsubscribed.
inline constexpr MailboxId kNamesChanged{0};
// Instead of a mailbox: annotations of the account were changed. Only those who watch it itself are marked.
inline constexpr MailboxId kAnyMetadata{-1};
// Instead of a mailbox: the key that authorizes URLs of this one was changed (RFC 4467). Those who watch the mailbox
// are marked twice (Watch::take_keys_changed); nobody else is.
[[nodiscard]] constexpr MailboxId keys_of(MailboxId mailbox) { return MailboxId{-1 - mailbox.value}; }

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
    [[nodiscard]] bool dirty() const { return dirty_.load(); }
    bool take_keys_changed() { return keys_changed_.exchange(false); }  // dirty() says so too

   private:
    friend class ChangeHub;
    Watch(ChangeHub& hub, AccountId account, MailboxId mailbox, std::function<void()> wake)
        : hub_(hub), account_(account), mailbox_(mailbox), wake_(std::move(wake)) {}
    ChangeHub& hub_;
    const AccountId account_;
    const MailboxId mailbox_;
    const std::function<void()> wake_;  // thread-safe, cheap: posts to the session's strand
    std::atomic<bool> dirty_{false};
    std::atomic<bool> keys_changed_{false};
  };

  // One session's interest in all mailboxes of an account; ends with its life.
  class AccountWatch {
   public:
    struct Dirty {
      bool everything = false;           // too much to remember, or wake-ups may have been lost
      bool names = false;                // mailboxes made, removed or renamed, or subscriptions
      std::vector<MailboxId> mailboxes;  // each once; empty with `everything`
      [[nodiscard]] bool any() const { return everything || names || !mailboxes.empty(); }
    };
    ~AccountWatch();
    AccountWatch(const AccountWatch&) = delete;
    AccountWatch& operator=(const AccountWatch&) = delete;
    // What was marked since the last time.
    [[nodiscard]] Dirty take_dirty();
    [[nodiscard]] bool dirty() const { return dirty_.load(); }

   private:
    friend class ChangeHub;
    AccountWatch(ChangeHub& hub, AccountId account, std::function<void()> wake)
        : hub_(hub), account_(account), wake_(std::move(wake)) {}
    ChangeHub& hub_;
    const AccountId account_;
    const std::function<void()> wake_;  // as Watch's
    std::atomic<bool> dirty_{false};    // something is in what_
    Dirty what_;                        // protected by the hub's mutex
  };
  static constexpr std::size_t kMostMarks = 32;  // mailboxes an AccountWatch remembers; beyond: everything

  void set_publish(Publish publish) { publish_ = std::move(publish); }  // before the first session

  [[nodiscard]] std::unique_ptr<Watch> watch(AccountId account, MailboxId mailbox, std::function<void()> wake);
  [[nodiscard]] std::unique_ptr<AccountWatch> watch(AccountId account, std::function<void()> wake);
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
  void remove(AccountWatch* watch);
  static void touch(Watch& watch);
  static void touch(AccountWatch& watch, std::optional<MailboxId> mailbox);  // none: everything

  Publish publish_;
  mutable std::mutex mutex_;
  std::unordered_map<Key, std::vector<Watch*>, KeyHash> watches_;                 // protected by mutex_
  std::unordered_map<std::int64_t, std::vector<AccountWatch*>> account_watches_;  // protected by mutex_
};

}  // namespace cpm::imap
