// Snapshot: an immutable picture of one mailbox at one MODSEQ: UIDs, flags, MODSEQs. Sessions on the same mailbox share
// it; SnapshotCache brings it up to date from the store and may drop it at any time (design decisions 6, 7).
// Runs on: Snapshot: any thread. SnapshotCache::latest: session strand; own synchronisation (one mutex).
#pragma once

#include "base/number_set.h"
#include "base/result.h"
#include "base/shared_run.h"
#include "schema/database.h"
#include "schema/messages.h"
#include "schema/search.h"

#include <boost/asio/awaitable.hpp>

#include <chrono>
#include <cstdint>
#include <list>
#include <map>
#include <memory>
#include <mutex>
#include <string>
#include <tuple>
#include <utility>
#include <vector>

namespace cpm::imap {

struct Snapshot {
  schema::MailboxRow mailbox;                        // counters as of mailbox.highestmodseq
  std::vector<std::uint32_t> uids;                   // rising
  std::vector<std::uint32_t> bits;                   // same index: schema::FlagBit
  std::vector<std::uint32_t> modseqs;                // same index (values stay below 2^31)
  std::vector<std::uint32_t> keyword_sets;           // same index: number in `sets`; 0 = none
  std::vector<std::vector<schema::KeywordId>> sets;  // sets[0] is empty
  schema::KeywordTable keywords;

  static constexpr std::size_t npos = static_cast<std::size_t>(-1);
  [[nodiscard]] std::size_t size() const { return uids.size(); }
  [[nodiscard]] std::size_t index_of(std::uint32_t uid) const;     // npos when absent
  [[nodiscard]] std::size_t lower_bound(std::uint32_t uid) const;  // first index with uids[i] >= uid
  [[nodiscard]] schema::MessageFlags flags_at(std::size_t index) const;
  [[nodiscard]] std::size_t octets() const;  // memory, near enough
};

// Which content stands behind which UID: what look-ups by identifier need, read only for mailboxes in which somebody
// looks. A UID keeps its content, so it only grows; UIDs that are gone stay in it.
struct PlacedContents {
  UidValidity uidvalidity;
  Uid end;                             // all UIDs below are known
  std::vector<std::uint32_t> uids;     // rising
  std::vector<std::int64_t> contents;  // same index

  [[nodiscard]] UidSet uids_of(std::vector<ContentId> wanted) const;
  [[nodiscard]] std::size_t octets() const;
};

// What happened between two pictures of one mailbox.
struct Difference {
  std::vector<std::uint32_t> gone;  // UIDs, rising
  UidSet added;
  UidSet flags;  // in both, with another MODSEQ
};
[[nodiscard]] Difference compare(const Snapshot& old, const Snapshot& now);

// The mailbox names of an account as one principal may see them, and its subscriptions: what NOTIFY compares. Immutable
// and shared like a Snapshot.
struct AccountNames {
  struct Entry {
    MailboxId id;
    std::string path;
    schema::SpecialUse use = schema::SpecialUse::none;
    bool readable = true;
    bool operator==(const Entry&) const = default;
  };
  AccountId account;
  std::vector<Entry> entries;              // by id
  std::vector<std::string> subscriptions;  // sorted; empty when nobody asked for them

  [[nodiscard]] const Entry* find(MailboxId id) const;  // null when absent
  [[nodiscard]] const std::string* path(MailboxId id) const;
  [[nodiscard]] bool subscribed(const std::string& path) const;
  bool operator==(const AccountNames&) const = default;
};

// `base` (may be null) brought to the state of `changes`.
[[nodiscard]] std::shared_ptr<const Snapshot> apply_changes(const std::shared_ptr<const Snapshot>& base,
                                                            schema::ChangeSet changes);

class SnapshotCache {
 public:
  explicit SnapshotCache(std::size_t max_octets) : max_octets_(max_octets) {}

