// A place somebody sent: application/vnd.gsma.rcspushlocation+xml. Pure. Runs on: any thread.
#pragma once

#include <string>
#include <string_view>

namespace cpm::imap::cpm_objects {

// Its label, or else "geo:latitude,longitude"; empty when the document says neither.
[[nodiscard]] std::string describe_location(std::string_view xml);

}  // namespace cpm::imap::cpm_objects
