#include "imap/cpm/parties.h"

#include "imap/cpm/layout.h"
#include "imap/cpm/text.h"
#include "imap/mime/envelope.h"

namespace cpm::imap::cpm_objects {

namespace {

// The list's first member; the list then begins behind it. Quotes and angle brackets hold separators together.
std::string_view next_member(std::string_view& list) {
  bool quoted = false;
  bool angle = false;
  std::size_t i = 0;
  for (; i < list.size(); ++i) {
    const char c = list[i];
    if (c == '\\' && quoted) {
      ++i;
    } else if (c == '"' && !angle) {
      quoted = !quoted;
    } else if (!quoted && (c == '<' || c == '>')) {
      angle = c == '<';
    } else if (!quoted && !angle && (c == ',' || c == ';')) {
      break;
    }
  }
  i = std::min(i, list.size());
  const std::string_view member = list.substr(0, i);
  list.remove_prefix(std::min(i + 1, list.size()));
  return trim(member);
}

// Members with comments or in a named group are left to the parser of mail addresses.
void read_as_mail(std::string_view member, std::vector<std::string>& into) {
  for (const mime::Address& address : mime::parse_addresses(member)) {
    if (!address.mailbox || !address.host) continue;
    const std::string text = address.host->empty() ? *address.mailbox : *address.mailbox + "@" + *address.host;
    if (auto found = canonical_address(text)) into.push_back(std::move(*found));
  }
}

}  // namespace

std::vector<std::string> read_parties(std::string_view list) {
  list = list.substr(0, kBodyOctets);
  std::vector<std::string> found;
  while (!list.empty()) {
    const std::string_view member = next_member(list);
    if (member.empty()) continue;
    if (auto address = canonical_address(member)) {
      found.push_back(std::move(*address));
    } else if (member.find_first_of("(:") != std::string_view::npos &&
               member.find_first_of("@+") != std::string_view::npos) {
      read_as_mail(member, found);
    }
  }
  return found;
}

}  // namespace cpm::imap::cpm_objects
