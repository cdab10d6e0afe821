#include "imap/mime/header.h"

#include <algorithm>

namespace cpm::imap::mime {

namespace {

bool is_blank(char c) { return c == ' ' || c == '\t'; }

char lower(char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; }

// The octets from `at` to behind the next LF, or to the end.
std::size_t line_end(std::string_view block, std::size_t at) {
  const auto lf = block.find('\n', at);
  return lf == std::string_view::npos ? block.size() : lf + 1;
}

std::string_view without_line_end(std::string_view line) {
  if (!line.empty() && line.back() == '\n') {
    line.remove_suffix(1);
    if (!line.empty() && line.back() == '\r') line.remove_suffix(1);
  }
  return line;
}

bool is_blank_line(std::string_view line) { return line == "\r\n" || line == "\n"; }

HeaderField make_field(std::string_view raw) {
  HeaderField field;
  field.raw = raw;
  const std::string_view text = without_line_end(raw);
  const auto colon = text.find(':');
  const auto first_line = text.find('\n');
  // mbox writes "From alice@example.net Mon May  4 08:30:00 2020" where a field would stand.
  const bool mbox_line = text.starts_with("From ") && text.substr(0, colon).find('@') != std::string_view::npos;
  if (colon == std::string_view::npos || colon == 0 || first_line < colon || mbox_line) {
    field.value = text;
    return field;
  }
  field.name = text.substr(0, colon);
  while (!field.name.empty() && is_blank(field.name.back())) field.name.remove_suffix(1);
  field.value = text.substr(colon + 1);
  return field;
}

// Calls visit(field) for each field until it returns false.
template <class Visit>
void for_each_field(std::string_view block, Visit&& visit) {
  std::size_t at = 0;
  while (at < block.size()) {
    const std::size_t begin = at;
    at = line_end(block, at);
    if (is_blank_line(block.substr(begin, at - begin))) return;
    while (at < block.size() && is_blank(block[at])) at = line_end(block, at);
    if (!visit(make_field(block.substr(begin, at - begin)))) return;
  }
}

}  // namespace

bool equals_ignore_case(std::string_view a, std::string_view b) {
  return a.size() == b.size() &&
         std::equal(a.begin(), a.end(), b.begin(), [](char x, char y) { return lower(x) == lower(y); });
}

std::string ascii_lower(std::string_view text) {
  std::string out(text);
  std::transform(out.begin(), out.end(), out.begin(), lower);
  return out;
}

std::vector<HeaderField> header_fields(std::string_view block) {
  std::vector<HeaderField> fields;
  for_each_field(block, [&](const HeaderField& field) {
    fields.push_back(field);
    return true;
  });
  return fields;
}

std::optional<HeaderField> find_field(std::string_view block, std::string_view name) {
  std::optional<HeaderField> found;
  for_each_field(block, [&](const HeaderField& field) {
    if (!equals_ignore_case(field.name, name)) return true;
    found = field;
    return false;
  });
  return found;
}

std::string unfold(std::string_view value) {
  std::string out;
  out.reserve(value.size());
  for (const char c : value)
    if (c != '\r' && c != '\n') out += c;
  const auto first = out.find_first_not_of(" \t");
  if (first == std::string::npos) return {};
  out.erase(out.find_last_not_of(" \t") + 1);
  out.erase(0, first);
  return out;
}

std::string select_fields(std::string_view block, std::span<const std::string> names, bool not_) {
  std::string out;
  for_each_field(block, [&](const HeaderField& field) {
    const bool named = std::any_of(names.begin(), names.end(), [&](const std::string& name) {
      return !name.empty() && equals_ignore_case(name, field.name);
    });
    if (named != not_) out += field.raw;
    return true;
  });
  // The last field of a header without a blank line may lack its line end.
  if (!out.empty() && out.back() != '\n') out += "\r\n";
  out += "\r\n";
  return out;
}

}  // namespace cpm::imap::mime
