#include "imap/grammar/annotation_entry.h"

#include <algorithm>
#include <array>

namespace cpm::imap::grammar {

namespace {

constexpr std::size_t kMostWildcards = 32;

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// Printable ASCII; control characters are only discouraged by the RFC, and of no use.
bool name_char(char c) {
  const auto octet = static_cast<unsigned char>(c);
  return octet >= 0x20 && octet < 0x7f;
}

// "1.2": section-part, each number a positive one.
std::optional<std::vector<std::uint32_t>> part_numbers(std::string_view text) {
  std::vector<std::uint32_t> out;
  for (std::size_t at = 0; at <= text.size();) {
    const std::size_t end = std::min(text.find('.', at), text.size());
    const std::string_view digits = text.substr(at, end - at);
    if (digits.empty() || digits.size() > 9 || digits.front() == '0') return std::nullopt;
    std::uint32_t number = 0;
    for (const char c : digits) {
      if (!is_digit(c)) return std::nullopt;
      number = number * 10 + static_cast<std::uint32_t>(c - '0');
    }
    out.push_back(number);
    at = end + 1;
  }
  return out;
}

// The first component of a name, when it is about a part: "/1.2/comment" → "1.2".
std::string_view part_component(std::string_view name) {
  if (name.size() < 2 || name[0] != '/' || !is_digit(name[1])) return {};
  return name.substr(1, std::min(name.find('/', 1), name.size()) - 1);
}

// What patterns must fulfil too.
std::string common_fault(std::string_view name, const Limits& limits) {
  if (name.size() > limits.metadata_entry_octets) return "Entry name too long";
  if (!std::all_of(name.begin(), name.end(), name_char)) return "An entry name has a character that is not allowed";
  if (name.find("//") != std::string_view::npos) return "An entry name has an empty component";
  if (name.ends_with('/')) return "An entry name does not end with /";
  const std::string_view part = part_component(name);
  const bool fixed = part.find_first_of("*%") == std::string_view::npos;
  if (!part.empty() && fixed && !part_numbers(part)) return "There is no such body part";
  return {};
}

constexpr std::array<std::string_view, 4> kPartFlags{"/flags/seen", "/flags/answered", "/flags/flagged",
                                                     "/flags/forwarded"};

bool is_part_flag(std::string_view rest) {
  return std::find(kPartFlags.begin(), kPartFlags.end(), rest) != kPartFlags.end();
}

// Whether the entry may be set (RFC 5257 3.2.1); `rest`: behind the part, if any.
bool may_be_set(bool of_part, std::string_view rest) {
  constexpr std::string_view kVendor = "/vendor/";
  if (rest.starts_with(kVendor) && rest.size() > kVendor.size()) return true;
  if (rest == "/comment") return true;
  return of_part ? is_part_flag(rest) : rest == "/altsubject";
}

}  // namespace

std::string annotation_fault(std::string_view name, const Limits& limits) {
  if (!name.starts_with('/') || name.size() < 2) return "An entry name begins with /";
  std::string fault = common_fault(name, limits);
  if (!fault.empty()) return fault;
  if (name.find_first_of("*%") != std::string_view::npos) return "Wildcards are not allowed here";
  if (name == "/flags" || name.starts_with("/flags/")) return "/flags is reserved";
  return {};
}

std::string parse_annotation_entry(wire::Lexer& lexer) {
  std::string name = lexer.astring();
  const std::string fault = annotation_fault(name, lexer.limits());
  if (!fault.empty()) lexer.bad(fault);
  return name;
}

std::vector<std::uint32_t> annotated_part(std::string_view entry) {
  const std::string_view part = part_component(entry);
  if (part.empty()) return {};
  return part_numbers(part).value_or(std::vector<std::uint32_t>{});
}

bool has_parts(const mime::PartMap& message, const std::vector<std::string>& entries) {
  return std::all_of(entries.begin(), entries.end(), [&](const std::string& entry) {
    const std::vector<std::uint32_t> part = annotated_part(entry);
    return part.empty() || message.find(part) != nullptr;
  });
}

schema::PartCheck part_check(std::vector<std::string> entries) {
  std::erase_if(entries, [](const std::string& entry) { return annotated_part(entry).empty(); });
  if (entries.empty()) return {};
  return [entries = std::move(entries)](const std::string& part_map) {
    const auto message = mime::PartMap::decode(part_map);
    return message && has_parts(*message, entries);
  };
}

// Row by row: whether the pattern so far matches the first n octets.
bool EntryMatch::matches(std::string_view entry) const {
  if (exact()) return entry == text_;
  std::vector<char> now(entry.size() + 1, 0), next(entry.size() + 1, 0);
  now[0] = 1;
  for (const char c : text_) {
    std::fill(next.begin(), next.end(), 0);
    for (std::size_t n = 0; n < entry.size(); ++n) {
      const bool wild = c == '*' || (c == '%' && entry[n] != '/');
      const bool took = wild ? now[n] != 0 || next[n] != 0 : c != '%' && c == entry[n] && now[n] != 0;
      if (took) next[n + 1] = 1;
    }
    now.swap(next);
  }
  return now[entry.size()] != 0;
}

EntryMatch parse_entry_match(wire::Lexer& lexer) {
  EntryMatch match(lexer.list_mailbox());
  std::string fault;
  if (match.exact()) {
    fault = annotation_fault(match.text(), lexer.limits());
  } else {
    const std::string& text = match.text();
    fault = common_fault(text, lexer.limits());
    const auto wild = std::count_if(text.begin(), text.end(), [](char c) { return c == '*' || c == '%'; });
    if (static_cast<std::size_t>(wild) > kMostWildcards) fault = "Too many wildcards";
    if (text.front() != '/' && text.front() != '*' && text.front() != '%') fault = "An entry name begins with /";
  }
  if (!fault.empty()) lexer.bad(fault);
  return match;
}

std::string AnnotationAttribute::name() const {
  return std::string(size ? "size" : "value") + (shared ? ".shared" : ".priv");
}

void parse_annotation_attribute(wire::Lexer& lexer, std::vector<AnnotationAttribute>& to) {
  const std::string text = lexer.astring();
  bool any = false;
  for (const bool size : {false, true}) {
    const std::string base = size ? "size" : "value";
    for (const bool shared : {false, true}) {
      const AnnotationAttribute one{size, shared};
      if (text != base && text != one.name()) continue;
      any = true;
      if (std::find(to.begin(), to.end(), one) == to.end()) to.push_back(one);
    }
  }
  if (!any) lexer.bad("Unknown attribute");
}

AnnotationText parse_annotation_value(wire::Lexer& lexer) {
  AnnotationText out;
  const std::uint64_t most = lexer.limits().metadata_value_octets;
  if (lexer.at_literal()) {
    wire::Literal literal = lexer.literal();
    out.too_long = literal.data.size() > most;
    out.octets = out.too_long ? std::string() : literal.data.text();
    return out;
  }
  out.octets = lexer.nstring();
  out.too_long = out.octets && out.octets->size() > most;
  return out;
}

AnnotationSettings parse_annotation_settings(wire::Lexer& lexer) {
  AnnotationSettings out;
  lexer.list(false, [&] {
    const std::string entry = parse_annotation_entry(lexer);
    const std::string_view part = part_component(entry);
    const std::string_view rest = std::string_view(entry).substr(part.empty() ? 0 : part.size() + 1);
    if (!may_be_set(!part.empty(), rest)) lexer.bad("Unknown entry");
    lexer.sp();
    lexer.list(false, [&] {
      const std::string attribute = lexer.astring();
      if (attribute != "value.priv" && attribute != "value.shared")
        lexer.bad("Only value.priv and value.shared are set");
      lexer.sp();
      AnnotationText value = parse_annotation_value(lexer);
      out.too_long = out.too_long || value.too_long;
      const bool flag = !part.empty() && is_part_flag(rest);
      if (flag && value.octets && *value.octets != "0" && *value.octets != "1")
        lexer.bad("A flag is \"1\", \"0\" or NIL");
      const bool shared = attribute == "value.shared";
      std::erase_if(out.settings, [&](const auto& one) { return one.entry == entry && one.shared == shared; });
      if (out.settings.size() >= lexer.limits().metadata_entries) lexer.bad("Too many entries");
      out.settings.push_back({entry, shared, std::move(value.octets)});
    });
  });
  return out;
}

std::vector<std::string> AnnotationSettings::entries() const {
  std::vector<std::string> out;
  for (const One& one : settings) out.push_back(one.entry);
  return out;
}

std::vector<schema::AnnotationChange> AnnotationSettings::changes(AccountId user) const {
  std::vector<schema::AnnotationChange> out;
  for (const One& one : settings) out.push_back({one.entry, one.shared ? AccountId{} : user, one.value});
  return out;
}

}  // namespace cpm::imap::grammar
