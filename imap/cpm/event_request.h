// From an event-reporting document to what the store does with it: flags by their names, parties by their canonical
// addresses. cpmctl and the IMAP command XEVENT pass here. Pure. Runs on: any thread.
#pragma once

#include "base/limits.h"
#include "base/result.h"
#include "imap/cpm/event_document.h"
#include "schema/events.h"

#include <string_view>

namespace cpm::imap::cpm_objects {

// Failure::invalid and unsupported with what is wrong, as read_event_document(); a flag that cannot be stored.
[[nodiscard]] Result<schema::EventRequest> read_event(std::string_view octets, const Limits& limits);

[[nodiscard]] std::string_view outcome_name(schema::EventOutcome outcome);  // "APPLIED", "UNCHANGED", "NOTFOUND"

}  // namespace cpm::imap::cpm_objects
