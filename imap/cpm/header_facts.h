// What the header block of an object says of it (cpm-message-storage 1.1), whatever the spelling of its names.
// Pure. Runs on: any thread.
#pragma once

#include "schema/object_facts.h"

#include <string>
#include <string_view>

namespace cpm::imap::cpm_objects {

struct HeaderFacts {
  bool cpm = false;          // has a field that mail does not have
  bool second = false;       // has a field that only the second generation writes
  bool group = false;        // the service is one for groups
  std::string content_type;  // value of the field, unfolded, in lower case
  std::string from;          // unfolded
  std::string recipients;    // To and Cc as one list
  std::string subject;       // unfolded, not decoded
  std::string date_time;     // DateTime outside of CPIM
};

// Fills the identifiers, exact, direction; and, of an object of CPM, in_reply_to, correlator, context and service.
[[nodiscard]] HeaderFacts read_header(std::string_view header, schema::ObjectFacts& facts);

}  // namespace cpm::imap::cpm_objects
