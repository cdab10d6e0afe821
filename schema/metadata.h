// Annotations of mailboxes and of the server (RFC 5464). The server's belong to one account: its /shared values are
// seen by whoever acts on this store, its /private ones by the user (docs/decisions/0019-metadata-of-the-server.md).
// /private/specialuse of a mailbox is the mailbox's special use (RFC 6154 4).
// Names are compared without regard to case. Runs on: db thread; MetadataEntry anywhere.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "schema/access.h"

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

// The name of an annotation. REQUIRES: it is a possible one (imap/grammar/metadata_entry.h); begins with /private or
// /shared.
class MetadataEntry {
 public:
  explicit MetadataEntry(std::string spelling);
  [[nodiscard]] const std::string& spelling() const { return spelling_; }
  [[nodiscard]] const std::string& key() const { return key_; }  // in lower case
  [[nodiscard]] bool is_private() const { return key_[1] == 'p'; }

 private:
  std::string spelling_, key_;
};

enum class MetadataDepth { itself, children, all };

// Whether `key` is meant by `root` (both in lower case).
[[nodiscard]] bool covers(std::string_view root, MetadataDepth depth, std::string_view key);

// Proof that the annotations of a mailbox or of the server may be read and, when writable(), changed by a principal.
// Made by the two functions below alone.
class MetadataAccess {
 public:
  [[nodiscard]] bool writable() const { return writable_; }

 private:
  friend Result<MetadataAccess> metadata_of(const Principal&, const Grant&);
  friend MetadataAccess metadata_of_server(const Principal&);
  friend class MetadataTable;
  AccountId account_;
  MailboxId mailbox_;  // none: the server
  AccountId user_;     // whose private values
  SpecialUse use_ = SpecialUse::none;
  bool writable_ = false;
  bool sets_use_ = false;
};
// Failure::denied without one of the rights r, s, w, i and p (RFC 5464 3.3).
[[nodiscard]] Result<MetadataAccess> metadata_of(const Principal& who, const Grant& grant);
// Whoever may act on the store reads; who may administer it changes.
[[nodiscard]] MetadataAccess metadata_of_server(const Principal& who);

struct MetadataItem {
  MetadataEntry entry;
  std::uint64_t octets = 0;  // of the value
};
// What has a value, by name; `keys`: only these, all when there are none.
[[nodiscard]] Result<std::vector<MetadataItem>> list_metadata(Transaction& tx, const MetadataAccess& access,
                                                              const std::vector<std::string>& keys);

struct MetadataValue {
  std::string key;
  std::string value;
};
// Values of those among `keys` that have one. The caller bounds their octets.
[[nodiscard]] Result<std::vector<MetadataValue>> read_metadata(Transaction& tx, const MetadataAccess& access,
                                                               const std::vector<std::string>& keys);

// The same of many mailboxes at once, by mailbox and key; mailboxes whose annotations may not be read are left out.
// `rows`: as list_mailboxes() gave them. All is held in memory: at most Limits::metadata_account_octets.
using MetadataOfMailboxes = std::map<MailboxId, std::map<std::string, std::string>>;
[[nodiscard]] Result<MetadataOfMailboxes> metadata_of_mailboxes(Transaction& tx, const Principal& who,
                                                                const std::vector<MailboxRow>& rows,
                                                                const std::vector<std::string>& keys);

struct MetadataChange {
  MetadataEntry entry;
  std::optional<std::string> value;  // none removes it
};
// All or nothing; of two changes to one entry the last counts. Returns the number of the change. Failure::too_many (one
// more entry than there may be), over_quota (octets of the account), use_attr, denied, not_found (the mailbox is gone).
[[nodiscard]] Result<std::int64_t> set_metadata(Transaction& tx, const MetadataAccess& access,
                                                const std::vector<MetadataChange>& changes, const Limits& limits);

// Something that is kept elsewhere and shown as this shared annotation of the server has changed: sessions that want
// news hear of it. Returns the number of the change.
[[nodiscard]] Result<std::int64_t> note_metadata(Transaction& tx, AccountId account, const std::string& entry);

// RENAME of INBOX: the new mailbox has the same annotations (RFC 5464 4.1). Failure::over_quota, too_many.
[[nodiscard]] Result<void> copy_metadata(Transaction& tx, AccountId account, MailboxId from, MailboxId to,
                                         const Limits& limits);

// Where a reader of changes stands: behind the entry of a mailbox in the change of that number.
struct MetadataCursor {
  std::int64_t change = 0;
  std::int32_t mailbox = 0;
  std::string key;
};
struct MetadataNewsItem {
  MetadataCursor at;
  std::string mailbox;   // its path; empty: the server
  std::string spelling;  // of the entry, which has another value or none
};
struct MetadataNewsPage {
  std::vector<MetadataNewsItem> items;  // in the order in which they were changed; what may not be seen is left out
  MetadataCursor end;                   // where the next page begins
  bool more = false;
};
// What was changed behind `after`: some hundred entries at most. The last change of an entry counts.
[[nodiscard]] Result<MetadataNewsPage> metadata_news(Transaction& tx, const Principal& who,
                                                     const MetadataCursor& after);
// The number of the newest change. Failure::not_found when the account is gone.
[[nodiscard]] Result<std::int64_t> newest_metadata_change(Transaction& tx, const Principal& who);

}  // namespace cpm::schema
