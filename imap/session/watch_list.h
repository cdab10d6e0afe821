// WatchList: what a NOTIFY session watches beside the selected mailbox, and what it knows of it (RFC 5465 5, 6): of one
// account, its own or one that shares something with it. Given what the account looks like now it says what is new, by
// comparing; it asks nobody and writes nothing.
// Memory: 28 octets a watched mailbox, bounded by Limits::notify_mailboxes; names are shared (AccountNames).
// Runs on: session strand. Owned by the session's Notify.
#pragma once

#include "base/result.h"
#include "imap/session/mailbox_choice.h"
#include "imap/session/snapshot.h"
#include "schema/watch.h"

#include <cstdint>
#include <map>
#include <memory>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

namespace cpm::imap {

// RFC 5465 5.
enum NotifyEvent : unsigned {
  kMessageNew = 1,
  kMessageExpunge = 2,
  kFlagChange = 4,
  kMailboxName = 8,
  kSubscriptionChange = 16,
  kMailboxMetadata = 32,
  kServerMetadata = 64,  // asked for with any mailbox
  kAnnotationChange = 128,
  kMessageEvents = kMessageNew | kMessageExpunge | kFlagChange | kAnnotationChange,
};

struct EventGroup {
  MailboxChoice choice;
  unsigned events = 0;  // 0: none, whatever other groups say
};

// LIST tells it.
struct NameNews {
  std::string path;
  std::string old_path;  // it was renamed from this
  bool exists = false;
  bool no_access = false;  // it exists, but cannot be read
  bool subscribed = false;
  std::optional<bool> has_children;
  schema::SpecialUse use = schema::SpecialUse::none;
};

// STATUS tells it.
struct CounterNews {
  schema::MailboxRow mailbox;
  unsigned events = 0;  // that are asked for there
  bool fresh = false;   // it was not watched before
  bool counts = false;  // UIDNEXT or MESSAGES changed
  bool unseen = false;
  bool modseq = false;
};

struct News {
  std::vector<NameNews> names;
  std::vector<CounterNews> counters;
};

// What the session itself did since the last look: the client knows that (RFC 5465 5).
struct OwnChanges {
  std::map<schema::MailboxRef, std::uint64_t> modseqs;  // how many its commands took there; may be too few
  std::map<std::string, bool> names;                    // whether its commands left this mailbox existing
  std::map<std::string, bool> subscriptions;            // … this name subscribed
};

class WatchList {
 public:
  WatchList(std::vector<EventGroup> groups, std::size_t most)
      : groups_(std::make_shared<const std::vector<EventGroup>>(std::move(groups))), most_(most) {}
  // The same wishes, for what another account shares. `news`: the client takes it that nothing is shared there.
  [[nodiscard]] WatchList for_share(bool news) const;

  [[nodiscard]] bool needs_subscriptions() const;
  // Whether mailboxes of other accounts are asked for.
  [[nodiscard]] bool beyond_own() const;
  // Whether changes of annotations are asked for: of that mailbox, of the server with an empty path; of any.
  [[nodiscard]] bool wants_metadata(const std::string& path) const;
  [[nodiscard]] bool wants_metadata() const;
  [[nodiscard]] bool knows(MailboxId mailbox) const { return names_ && names_->path(mailbox) != nullptr; }
  [[nodiscard]] bool watches(MailboxId mailbox) const { return find(mailbox) != nullptr; }
  [[nodiscard]] std::size_t size() const { return known_.size(); }
  [[nodiscard]] schema::UnseenKnown unseen() const;
  // By its path; null when there is none or before the first look.
  [[nodiscard]] const AccountNames::Entry* named(const std::string& path) const;
  [[nodiscard]] const AccountNames* names() const { return names_.get(); }  // null before the first look

  // Takes the account as it is now. The first time every watched mailbox is in counters, and in names are only those
  // without access. `selected`: its messages are told otherwise, 0 for none. Failure::limit: too many mailboxes.
  [[nodiscard]] Result<News> advance(const schema::WatchedAccount& now, std::shared_ptr<const AccountNames> names,
                                     const OwnChanges& own, MailboxId selected);
  // The same for a few mailboxes that watches() knows. Failure::not_found: look at the whole account.
  [[nodiscard]] Result<News> advance(const std::vector<MailboxId>& asked,
                                     const std::vector<schema::WatchedMailbox>& now, const OwnChanges& own,
                                     MailboxId selected);
  // `prefix` leads to the account whose mailboxes these are; empty: the session's own.
  void set_prefix(std::string prefix) { prefix_ = std::move(prefix); }
  // The client has seen this state of the mailbox by other means: it was selected.
  void seen(const schema::MailboxRow& mailbox);

 private:
  struct Known {
    MailboxId id;
    std::uint32_t uidvalidity = 0;
    std::uint32_t uidnext = 1;
    std::uint32_t messages = 0;
    std::uint32_t unseen = 0;
    std::uint32_t highestmodseq = 1;
    std::uint8_t events = 0;
    bool no_access = false;
  };
  class Renaming;

  [[nodiscard]] unsigned events_of(const std::string& path, bool subscribed) const;
  [[nodiscard]] const Known* find(MailboxId mailbox) const;
  void compare(Known& known, const schema::WatchedMailbox& now, bool fresh, const OwnChanges& own, MailboxId selected,
               News& news) const;
  void compare_names(const AccountNames& before, const AccountNames& now, const OwnChanges& own, News& news) const;

  WatchList(std::shared_ptr<const std::vector<EventGroup>> groups, std::size_t most)
      : groups_(std::move(groups)), most_(most), of_share_(true) {}

  const std::shared_ptr<const std::vector<EventGroup>> groups_;  // shared by the lists of a session
  const std::size_t most_;
  const bool of_share_ = false;
  std::string prefix_;
  std::shared_ptr<const AccountNames> names_;  // as the client knows them; null before the first look
  std::vector<Known> known_;                   // watched mailboxes, by id
};

}  // namespace cpm::imap
