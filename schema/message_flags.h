// Flags as the store keeps them: one bit each for the system flags and the keywords that CPM and mail
// clients use all the time, and small per-mailbox numbers for all other keywords.
// RFC 9051 2.3.2; \read-report-sent: MSS-54, MSS-86.
// Runs on: any thread. Value types.
#pragma once

#include "base/ids.h"

#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

// The bits are persistent: never renumber. Bits 0-30 only (the column is a signed int).
enum FlagBit : std::uint32_t {
  kSeen = 1U << 0,
  kAnswered = 1U << 1,
  kFlagged = 1U << 2,
  kDeleted = 1U << 3,
  kDraft = 1U << 4,
  kSystemFlags = 0x1f,
  kForwarded = 1U << 8,        // $Forwarded
  kMdnSent = 1U << 9,          // $MDNSent
  kReadReportSent = 1U << 10,  // \read-report-sent
  kJunk = 1U << 11,            // $Junk
  kNotJunk = 1U << 12,         // $NotJunk
  kPhishing = 1U << 13,        // $Phishing
  kImportant = 1U << 14,       // $Important
  kSubmitted = 1U << 15,       // $Submitted
  kSubmitPending = 1U << 16,   // $SubmitPending
};

struct FlagName {
  std::uint32_t bit;
  std::string_view name;  // wire spelling
};
// All flags that have a bit, in the order they are listed to clients.
[[nodiscard]] std::span<const FlagName> flag_names() noexcept;
// Case-insensitive; 0 when the name has no bit of its own.
[[nodiscard]] std::uint32_t flag_bit(std::string_view name) noexcept;

using KeywordId = std::uint16_t;

// The keywords of one mailbox that have no bit; ids are never reused while the mailbox lives.
class KeywordTable {
 public:
  struct Entry {
    KeywordId id;
    std::string name;  // as first spelled
  };
  void add(KeywordId id, std::string name);
  [[nodiscard]] std::optional<KeywordId> find(std::string_view name) const;  // case-insensitive
  [[nodiscard]] const std::string* name(KeywordId id) const;
  [[nodiscard]] const std::vector<Entry>& entries() const { return entries_; }

 private:
  std::vector<Entry> entries_;  // by id, rising
};

// Flags by name, as they come from and go to the wire.
struct FlagSet {
  std::uint32_t bits = 0;
  std::vector<std::string> keywords;  // those without a bit
};

// What is remembered of a message for synchronisation.
struct MessageFlags {
  Uid uid;
  ModSeq modseq;
  std::uint32_t bits = 0;
  std::vector<KeywordId> keywords;  // sorted
  bool operator==(const MessageFlags&) const = default;
};

}  // namespace cpm::schema
