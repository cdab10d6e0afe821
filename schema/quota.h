// Quota roots (RFC 9208 3.2): how much an account, and subtrees of its mailboxes, may hold and do hold. Usage is
// changed by the functions of migrations/0015_quota.sql in the transaction of the change (design decision 3), never
// here. Storage and annotations are counted in octets here; the protocol's units of 1024 octets are
// imap/ext/quota.cpp's. docs/decisions/0044-quota-roots.md. Runs on: db thread; values anywhere.
#pragma once

#include "base/ids.h"
#include "base/limits.h"
#include "base/result.h"
#include "schema/mailboxes.h"
#include "schema/query.h"

#include <array>
#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::schema {

// RFC 9208 5. In the order in which they are told.
enum class Resource : std::size_t { storage, message, mailbox, annotation_storage };
inline constexpr std::array<std::string_view, 4> kResourceNames{"STORAGE", "MESSAGE", "MAILBOX", "ANNOTATION-STORAGE"};

// Octets or numbers; none: no limit. At most 2^63 - 1.
using QuotaLimits = std::array<std::optional<std::uint64_t>, 4>;

struct QuotaRoot {
  std::string path;  // of the subtree; empty: the whole account
  std::array<std::uint64_t, 4> used{};
  QuotaLimits limits;
  int level = 0;  // of warning that was reached, in percent; 100: full
};

// Whether a mailbox of this path, existing or not, belongs to the root.
[[nodiscard]] bool governs(const QuotaRoot& root, std::string_view path);

// That of the account first, then those of subtrees by path. Failure::not_found when the account is gone.
[[nodiscard]] Result<std::vector<QuotaRoot>> quota_roots(Transaction& tx, AccountId account);
// The one of this path, "" for the account's. Failure::not_found.
[[nodiscard]] Result<QuotaRoot> quota_root(Transaction& tx, AccountId account, std::string_view path);

// All four limits; what is above one afterwards stays. Returns the root as it is now. Failure::not_found. Transaction.
[[nodiscard]] Result<QuotaRoot> set_quota(Transaction& tx, AccountId account, std::string_view path,
                                          const QuotaLimits& limits);

// A root for the mailboxes of this name and below, existing or not. Failure::exists, invalid (no possible name), limit.
[[nodiscard]] Result<QuotaRoot> add_quota_root(Transaction& tx, AccountId account, std::string_view path,
                                               const QuotaLimits& limits, const Limits& bounds);
// Failure::not_found. The mailboxes stay.
[[nodiscard]] Result<void> remove_quota_root(Transaction& tx, AccountId account, std::string_view path);

// Percents of a limit at which is warned: rising, 1 to 99, at most eight.
using QuotaWarnings = std::vector<int>;
struct QuotaWarningsInForce {
  QuotaWarnings levels;
  bool own = false;  // of the account; else those of the installation
};
[[nodiscard]] Result<QuotaWarningsInForce> quota_warnings(Transaction& tx, AccountId account);
[[nodiscard]] Result<QuotaWarnings> default_quota_warnings(Transaction& tx);
// None: those of the installation from now on. Failure::invalid, not_found.
[[nodiscard]] Result<void> set_quota_warnings(Transaction& tx, AccountId account,
                                              const std::optional<QuotaWarnings>& levels);
// Of the installation. Afterwards renew_quota_levels() is called until it returns none, each time in a transaction of
// its own, beginning with none: accounts without levels of their own are brought up to date, some hundred at a time.
[[nodiscard]] Result<void> set_default_quota_warnings(Transaction& tx, const QuotaWarnings& levels);
[[nodiscard]] Result<AccountId> renew_quota_levels(Transaction& tx, AccountId after);

// For a transaction that removes and adds: levels are looked at when both are done, so that only what is left of both
// is told. Settled for each mailbox in which messages came or went; the transaction is undone otherwise.
void hold_quota_levels(Transaction& tx);
void settle_quota_levels(Transaction& tx, MailboxRef mailbox);

// Something was refused for lack of room, in a transaction that is over: push hears of it, once.
[[nodiscard]] Result<void> note_quota_refused(Transaction& tx, const QuotaPlace& place);

}  // namespace cpm::schema
