// Annotations of messages (RFC 5257): an entry ("/comment", "/1/flags/seen") of a message in a mailbox has a value that
// all see, or one for each user. They go with the message when it is moved, are copied with it (RFC 5257 4.6) and are
// removed with it. A change of one is a change of the message: it takes a MODSEQ (RFC 7162 3).
// Names are case-sensitive; what makes one possible: imap/grammar/annotation_entry.h. Bounds are those of annotations
// of mailboxes, Limits::metadata_*. Runs on: db thread.
#pragma once

#include "base/limits.h"
#include "base/number_set.h"
#include "base/result.h"
#include "schema/access.h"
#include "schema/messages.h"

#include <cstdint>
#include <functional>
#include <optional>
#include <string>
#include <vector>

namespace cpm::schema {

// What changing a shared annotation takes; private ones, and reading, take kRead (RFC 5257 3.4).
inline constexpr Rights kAnnotateShared = kWrite;

struct AnnotationChange {
  std::string entry;
  AccountId owner;                   // the user whose private value it is; none: the shared one
  std::optional<std::string> value;  // any octets; none removes it
};

struct AnnotationValue {
  std::string entry;
  bool shared = false;
  std::uint64_t octets = 0;
  std::optional<std::string> value;  // none when it is longer than was asked for
};

// What is to be read.
struct AnnotationsWanted {
  std::vector<std::string> entries;  // these; all when there are none
  bool of_user = true, shared = true;
  std::uint64_t inline_octets = UINT64_MAX;  // longer values are not read
};
struct MessageAnnotations {
  Uid uid;
  std::vector<AnnotationValue> values;  // by entry, the private one first
};
// Messages without any are left out; by uid. The caller pages. REQUIRES: grant holds kRead.
[[nodiscard]] Result<std::vector<MessageAnnotations>> read_annotations(Transaction& tx, const Grant& grant,
                                                                       AccountId user, const UidSet& uids,
                                                                       const AnnotationsWanted& wanted);
// One value; none when there is none any more. REQUIRES: grant holds kRead.
[[nodiscard]] Result<std::optional<std::string>> read_annotation(Transaction& tx, const Grant& grant, AccountId user,
                                                                 Uid uid, const std::string& entry, bool shared);

// Whether a message, given by its part map, has the body parts that entries name.
using PartCheck = std::function<bool(const std::string& part_map)>;
// Failure::bad_syntax when a message does not pass (RFC 5257 3.2.1). REQUIRES: grant holds kRead.
[[nodiscard]] Result<void> check_parts(Transaction& tx, const Grant& grant, const UidSet& uids, const PartCheck& check);

struct AnnotateRequest {
  UidSet uids;
  std::vector<AnnotationChange> changes;  // no entry twice for one owner
  std::optional<ModSeq> unchanged_since;
  PartCheck parts;  // may be empty
};
// As store_flags(), all or nothing but for what fails the UNCHANGEDSINCE test. Failure::denied; too_many: annotations
// of one message; over_quota: of the account; bad_syntax: a part that does not exist.
[[nodiscard]] Result<StoreResult> store_annotations(Transaction& tx, const Grant& grant, const AnnotateRequest& request,
                                                    const Limits& limits);

// Annotations that a message comes with. `modseq`: that of its deposit. Failures as above; denied without the rights.
[[nodiscard]] Result<void> annotate_deposited(Transaction& tx, const Grant& grant, Uid uid, ModSeq modseq,
                                              const std::vector<AnnotationChange>& changes, const Limits& limits);

// Entries, seen by this user, that were changed with a MODSEQ above `since`, those with one of `own` left out.
struct ChangedAnnotation {
  Uid uid;
  std::string entry;
};
// By uid and entry, each once; some ten thousand at most. REQUIRES: grant holds kRead.
[[nodiscard]] Result<std::vector<ChangedAnnotation>> changed_annotations(Transaction& tx, const Grant& grant,
                                                                         AccountId user, ModSeq since,
                                                                         const std::vector<std::int64_t>& own);

}  // namespace cpm::schema
