// Invariants of the store (`cpmctl db check`): every line is something that must never be; an empty list is health.
// UIDs below UIDNEXT, MODSEQs not above HIGHESTMODSEQ, counters equal to a recount, usage equal to a recount,
// references equal to a recount, no message without content, no expunged UID that lives, chunks complete and matching
// size and digest, rights of owners as their lists say. With digests also the record of changes against its seals.
// Runs on: cpmctl, in one REPEATABLE READ transaction an account.
#pragma once

#include "base/result.h"
#include "schema/database.h"

#include <functional>
#include <string>

namespace cpm::schema {

struct CheckFinding {
  std::string account;  // address
  std::string mailbox;  // path, or empty
  std::string what;
};
struct CheckOptions {
  std::string address;   // empty: all accounts
  bool digests = false;  // also read and hash all octets, and the record of changes (verify_audit)
};
struct CheckSummary {
  std::uint64_t accounts = 0, mailboxes = 0, messages = 0, findings = 0;
};
[[nodiscard]] Result<CheckSummary> check(Database& database, const CheckOptions& options,
                                         const std::function<void(const CheckFinding&)>& found);

}  // namespace cpm::schema
