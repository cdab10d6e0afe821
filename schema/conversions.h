// What was made of stored content and is kept: results of conversions and texts of previews (tables conversion,
// converted_part, preview; docs/decisions/0051-conversions.md). A cache of each account by itself: any of it may be
// gone the next time, and it counts to no quota. Runs on: db thread.
#pragma once

#include "base/result.h"
#include "schema/database.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

namespace cpm::schema {

// A part of a stored message. Whoever names it was given its content by a Grant.
struct PartName {
  AccountId account;
  ContentId content;
  std::string part;  // its section number, "2.1"; empty: the whole message
};

struct KeptConversion {
  std::string source;  // 32 octets: which octets it was made of
  std::string head;    // what it is, or the refusal; the caller's own format
  std::string data;
  bool stale = false;  // used for the last time more than an hour ago: conversion_used()
};
// By the part; one statement. `request`: 32 octets.
[[nodiscard]] Result<std::optional<KeptConversion>> find_conversion(Transaction& tx, const PartName& name,
                                                                    std::string_view request);
// The same when another part of the account may have had the same octets.
[[nodiscard]] Result<std::optional<KeptConversion>> find_conversion_of(Transaction& tx, AccountId account,
                                                                       std::string_view source,
                                                                       std::string_view request);
// Keeps a result, and says that the part has these octets. Nothing is kept of a message that is gone. Removes what the
// account used least until at most `bound` octets are left; how many results that were.
[[nodiscard]] Result<std::uint64_t> keep_conversion(Transaction& tx, const PartName& name, const KeptConversion& made,
                                                    std::string_view request, std::uint64_t bound);
[[nodiscard]] Result<void> conversion_used(Transaction& tx, AccountId account, std::string_view source,
                                           std::string_view request);

// One that is over, so that another can be kept.
[[nodiscard]] Result<void> drop_conversion(Transaction& tx, AccountId account, std::string_view source,
                                           std::string_view request);

// Previews in the caller's own format, one line of UTF-8 each or some. Replaces older ones.
[[nodiscard]] Result<void> keep_previews(Transaction& tx, AccountId account,
                                         const std::vector<std::pair<ContentId, std::string>>& previews);

struct ConversionTotals {
  std::uint64_t results = 0;
  std::uint64_t octets = 0;
  std::uint64_t accounts = 0;  // that have results
  std::uint64_t previews = 0;
};
// Of all accounts. Counts rows of an index: not for every second.
[[nodiscard]] Result<ConversionTotals> conversion_totals(Transaction& tx);

// Upkeep: removes results that were not used for longest while there are more than `bound` octets in all; `batch` of
// them at most. How many.
[[nodiscard]] Result<std::size_t> evict_conversions(Transaction& tx, std::uint64_t bound, std::size_t batch);

// Whoever has results, previews or both.
[[nodiscard]] Result<std::vector<AccountId>> accounts_with_conversions(Transaction& tx);

// Everything of one account; how many results that were.
[[nodiscard]] Result<std::uint64_t> clear_conversions(Transaction& tx, AccountId account);

}  // namespace cpm::schema
