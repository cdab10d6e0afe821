// Messages put into the store by plain SQL, all invariants kept: for tests of what is not the deposit itself.
// Runs on: the thread of the test.
#pragma once

#include "base/ids.h"
#include "tests/support/test_database.h"

#include <string>
#include <string_view>

namespace cpm::support {

// One message of those octets; `flags` are schema::FlagBit. Returns its UID.
Uid add_message(schema::Database& database, AccountId account, MailboxId mailbox, std::string_view octets,
                std::uint32_t flags = 0);

// `count` small messages at once.
void add_messages(schema::Database& database, AccountId account, MailboxId mailbox, int count);

}  // namespace cpm::support
