// Recognises CPM objects of both generations (cpm-message-storage 1.1 to 1.10): what a message is and what it says of
// its conversation, session, file or disposition. Reads a bounded part of the octets; never refuses a message, however
// malformed: what cannot be read is not known. Pure. Runs on: any thread.
#pragma once

#include "base/byte_source.h"
#include "imap/cpm/layout.h"
#include "imap/mime/structure.h"
#include "schema/object_facts.h"

#include <string_view>

namespace cpm::imap::cpm_objects {

// `header`: the header block of the message, possibly cut. `message`: its structure, over `octets`. `place`: where it
// is stored; an object in a history is of CPM whatever its header says.
[[nodiscard]] schema::ObjectFacts recognise(std::string_view header, ByteSource& octets, const mime::Part& message,
                                            const Place& place);

}  // namespace cpm::imap::cpm_objects
