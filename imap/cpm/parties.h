// Lists of people as CPM objects write them: header fields, CPIM headers, invited-participants. Members are separated
// by commas or semicolons; display names, comments, groups and URI parameters may stand around them. Pure. Runs on: any
// thread.
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace cpm::imap::cpm_objects {

// The canonical addresses (layout.h) of the list in their order; what is none is left out. Reads 64 KiB at most.
[[nodiscard]] std::vector<std::string> read_parties(std::string_view list);

}  // namespace cpm::imap::cpm_objects
