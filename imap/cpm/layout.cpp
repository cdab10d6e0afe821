#include "imap/cpm/layout.h"

#include "base/percent.h"
#include "imap/cpm/text.h"
#include "imap/mime/charset.h"
#include "imap/mime/header.h"

#include <algorithm>
#include <array>
#include <cctype>

namespace cpm::imap::cpm_objects {

namespace {

constexpr std::size_t kLongestAddress = 512;
constexpr std::size_t kMostDigits = 40;  // E.164 has 15; short codes and local numbers are kept as they are

bool is_digit(char c) { return c >= '0' && c <= '9'; }

// What stands between angle brackets, if there are any outside of quotes.
std::string_view without_name(std::string_view text) {
  bool quoted = false;
  for (std::size_t i = 0; i < text.size(); ++i) {
    if (text[i] == '\\' && quoted) {
      ++i;
    } else if (text[i] == '"') {
      quoted = !quoted;
    } else if (text[i] == '<' && !quoted) {
      text.remove_prefix(i + 1);
      return trim(text.substr(0, text.find('>')));
    }
  }
  return trim(text);
}

// The digits of a telephone number with its leading "+", without visual separators (RFC 3966 3); nothing: not a number.
std::optional<std::string> number(std::string_view text) {
  std::string out;
  for (const char c : trim(text)) {
    if (is_digit(c) || (c == '+' && out.empty()) || c == '*' || c == '#') {
      out += c;
    } else if (std::string_view("-.() ").find(c) == std::string_view::npos) {
      return std::nullopt;
    }
  }
  if (out.empty() || out == "+" || out.size() > kMostDigits) return std::nullopt;
  return out;
}

// A number that is the same everywhere.
std::optional<std::string> global_number(std::string_view text) {
  auto found = number(text);
  if (!found || found->front() != '+' || found->find_first_of("*#") != std::string::npos) return std::nullopt;
  return found;
}

bool usable(std::string_view text) {
  const bool plain = std::none_of(text.begin(), text.end(), [](char c) {
    return static_cast<unsigned char>(c) <= 0x20 || c == 0x7f ||
           std::string_view("<>\",;()").find(c) != std::string_view::npos;
  });
  return plain && !text.empty() && mime::valid_in(text, "utf-8");
}

bool is_host(std::string_view text) {
  if (text.size() > 2 && text.starts_with('[') && text.ends_with(']'))
    return text.find_first_not_of("0123456789abcdefABCDEF:.", 1) == text.size() - 1;
  return usable(text) && std::none_of(text.begin(), text.end(), [](char c) {
           return c < 0x7f && c >= 0 && std::isalnum(static_cast<unsigned char>(c)) == 0 && c != '.' && c != '-' &&
                  c != '_';
         });
}

// user@host with the host in lower case, without its port.
std::optional<std::string> user_at_host(std::string_view user, std::string_view host) {
  const auto colon = host.rfind(':');
  if (colon != std::string_view::npos && host.find(']', colon) == std::string_view::npos) host = host.substr(0, colon);
  if (!usable(user) || !is_host(host)) return std::nullopt;
  return std::string(user) + "@" + mime::ascii_lower(host);
}

std::optional<std::string> sip_address(std::string_view rest) {
  rest = rest.substr(0, rest.find('?'));
  const auto at = rest.rfind('@');
  std::string_view user = rest.substr(0, at == std::string_view::npos ? rest.size() : at);
  user = trim(user.substr(0, user.find(';')));
  if (const auto found = global_number(percent_decode(user))) return "tel:" + *found;
  if (at == std::string_view::npos) return std::nullopt;
  user = user.substr(0, user.find(':'));  // a password stands behind it
  if (mime::equals_ignore_case(user, "anonymous")) return std::nullopt;
  const std::string_view host = rest.substr(at + 1);
  auto address = user_at_host(user, trim(host.substr(0, host.find(';'))));
  if (!address || address->ends_with("@anonymous.invalid")) return std::nullopt;
  return "sip:" + *address;
}

std::optional<std::string> tel_address(std::string_view rest) {
  const auto found = number(percent_decode(rest.substr(0, rest.find(';'))));
  if (!found) return std::nullopt;
  return "tel:" + *found;
}

std::optional<std::string> mail_address(std::string_view text) {
  const auto at = text.rfind('@');
  if (at == std::string_view::npos || text.find_first_of(":/") < at) return std::nullopt;
  auto address = user_at_host(text.substr(0, at), text.substr(at + 1));
  if (!address || address->ends_with("@anonymous.invalid")) return std::nullopt;
  return address;
}

// Schemes of which user@host is kept behind the scheme.
constexpr std::array<std::string_view, 3> kOthers = {"im", "pres", "xmpp"};

}  // namespace

Place place_of(std::string_view path, std::span<const std::string> roots) {
  // Of roots within each other the innermost counts.
  std::string_view root;
  for (const std::string& candidate : roots) {
    const bool holds = path == candidate || (path.starts_with(candidate) && path[candidate.size()] == '/');
    if (holds && candidate.size() > root.size()) root = candidate;
  }
  Place place;
  if (root.empty()) return place;
  place.kind = Place::Kind::root;
  if (path == root) return place;
  const std::string_view below = path.substr(root.size() + 1);
  const auto slash = below.find('/');
  place.kind = slash == std::string_view::npos ? Place::Kind::conversation : Place::Kind::session;
  place.conversation = below.substr(0, slash);
  if (slash == std::string_view::npos) return place;
  const std::string_view session = below.substr(slash + 1);
  place.session = session.substr(0, session.find('/'));
  return place;
}

std::optional<std::string> canonical_address(std::string_view text) {
  if (text.size() > 4 * kLongestAddress) return std::nullopt;
  text = without_name(text);
  if (text.empty() || text.size() > kLongestAddress) return std::nullopt;
  const auto colon = text.find(':');
  const std::string scheme =
      colon == std::string_view::npos ? std::string() : mime::ascii_lower(trim(text.substr(0, colon)));
  const std::string_view rest = colon == std::string_view::npos ? text : trim(text.substr(colon + 1));
  if (scheme == "tel") return tel_address(rest);
  if (scheme == "sip" || scheme == "sips") return sip_address(rest);
  if (scheme == "mailto") return mail_address(rest.substr(0, rest.find('?')));
  if (std::find(kOthers.begin(), kOthers.end(), scheme) != kOthers.end()) {
    const auto address = mail_address(rest.substr(0, rest.find_first_of(";?")));
    if (!address) return std::nullopt;
    return scheme + ":" + *address;
  }
  if (text.front() == '+') {
    if (const auto found = global_number(text.substr(0, text.find(';')))) return "tel:" + *found;
  }
  return mail_address(text);
}

std::string conversation_name(const Place& place, std::string_view conversation_id) {
  // Conversation-IDs are compared octet by octet, and many look like a mail address: those are no parties.
  const auto party = [](std::string_view text) {
    auto address = canonical_address(text);
    if (address && !address->starts_with("tel:") && !address->starts_with("sip:")) address.reset();
    return address;
  };
  if (const auto found = party(place.conversation)) return *found;
  if (!conversation_id.empty()) return party(conversation_id).value_or(std::string(conversation_id));
  return place.conversation;
}

}  // namespace cpm::imap::cpm_objects
