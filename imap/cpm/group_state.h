// Group state objects: application/group-state-object+xml (cpm-message-storage 1.7). Pure. Runs on: any thread.
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::cpm_objects {

struct GroupState {
  std::optional<std::chrono::sys_seconds> moment;  // timestamp
  std::string focus;                               // lastfocussessionid
  std::string type;                                // "Open", "Closed", as written
  std::vector<std::string> participants;           // comm-addr, as written; at most 1000
};

// Never fails: what is not there, or not read in a malformed document, stays empty.
[[nodiscard]] GroupState read_group_state(std::string_view xml);

}  // namespace cpm::imap::cpm_objects
