// Reading small XML documents of CPM objects with pugixml (docs/decisions/0030): no DTD, no entities but the five, no
// recursion. What can be read of a malformed document is read. Runs on: any thread.
#pragma once

#include <pugixml.hpp>

#include <string>
#include <string_view>

namespace cpm::imap::cpm_objects {

struct Xml {
  pugi::xml_document document;
  bool well_formed = false;

  // Longer texts are cut by the caller.
  explicit Xml(std::string_view text);

  // The element of that local name at the top, or the first below it (some writers wrap); null: there is none.
  [[nodiscard]] pugi::xml_node root(std::string_view name) const;
};

// The name without its prefix.
[[nodiscard]] std::string_view local_name(const pugi::xml_node& node);
[[nodiscard]] std::string_view prefix_of(const pugi::xml_node& node);

// The first child element of that local name; one with the prefix of `parent` is preferred, so that an element of
// another vocabulary does not stand for it.
[[nodiscard]] pugi::xml_node child(const pugi::xml_node& parent, std::string_view name);
// The first child element of any name.
[[nodiscard]] pugi::xml_node first_element(const pugi::xml_node& parent);
// The text directly in the element, comments left out, trimmed; empty without an element.
[[nodiscard]] std::string text_of(const pugi::xml_node& node);
// An attribute by its local name; empty: there is none.
[[nodiscard]] std::string_view attribute(const pugi::xml_node& node, std::string_view name);

}  // namespace cpm::imap::cpm_objects
