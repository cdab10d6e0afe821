#include "imap/cpm/location.h"

#include "imap/cpm/text.h"
#include "imap/cpm/xml.h"

namespace cpm::imap::cpm_objects {

std::string describe_location(std::string_view text) {
  const Xml xml(text);
  // The envelope is written in two spellings: look at what is in it. find_node walks without recursion.
  const pugi::xml_node location =
      xml.document.find_node([](const pugi::xml_node& node) { return local_name(node) == "rcspushlocation"; });
  if (const std::string_view label = trim(attribute(location, "label")); !label.empty()) return std::string(label);
  const pugi::xml_node position =
      location.find_node([](const pugi::xml_node& node) { return local_name(node) == "pos"; });
  const std::string at = text_of(position);  // "48.731964 -3.45829", perhaps with an altitude
  const auto latitude_end = at.find_first_of(" \t\r\n");
  if (latitude_end == std::string::npos) return {};
  std::string_view longitude = trim(std::string_view(at).substr(latitude_end));
  longitude = longitude.substr(0, longitude.find_first_of(" \t\r\n"));
  for (const std::string_view number : {std::string_view(at).substr(0, latitude_end), longitude})
    if (number.find_first_not_of("+-.0123456789") != std::string_view::npos) return {};
  return "geo:" + at.substr(0, latitude_end) + "," + std::string(longitude);
}

}  // namespace cpm::imap::cpm_objects
