// LANGUAGE (RFC 5255 3): the language of the texts for people. Every session begins with i-default, which is English.
// The only namespace has no prefix, so there is nothing to translate in NAMESPACE (3.4) and no such response follows.
#include "imap/response/language.h"
#include "imap/response/responses.h"
#include "imap/session/session.h"

namespace cpm::imap::ext::language {

namespace {

constexpr std::size_t kMostRanges = 64;  // no user speaks more

struct LanguageCommand {
  std::vector<std::string> ranges;  // none: which languages are there?
};

LanguageCommand parse(wire::Lexer& lexer, const ParseContext&) {
  LanguageCommand command;
  while (lexer.peek() == ' ' && lexer.peek_at(1) != '\0') {
    lexer.sp();
    if (command.ranges.size() == kMostRanges) lexer.bad("Too many languages");
    command.ranges.push_back(lexer.list_mailbox());  // "*" is a range, and no astring
    if (!is_language_range(command.ranges.back())) lexer.bad("Not a language range");
  }
  lexer.end();
  return command;
}

boost::asio::awaitable<Done> execute(Session& session, LanguageCommand command) {
  if (command.ranges.empty()) {
    std::string tags;
    for (const Language* one : languages()) tags += (tags.empty() ? "" : " ") + std::string(one->tag());
    session.out << Line{"LANGUAGE (" + tags + ")"};
    co_return ok("Languages are listed");
  }
  for (const std::string& range : command.ranges) {
    const Language* found = find_language(range, session.services.settings.language);
    if (found == nullptr) continue;
    session.out << Line{"LANGUAGE (" + std::string(found->tag()) + ")"};
    session.speak(found);
    co_return ok("Language changed");
  }
  co_return no("This language is not supported");
}

}  // namespace

Extension describe() {
  Extension extension;
  extension.name = "language";
  extension.rfcs = {"RFC 5255"};
  extension.requires_names = {"namespaces"};
  extension.capabilities = {{"LANGUAGE"}};
  extension.commands = {command("LANGUAGE", kAnyState, kBeforeLogin, parse, execute)};
  return extension;
}

}  // namespace cpm::imap::ext::language
