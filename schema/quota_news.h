// What a transaction has to say of quotas besides its result: a level of quota_warn was reached, or something was
// refused for lack of room. Gathered by Transaction, from a notice that the functions of migrations/0015_quota.sql
// raise and from SQLSTATE CP001; whoever ran the transaction tells it (imap/session/quota_news.h). Runs on: db thread;
// a value.
#pragma once

#include "base/ids.h"

#include <cstdint>
#include <optional>
#include <string_view>

namespace cpm::schema {

struct QuotaPlace {
  AccountId account;
  std::int32_t root = 0;  // 0: of the whole account
};

struct QuotaNews {
  int level = 0;                      // percent, 100: full; 0: none was reached
  QuotaPlace reached;                 // where
  std::optional<QuotaPlace> refused;  // where there was no room
  [[nodiscard]] bool empty() const { return level == 0 && !refused; }
};

// "… quota level 80 of account 4711 root 0": the greatest level counts. Any other text changes nothing.
void read_quota_notice(std::string_view message, QuotaNews& news) noexcept;
// "… quota of account 4711 root 2 is reached".
[[nodiscard]] std::optional<QuotaPlace> refused_quota(std::string_view message) noexcept;

}  // namespace cpm::schema
