// Sorting messages by keys of their headers (RFC 5256 3, SORT; RFC 5957). The keys are read from the store a page at a
// time into one table, which is bounded by Limits::sort_octets; a message takes 16 octets a criterion and its texts.
// Runs on: session strand; reading on db threads, large sorts on a cpu thread. SortTable: any thread, one user.
#pragma once

#include "base/collation.h"
#include "base/number_set.h"
#include "imap/grammar/sort_program.h"
#include "imap/mime/sort_keys.h"
#include "imap/session/session.h"
#include "schema/sort_rows.h"

#include <boost/asio/awaitable.hpp>

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

namespace cpm::imap {

// How well messages answer a fuzzy search (RFC 6203), 1 to 100 each.
struct Scores {
  std::vector<std::uint32_t> uids;   // rising
  std::vector<std::uint8_t> scores;  // same index, or empty

  [[nodiscard]] std::uint8_t of(std::uint32_t uid) const;  // 1 when it is not known
};

// The keys of messages, as far as one order needs them.
class SortTable {
 public:
  // `scores`: for an order by relevancy, else null.
  SortTable(SortOrder order, Collation collation, std::shared_ptr<const Scores> scores = nullptr)
      : order_(std::move(order)), collation_(collation), scores_(std::move(scores)) {}

  [[nodiscard]] schema::SortColumns columns() const;
  // Reads the annotations of messages that are going to be added, if the order needs any. Runs on: db thread.
  [[nodiscard]] Result<void> prepare(schema::Transaction& tx, const schema::Grant& grant, AccountId user,
                                     const UidSet& uids);
  // REQUIRES: UIDs rise. `keys` is read when columns() are keys.
  void add(const schema::SortRow& row, const mime::SortKeys& keys);
  void append(const SortTable& page);  // REQUIRES: made for the same order; its UIDs are greater
  [[nodiscard]] std::size_t size() const { return uids_.size(); }
  [[nodiscard]] std::size_t octets() const;  // memory held
  [[nodiscard]] std::uint32_t uid(std::size_t index) const { return uids_[index]; }
  [[nodiscard]] std::size_t index_of(std::uint32_t uid) const;  // size() when absent
  // Whether the message at index `a` stands before that at `b`; what is equal by all criteria goes by number.
  [[nodiscard]] bool before(std::size_t a, std::size_t b) const;
  [[nodiscard]] std::vector<std::uint32_t> sorted() const;  // UIDs

 private:
  // A number, or a text of which `prefix` has the first octets: most comparisons end there.
  struct Value {
    std::uint64_t prefix;
    std::uint32_t offset, length;
  };
  void add_number(std::int64_t number);
  void add_text(std::string_view utf8);
  [[nodiscard]] int compare(const Value& a, const Value& b) const;

  SortOrder order_;
  Collation collation_;
  std::shared_ptr<const Scores> scores_;
  std::vector<std::uint32_t> uids_;
  std::vector<Value> values_;  // order_.size() a message
  std::string texts_;
  // Of the page that is being made: the values, a criterion each, of those that have any.
  std::unordered_map<std::uint32_t, std::vector<std::string>> annotations_;
};

// The keys of `uids`, messages gone meanwhile left out. Failure::limit when they would take too much memory.
boost::asio::awaitable<Result<SortTable>> read_sort_table(Session& session, MailboxId mailbox,
                                                          std::vector<std::uint32_t> uids, SortOrder order,
                                                          Collation collation,
                                                          std::shared_ptr<const Scores> scores = nullptr);

// `uids` in the order; messages gone meanwhile are left out.
boost::asio::awaitable<Result<std::vector<std::uint32_t>>> sort_messages(
    Session& session, MailboxId mailbox, std::vector<std::uint32_t> uids, SortOrder order, Collation collation,
    std::shared_ptr<const Scores> scores = nullptr);

}  // namespace cpm::imap
