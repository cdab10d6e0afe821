#include "imap/cpm/facts.h"

#include "imap/mime/header.h"

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
std::string id_of(std::string_view header, std::string_view name) {
  std::string value = value_of(header, name);
  for (const char c : value) {
    if ((c & 0x80) != 0) return {};
  }
  return value;
}

}  // namespace

schema::ObjectFacts classify(std::string_view header) {
  schema::ObjectFacts facts;
  facts.conversation_id = id_of(header, "Conversation-ID");
  facts.contribution_id = id_of(header, "Contribution-ID");
  facts.imdn_message_id = id_of(header, "IMDN-Message-ID");
  facts.message_id = id_of(header, "Message-ID");
  const std::string direction = value_of(header, "Message-Direction");
  if (!direction.empty()) facts.direction = mime::equals_ignore_case(direction, "sent") ? 1 : 2;
  return facts;
}

}  // namespace cpm::imap::cpm_objects
