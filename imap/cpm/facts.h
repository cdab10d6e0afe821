// Facts of a CPM object from its header block: identifiers and direction (cpm-message-storage 1.1). Pure; never refuses
// a message.
// Runs on: any thread.
#pragma once

#include "schema/append.h"

#include <string_view>

namespace cpm::imap::cpm_objects {

[[nodiscard]] schema::ObjectFacts classify(std::string_view header_block);

}  // namespace cpm::imap::cpm_objects
