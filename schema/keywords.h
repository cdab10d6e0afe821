// Keywords of a mailbox that have no bit: reading their table and giving numbers to new ones. Not for other layers.
// RFC 9051 2.3.2. Compared without regard to ASCII case, kept as first spelled.
// Runs on: db thread.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "schema/message_flags.h"
#include "schema/query.h"

#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

[[nodiscard]] KeywordTable read_keywords(Transaction& tx, AccountId account, MailboxId mailbox);
// As changes_since packs it: "id name id name".
[[nodiscard]] KeywordTable parse_keywords(std::string_view text);

// The numbers of `names`, sorted, without doubles; names that are missing are ignored.
[[nodiscard]] std::vector<KeywordId> keyword_ids(const KeywordTable& table, std::span<const std::string> names);

// Makes what is missing in `table`. Failure::limit. REQUIRES: the mailbox row is locked, and `table` was read since.
[[nodiscard]] Result<void> add_keywords(Transaction& tx, AccountId account, MailboxId mailbox, KeywordTable& table,
                                        std::span<const std::string> names, const Limits& limits);

}  // namespace cpm::schema
