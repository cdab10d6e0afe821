// I18NLEVEL=2 (RFC 5255 4): COMPARATOR chooses how SEARCH, SORT and THREAD compare text. i;unicode-casemap is the
// default.
#include "imap/extension.h"
#include "imap/mime/header.h"
#include "imap/response/responses.h"
#include "imap/session/session.h"

#include <algorithm>
#include <array>

namespace cpm::imap::ext::i18nlevel {

namespace {

struct Comparator {
  std::string_view name;
  Collation collation;
};
// In the order of preference, when a wildcard matches several.
constexpr std::array<Comparator, 3> kComparators{{{"i;unicode-casemap", Collation::unicode_casemap},
                                                  {"i;ascii-casemap", Collation::ascii_casemap},
                                                  {"i;octet", Collation::octet}}};
constexpr std::size_t kLongest = 254;  // RFC 4790 3.2
constexpr std::size_t kMostArguments = 100;

struct ComparatorCommand {
  std::vector<std::string> wanted;  // collation-order; empty: which is it now?
};

ComparatorCommand parse(wire::Lexer& lexer, const ParseContext&) {
  ComparatorCommand command;
  while (!lexer.eof()) {
    lexer.sp();
    std::string order = mime::ascii_lower(lexer.astring());
    const bool plain = std::all_of(order.begin(), order.end(), [](char c) {
      return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9') ||
             std::string_view("-;=.*+").find(c) != std::string::npos;
    });
    if (order.empty() || order.size() > kLongest || !plain) lexer.bad("That is no name of a comparator");
    if (command.wanted.size() == kMostArguments) lexer.bad("Too many comparators");
    command.wanted.push_back(std::move(order));
  }
  lexer.end();
  return command;
}

// "*" stands for any characters (RFC 4790 3.2). "+" means the usual order; the opposite one, "-", is not offered.
bool matches(std::string_view wanted, std::string_view name) {
  if (wanted == "default") return name == kComparators.front().name;
  if (wanted.starts_with('+')) wanted.remove_prefix(1);
  std::size_t at = 0;
  std::size_t in = 0;
  std::size_t star = std::string_view::npos;
  std::size_t retry = 0;
  while (in < name.size()) {
    if (at < wanted.size() && wanted[at] == '*') {
      star = at++;
      retry = in;
    } else if (at < wanted.size() && wanted[at] == name[in]) {
      ++at;
      ++in;
    } else if (star != std::string_view::npos) {
      at = star + 1;
      in = ++retry;
    } else {
      return false;
    }
  }
  while (at < wanted.size() && wanted[at] == '*') ++at;
  return at == wanted.size();
}

boost::asio::awaitable<Done> execute(Session& session, ComparatorCommand command) {
  const Comparator* chosen = nullptr;
  std::vector<std::string_view> matching;
  for (const std::string& wanted : command.wanted) {
    for (const Comparator& comparator : kComparators) {
      if (!matches(wanted, comparator.name)) continue;
      if (chosen == nullptr) chosen = &comparator;
      if (std::find(matching.begin(), matching.end(), comparator.name) == matching.end())
        matching.push_back(comparator.name);
    }
  }
  if (chosen == nullptr && !command.wanted.empty()) {
    co_return no("No such comparator; there are i;unicode-casemap, i;ascii-casemap and i;octet", "BADCOMPARATOR");
  }
  if (chosen != nullptr) session.collation = chosen->collation;
  const auto* active = std::find_if(kComparators.begin(), kComparators.end(), [&](const Comparator& comparator) {
    return comparator.collation == session.collation;
  });
  std::string line = "COMPARATOR " + std::string(active->name);
  if (matching.size() > 1) {
    line += " (";
    for (const std::string_view name : matching) {
      if (line.back() != '(') line += ' ';
      line += name;
    }
    line += ')';
  }
  session.out << Line{line};
  co_return ok("COMPARATOR completed");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "i18nlevel";
  extension.rfcs = {"RFC 5255", "RFC 4790"};
  extension.capabilities = {{"I18NLEVEL=2"}};
  extension.commands = {command("COMPARATOR", kLoggedIn, kTellChanges | kTellExpunges, parse, execute)};
  extension.response_codes = {"BADCOMPARATOR"};
  return extension;
}

}  // namespace cpm::imap::ext::i18nlevel