  // The newest picture: one cheap statement when the cached one is current, and one for all that ask at the same moment
  // for the same principal. `known` may be null; it serves as a base when the cache has nothing better.
  // `expect`: whether it is worth to ask first, by a shortcut, whether there is anything new.
  // Failure::not_found when the mailbox is gone.
  enum class Expect { nothing, news };
  boost::asio::awaitable<Result<std::shared_ptr<const Snapshot>>> latest(
      schema::Database& db, std::chrono::milliseconds deadline, const schema::Principal& who,
      schema::MailboxRef mailbox, std::shared_ptr<const Snapshot> known, Expect expect = Expect::nothing);

  // The first session of this node to say so makes new messages its \Recent ones, up to `uidnext`: false, another one
  // did. A claim that fails is taken back.
  [[nodiscard]] bool begin_claim(AccountId account, MailboxId mailbox, Uid uidnext);
  void take_back_claim(AccountId account, MailboxId mailbox, Uid uidnext);

  // For code that has the changes already (its own transaction read them).
  std::shared_ptr<const Snapshot> remember(const std::shared_ptr<const Snapshot>& base, schema::ChangeSet changes);
  // `reader`: MailboxRow::reader.
  [[nodiscard]] std::shared_ptr<const Snapshot> peek(schema::MailboxRef mailbox, AccountId reader) const;

  // The contents of at least the messages of `snapshot`.
  boost::asio::awaitable<Result<std::shared_ptr<const PlacedContents>>> contents(
      schema::Database& db, std::chrono::milliseconds deadline, const schema::Principal& who,
      std::shared_ptr<const Snapshot> snapshot);

  // For metrics: what is kept.
  struct Size {
    std::size_t mailboxes = 0, messages = 0, octets = 0;
  };
  [[nodiscard]] Size size() const;

  // One picture for all sessions that see the same names: an equal one if some session holds it, else this one.
  [[nodiscard]] std::shared_ptr<const AccountNames> share(AccountNames names);

 private:
  // A reader of a mailbox of another account sees flags of their own.
  struct Key {
    schema::MailboxRef mailbox;
    AccountId reader;
    auto operator<=>(const Key&) const = default;
  };
  static Key key_of(const schema::MailboxRow& mailbox) { return {mailbox.ref(), mailbox.reader}; }
  using Reader = std::tuple<Key, std::string, std::string, schema::Role>;  // who may see which mailbox
  using Read = Result<std::shared_ptr<const Snapshot>>;
  struct Entry {
    std::shared_ptr<const Snapshot> snapshot;
    std::shared_ptr<const PlacedContents> contents;  // may be null
    Uid claimed;                                     // \Recent below it are some session's, as far as is known here
    std::list<Key>::iterator age;
    [[nodiscard]] std::size_t octets() const;
  };
  void put(const std::shared_ptr<const Snapshot>& snapshot);
  void evict();  // REQUIRES: mutex_ held
  boost::asio::awaitable<Read> read(schema::Database& db, std::chrono::milliseconds deadline, schema::Principal who,
                                    schema::MailboxRef mailbox, std::shared_ptr<const Snapshot> known, Expect expect);

  SharedRun<Reader, Read> reads_;
  const std::size_t max_octets_;  // entries kept for nobody in particular; sessions hold their own references
  mutable std::mutex mutex_;
  std::map<Key, Entry> entries_;                                          // protected by mutex_
  std::list<Key> ages_;                                                   // protected by mutex_; newest first
  std::size_t messages_ = 0;                                              // protected by mutex_
  std::size_t octets_ = 0;                                                // protected by mutex_
  std::multimap<std::int64_t, std::weak_ptr<const AccountNames>> names_;  // protected by mutex_; by account
  static constexpr std::size_t kSweepNames = 1000;
  std::size_t sweep_names_at_ = kSweepNames;  // protected by mutex_; then those that nobody holds are removed
};

}  // namespace cpm::imap
