#include "imap/cpm/xml.h"

#include "imap/cpm/text.h"

#include <algorithm>

namespace cpm::imap::cpm_objects {

namespace {

bool is_element(const pugi::xml_node& node) { return node.type() == pugi::node_element; }

std::string_view local(std::string_view name) {
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? name : name.substr(colon + 1);
}

}  // namespace

Xml::Xml(std::string_view text) {
  // Some writers leave a blank line before the declaration.
  text.remove_prefix(std::min(text.find_first_not_of(" \t\r\n"), text.size()));
  well_formed =
      static_cast<bool>(document.load_buffer(text.data(), text.size(), pugi::parse_default, pugi::encoding_auto));
}

pugi::xml_node Xml::root(std::string_view name) const {
  for (const auto& node : document.children())
    if (is_element(node) && local_name(node) == name) return node;
  for (const auto& node : document.children())
    if (auto found = child(node, name)) return found;
  return {};
}

std::string_view local_name(const pugi::xml_node& node) { return local(node.name()); }

std::string_view prefix_of(const pugi::xml_node& node) {
  const std::string_view name = node.name();
  const auto colon = name.find(':');
  return colon == std::string_view::npos ? std::string_view{} : name.substr(0, colon);
}

pugi::xml_node child(const pugi::xml_node& parent, std::string_view name) {
  pugi::xml_node other;
  for (const auto& node : parent.children()) {
    if (!is_element(node) || local_name(node) != name) continue;
    if (prefix_of(node) == prefix_of(parent)) return node;
    if (!other) other = node;
  }
  return other;
}

pugi::xml_node first_element(const pugi::xml_node& parent) {
  for (const auto& node : parent.children())
    if (is_element(node)) return node;
  return {};
}

std::string text_of(const pugi::xml_node& node) {
  std::string out;
  for (const auto& piece : node.children())
    if (piece.type() == pugi::node_pcdata || piece.type() == pugi::node_cdata) out += piece.value();
  return std::string(trim(out));
}

std::string_view attribute(const pugi::xml_node& node, std::string_view name) {
  for (const auto& candidate : node.attributes())
    if (local(candidate.name()) == name) return candidate.value();
  return {};
}

}  // namespace cpm::imap::cpm_objects
