#include "schema/search_pattern.h"

#include "schema/content_rows.h"

namespace cpm::schema {

namespace {

void add_like(std::string& out, std::string_view text) {
  for (const char c : text) {
    if (c == '%' || c == '_' || c == '\\') out += '\\';
    out += c;
  }
}

// A backslash before a character that is no letter or digit always means that character.
void add_expression(std::string& out, std::string_view text) {
  for (const char c : text) {
    const auto octet = static_cast<unsigned char>(c);
    const bool plain = octet >= 0x80 || (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
    if (!plain) out += '\\';
    out += c;
  }
}

}  // namespace

bool searchable(std::string_view needle) { return clean_text(needle) == needle; }

bool one_line(std::string_view needle) {
  return needle.find_first_of("\r\n") == std::string_view::npos && searchable(needle);
}

std::string like_pattern(std::string_view needle) {
  std::string out = "%";
  add_like(out, needle);
  return out += '%';
}

std::string like_field(std::string_view name, std::string_view needle) {
  std::string out = "%";
  add_like(out, name);
  out += ":%";
  add_like(out, needle);
  return out += needle.empty() ? "" : "%";
}

std::string field_expression(std::string_view name, std::string_view needle) {
  std::string out = "(?n)^";
  add_expression(out, name);
  out += ":";
  if (needle.empty()) return out;
  out += ".*";
  add_expression(out, needle);
  return out;
}

}  // namespace cpm::schema
