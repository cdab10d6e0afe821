// Builds the objects of cpm-message-storage section 1 in generation 1 (CPM 2.0, RCS 5.1) or 2 (CPM 2.1, RCS 6.0):
// header fields in the spelling and order that deployed clients read, CPIM (RFC 3862) around what generation 2 wraps,
// and the mailbox of section 2. The same facts always give the same octets, so that a repeated deposit can be
// recognised (MSS-75). No object ends with a line end: a deployed client misreads one that does (section 5.2). Runs on:
// any thread; looks at the size of files, does not read them.
#pragma once

#include "admin/deposit/facts.h"
#include "admin/deposit/object.h"

namespace cpm::deposit {

struct BuildOptions {
  int generation = 2;            // of facts that do not say
  std::string root = "Default";  // below which conversations live, for facts that do not say
};

// Failure::invalid names the fact that is missing or impossible; not_found a file. The text begins with the line.
[[nodiscard]] Result<Object> build_object(const Facts& facts, const BuildOptions& options);

// Where it belongs: ROOT/<Conversation-ID>[/<Contribution-ID of the session>]; in generation 2 ROOT/<remote party> for
// talk between two. Failure::invalid when the names cannot be names of mailboxes.
[[nodiscard]] Result<std::string> mailbox_of(const Facts& facts, const BuildOptions& options);

// "line 7: ", or nothing for facts without a line.
[[nodiscard]] std::string line_prefix(std::size_t line);

}  // namespace cpm::deposit
