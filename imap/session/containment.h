// The optional rule of what may stand in histories (configuration key cpm.containment), asked by the commands that
// store, copy and move messages and make mailboxes. Without it, and in a build without imap/cpm, everything may stand
// everywhere. Runs on: db thread; may_leave(), may_move_tree() and may_make() anywhere.
#pragma once

#include "imap/session/session.h"
#include "schema/append.h"

#include <string_view>
#include <vector>

namespace cpm::imap {

// Failure::invalid with the reason: a NO [CANNOT]. The first two lock the account, so that what they saw holds until
// commit.
[[nodiscard]] Result<void> may_store(schema::Transaction& tx, const Settings& settings, const schema::Principal& who,
                                     std::string_view path, const std::vector<schema::StagedMessage>& messages);
[[nodiscard]] Result<void> may_copy(schema::Transaction& tx, const Settings& settings, const schema::Grant& from,
                                    const UidSet& uids, const schema::Grant& to, bool move);
// An object out of `from` by what is not a MOVE.
[[nodiscard]] Result<void> may_leave(const Settings& settings, std::string_view from, std::string_view to);
// A mailbox with all below it, by RENAME or as a copy.
[[nodiscard]] Result<void> may_move_tree(const Settings& settings, std::string_view from, std::string_view to);
[[nodiscard]] Result<void> may_make(const Settings& settings, std::string_view path);

}  // namespace cpm::imap
