#include "imap/cpm/facts.h"

#include "imap/mime/header.h"

#include <algorithm>
#include <array>

namespace cpm::imap::cpm_objects {

namespace {

constexpr std::size_t kLongestId =
    1000;  // an identifier longer than this identifies nothing; also an index row's limit

std::string value_of(std::string_view header, std::string_view name) {
  const auto field = mime::find_field(header, name);
  if (!field) return {};
  std::string value = mime::unfold(field->value);
  std::erase(value, '\0');
  return value.size() > kLongestId ? std::string{} : value;
}

// PostgreSQL text must be UTF-8; other octets cannot be an identifier anybody asks for.
bool is_ascii(std::string_view text) {
  return std::all_of(text.begin(), text.end(), [](char c) { return (c & 0x80) == 0; });
}

// One identifier: the value of its first field.
struct Id {
  std::string_view name;
  std::string schema::ObjectFacts::*value;
};
constexpr std::array<Id, 4> kIds{{{"Conversation-ID", &schema::ObjectFacts::conversation_id},
                                  {"Contribution-ID", &schema::ObjectFacts::contribution_id},
                                  {"IMDN-Message-ID", &schema::ObjectFacts::imdn_message_id},
                                  {"Message-ID", &schema::ObjectFacts::message_id}}};

// Reads the identifiers in one pass; false when a value does not say all that SEARCH HEADER would find.
bool read_ids(std::string_view header, schema::ObjectFacts& facts) {
  bool exact = true;
  std::array<bool, kIds.size()> seen{};
  for (const mime::HeaderField& field : mime::header_fields(header)) {
    for (std::size_t i = 0; i < kIds.size(); ++i) {
      if (!mime::equals_ignore_case(field.name, kIds[i].name)) continue;
      if (seen[i]) exact = false;
      if (seen[i]) continue;
      seen[i] = true;
      std::string value = mime::unfold(field.value);
      std::erase(value, '\0');
      const bool usable = value.size() <= kLongestId && is_ascii(value);
      const bool plain = value.find("=?") == std::string::npos && value.find_first_of("\r\n") == std::string::npos;
      if (!usable || !plain || value.empty()) exact = false;
      if (usable) facts.*kIds[i].value = std::move(value);
    }
  }
  return exact;
}

}  // namespace

schema::ObjectFacts classify(std::string_view header) {
  schema::ObjectFacts facts;
  facts.exact = read_ids(header, facts);
  const std::string direction = value_of(header, "Message-Direction");
  if (!direction.empty()) facts.direction = mime::equals_ignore_case(direction, "sent") ? 1 : 2;
  return facts;
}

}  // namespace cpm::imap::cpm_objects
