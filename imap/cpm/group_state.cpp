#include "imap/cpm/group_state.h"

#include "imap/cpm/text.h"
#include "imap/cpm/xml.h"
#include "imap/mime/header.h"

namespace cpm::imap::cpm_objects {

namespace {

constexpr std::size_t kMostParticipants = 1000;

}  // namespace

GroupState read_group_state(std::string_view text) {
  GroupState out;
  const Xml xml(text);
  const pugi::xml_node root = xml.root("groupstate");
  if (const auto date = mime::parse_date(attribute(root, "timestamp"))) out.moment = date->time;
  out.focus = trim(attribute(root, "lastfocussessionid"));
  out.type = trim(attribute(root, "group-type"));
  for (const auto& node : root.children()) {
    const std::string_view address = attribute(node, "comm-addr");
    if (local_name(node) == "participant" && !address.empty() && out.participants.size() < kMostParticipants)
      out.participants.emplace_back(address);
  }
  return out;
}

}  // namespace cpm::imap::cpm_objects
